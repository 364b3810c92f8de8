"""The parts of an amount, by hand, and of thousands of turns the very amounts on record."""

from decimal import Decimal
from pathlib import Path

import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.ledger.arithmetic import Part, cards_of, parts, rounded
from llm_gateway.ledger.records import Attempt, Money, Noted, Settlement, Turn
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.tariff import Card, Tariff
from turn_factory import CARDS, generated

TARIFF = Tariff(
    Card(
        "here",
        "p",
        "m",
        "exact",
        {
            "input": ((0, Decimal(3)), (200_000, Decimal(6))),
            "output": ((0, Decimal(15)),),
            "cache_read": ((0, Decimal("0.3")),),
            "audio_in": ((0, Decimal(40)),),
        },
        search=Decimal(10),
        request=Decimal("0.0001"),
    )
)


def test_every_class_has_its_count_its_price_and_its_amount() -> None:
    usage = Usage(1000, 500, 100, 50, 20, cache_write_1h=40, special=Special(audio_in=200, searches=2))
    found = parts(TARIFF, usage)
    assert found == (
        Part("input", 800, Decimal(3), 10**6, Decimal("0.0024")),
        Part("cache_read", 500, Decimal("0.3"), 10**6, Decimal("0.00015")),
        Part("cache_write", 60, Decimal(3), 10**6, Decimal("0.00018")),
        Part("cache_write_1h", 40, Decimal(3), 10**6, Decimal("0.00012")),
        Part("output", 30, Decimal(15), 10**6, Decimal("0.00045")),
        Part("reasoning", 20, Decimal(15), 10**6, Decimal("0.0003")),
        Part("audio_in", 200, Decimal(40), 10**6, Decimal("0.008")),
        Part("searches", 2, Decimal(10), 1000, Decimal("0.02")),
        Part("request", 1, Decimal("0.0001"), 1, Decimal("0.0001")),
    )
    assert rounded(found) == TARIFF.cost(usage) == 31_700_000


def test_a_step_holds_for_all_tokens_of_the_request() -> None:
    (part, _) = parts(TARIFF, Usage(200_001))
    assert part.price == 6


@pytest.mark.parametrize("count", [0, 1, 10**30 + 1])
def test_nothing_and_the_absurd_come_out_as_well(count: int) -> None:
    assert rounded(parts(TARIFF, Usage(count))) == TARIFF.cost(Usage(count))


def test_the_parts_of_every_turn_are_its_amount_to_the_nanodollar() -> None:
    seen = 0
    for records in generated(3000, seed=2):
        for end in records:
            if isinstance(end, Settlement) and end.money is not None and end.usage is not None:
                card = CARDS.get(end.money.tariff or end.money.reference)
                if card is not None and not end.cached_from:
                    nano = end.cost_nano if end.money.tariff else end.money.route_nano
                    assert rounded(parts(card, end.usage)) == nano
                    seen += 1
    assert seen > 1500


def test_the_cards_of_a_turn_are_those_on_record(tmp_path: Path) -> None:
    other = next(iter(CARDS.values()))
    tries = (Attempt("p", cost_nano=1, tariff=other.id),)
    end = settlement("a", money=Money(1, TARIFF.id, "missing"), attempts=tries)
    store = SqliteStore(tmp_path / "db", NOON)
    store.apply(merge([Noted(TARIFF.id, TARIFF.text), Noted(other.id, other.text)]), 1)
    found = cards_of(store, Turn(intent("a"), end))
    assert found == {TARIFF.id: TARIFF.card, other.id: other.card}
    assert cards_of(store, Turn(intent("a"))) == cards_of(store, None) == {}
    assert cards_of(store, Turn(intent("a"), settlement("a"))) == {}
    store.close()
