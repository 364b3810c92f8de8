"""What another table of prices would change, and which doubts go on."""

import json

import msgspec

from llm_gateway.ledger.price_changes import Change, changes, doubted, shown
from llm_gateway.ledger.price_table import PriceTable, TableModel, TableProvider, read_table
from llm_gateway.ledger.price_taking import taken, written

Providers = list[tuple[TableProvider, list[TableModel]]]


def published(**models: object) -> Providers:
    listed = [{"id": name, "match": {"equals": name}, "prices": told} for name, told in models.items()]
    return taken(json.dumps([{"id": "p", "api_pattern": "https://p", "models": listed}]).encode())


def table(providers: Providers) -> PriceTable:
    return read_table(written("mine", "1", providers))


def with_doubt(providers: Providers, other: str) -> Providers:
    """Return providers that all have the same doubt."""
    return [
        (
            provider,
            [
                msgspec.structs.replace(
                    model, prices=tuple(msgspec.structs.replace(row, other=other) for row in model.prices)
                )
                for model in models
            ],
        )
        for provider, models in providers
    ]


def test_what_is_other_new_or_gone_is_told() -> None:
    old = published(
        same={"input_mtok": 1, "output_mtok": 2},
        dearer={"input_mtok": 1, "output_mtok": 2},
        cached={"input_mtok": 1, "cache_read_mtok": 0.5},
        gone={"input_mtok": 3},
    )
    new = published(
        same={"input_mtok": 1, "output_mtok": 2},
        dearer={"input_mtok": 1.5, "output_mtok": 2},
        cached={"input_mtok": 1, "cache_read_mtok": 0.25},
        new={"input_mtok": 4},
    )
    assert list(changes(table(old), table(new), 0)) == [
        Change("p", "cached", "changed", "1/0", "1/0"),
        Change("p", "dearer", "changed", "1/2", "1.5/2"),
        Change("p", "gone", "gone", "3/0", ""),
        Change("p", "new", "new", "", "4/0"),
    ]
    assert not list(changes(table(old), table(old), 0))


def test_a_provider_may_be_new_or_gone_as_a_whole() -> None:
    one = table(published(m={"input_mtok": 1}))
    none = table([])
    assert [each.kind for each in changes(one, none, 0)] == ["gone"]
    assert [each.kind for each in changes(none, one, 0)] == ["new"]


def test_a_doubt_is_no_change() -> None:
    plain = published(m={"input_mtok": 1})
    assert not list(changes(table(plain), table(with_doubt(plain, "2/2")), 0))


def test_a_doubt_goes_on_while_the_price_is_the_same() -> None:
    old = published(same={"input_mtok": 1, "output_mtok": 2}, other={"input_mtok": 1, "output_mtok": 2})
    new = published(same={"input_mtok": 1, "output_mtok": 2}, other={"input_mtok": 3, "output_mtok": 2})
    ((_, models),) = doubted(new, table(with_doubt(old, "9/9")))
    assert {model.id: model.prices[0].other for model in models} == {"same": "9/9", "other": ""}


def test_a_price_is_shown_as_what_goes_in_and_what_comes_out() -> None:
    ((_, (model,)),) = published(m={"input_mtok": {"base": 1.25, "tiers": [{"start": 9, "price": 2}]}})
    assert shown(model.prices[0]) == "1.25/0" and shown(None) == ""
