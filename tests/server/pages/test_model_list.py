"""Models are found by a word and shown a page at a time, each with its price and how it fared."""

from decimal import Decimal

import pytest

from llm_gateway.ledger.accounting import Basis
from llm_gateway.ledger.spreads import Spread
from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.tariff import Card, Match, Tariff
from llm_gateway.ledger.usage import Row
from llm_gateway.providers.catalog import ProviderRow, Speaks
from llm_gateway.providers.discovery import ModelEntry
from llm_gateway.server.pages.model_list import (
    PER_PAGE,
    Fared,
    ModelsShown,
    Wanted,
    fared_of,
    models_shown,
)
from llm_gateway.upstream.fleet import Member

ENTRIES = tuple(ModelEntry(f"maker/model-{number}", context_length=number) for number in range(401))


def member(name: str, *entries: ModelEntry, fixed: tuple[str, ...] = ()) -> Member:
    row = ProviderRow(name, name, "hosted", {"chat": Speaks("/v1")})
    return Member(row, "configured", fixed=fixed, entries=entries, state="ok")


MEMBERS = {
    "openrouter": member("openrouter", *ENTRIES),
    "other": member("other", ModelEntry("plain", label="A Label"), fixed=("plain", "unlisted")),
}


def tariff(match: Match = "exact", *, steps: bool = False) -> Tariff:
    into = ((0, Decimal(1)), (1000, Decimal(2))) if steps else ((0, Decimal(1)),)
    return Tariff(
        Card("the table", "p", "m", match, {"input": into, "output": ((0, Decimal("2.5")),)}, "2026")
    )


def shown(wanted: Wanted, basis: Basis | None = None) -> ModelsShown:
    fared = {("other", "plain"): Fared(7, 12.5)}
    return models_shown(MEMBERS, wanted, fared, lambda *_: basis or Basis(), lambda *_: 4096)


def test_they_come_a_page_at_a_time() -> None:
    found = shown(Wanted(provider="openrouter", page=2))
    assert (found.total, found.page, found.pages, len(found.rows)) == (401, 2, 9, PER_PAGE)
    assert (found.rows[0].name, found.rows[0].context) == ("openrouter/maker/model-50", 50)
    assert shown(Wanted(page=999)).page == 9
    assert shown(Wanted(text="nowhere")) == ModelsShown([], 0, 1, 1)


def test_a_word_is_found_in_any_part_of_a_name() -> None:
    assert {row.name for row in shown(Wanted("ROUTER/maker/model-40")).rows} == {
        "openrouter/maker/model-40",
        "openrouter/maker/model-400",
    }
    (plain,) = shown(Wanted("plain")).rows
    assert (plain.label, plain.context, plain.fared) == ("A Label", 4096, Fared(7, 12.5))
    (unlisted,) = shown(Wanted("unlisted")).rows
    assert (unlisted.label, unlisted.fared) == ("", Fared())


@pytest.mark.parametrize(
    ("basis", "told"),
    [
        (Basis(tariff()), (1.0, 2.5, "the table 2026", True, False)),
        (Basis(tariff(steps=True)), (1.0, 2.5, "the table 2026", True, True)),
        (Basis(tariff("stated")), (1.0, 2.5, "the table 2026, as you stated it", True, False)),
        (Basis(None, tariff()), (1.0, 2.5, "the table 2026", False, False)),
    ],
)
def test_a_price_says_where_it_stands(basis: Basis, told: tuple[float, float, str, bool, bool]) -> None:
    price = shown(Wanted("plain"), basis).rows[0].price
    assert price is not None
    assert (price.input, price.output, price.source, price.paid, price.steps) == told


@pytest.mark.parametrize("basis", [Basis(), Basis(tariff("assumed"))])
def test_what_nobody_knows_is_no_price(basis: Basis) -> None:
    assert shown(Wanted("plain"), basis).rows[0].price is None


def test_how_they_fared_comes_from_a_week_and_a_day() -> None:
    week = [Row(0, ("p", "m"), Sums(requests=9), ttft=Spread(1500, 2000, 3000)), Row(0, ("p", "n"), Sums())]
    day = [Row(0, ("p", "m"), Sums(requests=2))]
    assert fared_of(week, day) == {("p", "m"): Fared(2, 1.5), ("p", "n"): Fared(0, None)}
