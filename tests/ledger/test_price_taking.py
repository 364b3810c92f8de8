"""Taking prices over as genai-prices publishes them: what is taken, what is left out, what is refused."""

import hashlib
import json
from decimal import Decimal

import pytest

from llm_gateway.ledger.price_table import Clause, PriceRow, TableModel, read_table
from llm_gateway.ledger.price_taking import CLASSES, BadPrices, taken, written

Json = dict[str, object]


def published(*models: Json, **more: object) -> bytes:
    provider = {"id": "p", "api_pattern": r"https://p\.example", "models": list(models), **more}
    return json.dumps([provider]).encode()


def model(prices: object, **more: object) -> Json:
    return {"id": "m", "match": {"equals": "m"}, "prices": prices, **more}


def only(*models: Json) -> TableModel:
    ((_, (found,)),) = taken(published(*models))
    return found


def test_every_class_is_taken() -> None:
    found = only(model({key: number + 0.1 for number, key in enumerate(CLASSES)}))
    (row,) = found.prices
    assert row.rates == {name: Decimal(f"{number}.1") for number, name in enumerate(CLASSES.values())}


def test_numbers_are_what_stands_there() -> None:
    text = published(model({"input_mtok": "IN", "output_mtok": "OUT"}))
    text = text.replace(b'"IN"', b"0.0416666666666667").replace(b'"OUT"', b"1e-3")
    ((_, (found,)),) = taken(text)
    assert found.prices[0].rates == {"input": Decimal("0.0416666666666667"), "output": Decimal("0.001")}


def test_searches_and_requests_are_taken_and_pages_are_not() -> None:
    told = {"input_mtok": 1, "web_searches_kcount": 10, "requests_kcount": 5, "input_document_kpages": 7}
    assert only(model(told)).prices == (
        PriceRow({"input": Decimal(1)}, search=Decimal(10), thousand=Decimal(5)),
    )


def test_steps_are_in_order() -> None:
    tiers = [{"start": 200_000, "price": 4}, {"start": 100_000, "price": 3}]
    found = only(model({"input_mtok": {"base": 2, "tiers": tiers}, "output_mtok": {"base": 9, "tiers": []}}))
    assert found.prices[0].rates == {
        "input": ((0, Decimal(2)), (100_000, Decimal(3)), (200_000, Decimal(4))),
        "output": Decimal(9),
    }


def test_days_and_hours_are_in_utc() -> None:
    found = only(
        model(
            [
                {"prices": {"input_mtok": 1}},
                {"prices": {"input_mtok": 2}, "constraint": {"start_date": "2026-03-13"}},
                {
                    "prices": {"input_mtok": 3},
                    "constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"},
                },
                {
                    "prices": {"input_mtok": 4},
                    "constraint": {"start_time": "01:00:00+02:00", "end_time": "09:00:00+02:00"},
                },
                {
                    "prices": {"input_mtok": 5},
                    "constraint": {"start_time": "01:00:00", "end_time": "02:00:00"},
                },
            ]
        )
    )
    assert [(row.since, row.hours) for row in found.prices] == [
        ("", ""),
        ("2026-03-13", ""),
        ("", "00:30-16:30"),
        ("", "23:00-07:00"),
        ("", "01:00-02:00"),
    ]


def test_tiers_are_taken_by_our_names_and_other_variants_are_not() -> None:
    variants = [
        {"when": {"processing": "batch"}, "prices": {"input_mtok": 0.5}},
        {
            "when": {"service_tier": "flex"},
            "prices": {"input_mtok": 0.6},
            "constraint": {"start_date": "2026-10-12"},
        },
        {"when": {"speed": "fast"}, "prices": {"web_searches_kcount": 2}},
        {"when": {"service_tier": "default"}, "prices": {}},
        {"when": {"service_tier": "priority"}, "prices": {"audio_hours": 1}},
        {"when": {"route": "eu"}, "prices": {"input_mtok": 7}},
        {"when": {"service_tier": "flex", "processing": "batch"}, "prices": {"input_mtok": 8}},
    ]
    assert only(model({"input_mtok": 1}, price_variants=variants)).tiers == (
        PriceRow({"input": Decimal("0.5")}, tier="batch"),
        PriceRow({"input": Decimal("0.6")}, since="2026-10-12", tier="flex"),
        PriceRow(search=Decimal(2), tier="fast"),
    )


def test_names_windows_and_whose_models_are_sold_are_kept() -> None:
    match = {"or": [{"equals": "m"}, {"and": [{"starts_with": "m"}, {"regex": "^m-\\d$"}]}]}
    text = published(
        {"id": "m", "match": match, "prices": {"input_mtok": 1}, "context_window": 128_000},
        fallback_model_providers=["q"],
        extractors=[{"root": "usage"}],
    )
    ((provider, (found,)),) = taken(text)
    assert (provider.name, provider.urls, provider.also) == ("p", r"https://p\.example", ("q",))
    both = Clause(all_of=(Clause(starts_with="m"), Clause(regex="^m-\\d$")))
    assert found.match == Clause(any_of=(Clause(equals="m"), both)) and found.window == 128_000


def test_what_costs_nothing_that_is_counted_is_left_out() -> None:
    other: Json = {"id": "n", "match": {"equals": "n"}, "prices": {"audio_hours": 1}}
    ((_, models),) = taken(published(model({"input_mtok": 0}), other))
    assert [each.id for each in models] == ["m"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "not in the form"),
        (b"\xff", "not in the form"),
        (b"<!doctype html>", "not in the form"),
        (b'{"providers":[]}', "not in the form"),
        (b"[]", "no model with a price"),
        (published(), "no model with a price"),
        (published(model({"audio_hours": 1})), "no model with a price"),
        (published(model({"input_mtok": "free"})), "not in the form"),
        (published(model({"input_mtok": -1})), "m would cost -1 dollars"),
        (published(model({"input_mtok": "NaN"})), "m would cost NaN dollars"),
        (published(model({"input_mtok": 10**7})), "m would cost 10000000 dollars"),
        (published(model({"input_mtok": 1}, match={"regex": "("})), "not a regular expression"),
        (published(model({"input_mtok": 1}, match={"or": [{"regex": "["}]})), "not a regular expression"),
        (published(model({"input_mtok": 1}), api_pattern="("), "not a regular expression"),
        (
            published(model({"input_mtok": {"base": 1, "tiers": [{"start": 0, "price": 2}]}})),
            "begin at [0]",
        ),
        (
            published(
                model({"input_mtok": {"base": 1, "tiers": [{"start": 5, "price": n} for n in (2, 3)]}})
            ),
            "begin at [5, 5]",
        ),
        (
            published(model({"input_mtok": 1, "requests_kcount": {"base": 1, "tiers": []}})),
            "nothing but tokens",
        ),
        (
            published(model([{"prices": {"input_mtok": 1}, "constraint": {"start_time": "01:00:00"}}])),
            "one end is missing",
        ),
        (
            published(
                model(
                    [
                        {
                            "prices": {"input_mtok": 1},
                            "constraint": {"start_time": "01:00:30", "end_time": "02:00:00"},
                        }
                    ]
                )
            ),
            "within a minute",
        ),
    ],
)
def test_what_is_no_list_of_prices_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(BadPrices) as refused:
        taken(text)
    assert why in str(refused.value)


def test_a_provider_that_is_there_twice_is_refused() -> None:
    provider = json.loads(published(model({"input_mtok": 1})))[0]
    with pytest.raises(BadPrices, match="p is there more than once"):
        taken(json.dumps([provider, provider]).encode())


def test_what_is_written_is_read_again_and_has_a_line_for_each_model() -> None:
    other: Json = {"id": "n", "match": {"equals": "n"}, "prices": {"input_mtok": 2}}
    providers = taken(published(model({"input_mtok": 1}), other))
    data = written("mine", "1", providers, checked="theirs 2")
    table = read_table(data)
    assert (table.source, table.version, table.checked) == ("mine", "1", "theirs 2")
    assert table.models("p") == tuple(providers[0][1])
    assert [line[:9] for line in data.splitlines()[1:]] == [b'{"id":"m"', b'{"id":"n"']
    body = data[data.index(b'"providers":') + len(b'"providers":') : data.rindex(b"}")]
    assert table.sha256 == hashlib.sha256(body).hexdigest()
