"""Ten thousand turns of every kind, through records, rows and a store, and every nanodollar of them again."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import chain
from pathlib import Path

import pytest

from ledger_samples import NOON, Failures, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.accounting import FORMULA
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.queries import turn
from llm_gateway.ledger.recompute import MOST_TOLD, Recomputed, Revalued, recompute, revalue
from llm_gateway.ledger.records import Money, Noted, Record, Recount, Settlement, decode, encode
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.stated_prices import flat
from llm_gateway.ledger.store import Store
from llm_gateway.ledger.tariff import Card, Tariff
from llm_gateway.ledger.writer import apply_records
from turn_factory import generated

TARIFF = Tariff(Card("here", "p", "m", "exact", {"input": ((0, Decimal(1)),), "output": ((0, Decimal(2)),)}))
CARD = Noted(TARIFF.id, TARIFF.text)


@contextmanager
def store_of(folder: Path, records: list[Record], seed: int = 5) -> Iterator[Store]:
    """Open a store into which these records were written as they come: in batches, out of a journal."""
    dice, store, position = random.Random(seed), SqliteStore(folder / "ledger", NOON), 0
    try:
        written = [decode(encode(each)) for each in records]
        while written:
            some = dice.randrange(1, 1500)
            batch, written, position = written[:some], written[some:], position + some
            store.apply(merge(batch), position)
        yield store
    finally:
        store.close()


def paid(name: str, usage: Usage | None = None, **changes: object) -> list[Record]:
    """Return a turn that was reckoned with the card."""
    usage = usage or Usage(1000, output=10)
    cost = TARIFF.cost(usage)
    money = Money(FORMULA, TARIFF.id, "", "high", baseline_nano=cost)
    told: dict[str, object] = {"usage": usage, "cost_nano": cost, "money": money, "counted": "provider"}
    return [CARD, intent(name), settlement(name, **(told | {"attempts": ()} | changes))]


def test_ten_thousand_turns_come_out_as_they_stand_to_the_nanodollar(tmp_path: Path) -> None:
    records = list(chain.from_iterable(generated(10_000)))
    done: list[int] = []
    with store_of(tmp_path, records) as store:
        store.interrupt()
        found = recompute(store, progress=done.append)
        assert found.differing == 0, found.first[:3]
        assert (found.turns, found.running, found.before) == (10_000, 0, 0)
        assert found.reproduced + found.unreckoned + found.interrupted == 10_000
        assert found.reproduced > 6000 and found.interrupted > 80
        assert done == [2000, 4000, 6000, 8000, 10_000, 10_000], "a few thousand at a time"
        ((cost, lines, baseline),) = store.rows(
            "SELECT sum(cost_nano), sum(coalesce(route_nano, 0) + coalesce(compression_nano, 0) + "
            "coalesce(prompt_cache_nano, 0) + coalesce(saved_nano, 0)), sum(baseline_nano) "
            "FROM turns WHERE baseline_nano IS NOT NULL"
        )
        assert isinstance(cost, int) and isinstance(lines, int) and baseline == cost + lines
        assert found.baseline_nano == baseline


def test_what_comes_back_is_what_was_written(tmp_path: Path) -> None:
    turns = list(generated(500, seed=3))
    with store_of(tmp_path, list(chain.from_iterable(turns))) as store:
        for records in turns:
            ends = [each for each in records if isinstance(each, Settlement)]
            if ends and not any(isinstance(each, Recount) for each in records):
                found = turn(store, ends[0].id)
                assert found is not None and found.settlement == ends[0]


def test_only_the_turns_of_a_time_are_reckoned(tmp_path: Path) -> None:
    records = list(chain.from_iterable(generated(100)))
    with store_of(tmp_path, records) as store:
        ((middle,),) = store.rows("SELECT at_us FROM turns ORDER BY seq LIMIT 1 OFFSET 40")
        assert isinstance(middle, int)
        assert recompute(store, middle).turns == 60
        assert recompute(store, middle * 2).turns == 0


# what does not come out


def altered(folder: Path, records: list[Record], sql: str) -> Recomputed:
    with store_of(folder, records) as store:
        store.write([(sql, ())])
        return recompute(store)


@pytest.mark.parametrize(
    ("change", "kept", "again"),
    [
        ("cost_nano = cost_nano + 1", {"cost_nano": 1_020_001}, {"cost_nano": 1_020_000}),
        ("baseline_nano = 5", {"baseline_nano": 5}, {"baseline_nano": 1_020_000}),
        ("prompt_cache_nano = 0", {"prompt_cache_nano": 0}, {"prompt_cache_nano": None}),
        ("confidence = 'low'", {"confidence": "low"}, {"confidence": "high"}),
        ("saved_nano = 1", {"saved_nano": 1}, {"saved_nano": None}),
        ("retried_nano = 1", {"retried_nano": 1}, {"retried_nano": None}),
        ("outcome = 'error'", {"baseline_nano": 1_020_000}, {"baseline_nano": None}),
    ],
)
def test_an_amount_that_was_altered_is_told_with_both_figures(
    tmp_path: Path, change: str, kept: dict[str, object], again: dict[str, object]
) -> None:
    found = altered(tmp_path, [*paid("a"), *paid("b")], f"UPDATE turns SET {change} WHERE id = 'b'")
    assert (found.reproduced, found.differing) == (1, 1)
    (mismatch,) = found.first
    assert (mismatch.id, mismatch.why, mismatch.kept, mismatch.again) == ("b", ", ".join(kept), kept, again)


def test_tokens_that_were_altered_give_other_amounts(tmp_path: Path) -> None:
    found = altered(tmp_path, paid("a"), "UPDATE turns SET uncached = 2000")
    assert found.first[0].again == {"cost_nano": 2_020_000, "baseline_nano": 2_020_000}


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        (
            "UPDATE price_cards SET text = replace(text, '\"1\"', '\"7\"')",
            f"the card {TARIFF.id} was altered",
        ),
        ("DELETE FROM price_cards", f"the card {TARIFF.id} is not on record"),
        ("UPDATE turns SET formula = 9", "formula 9 is not known to this version"),
    ],
)
def test_what_cannot_be_reckoned_any_more_says_why(tmp_path: Path, sql: str, why: str) -> None:
    found = altered(tmp_path, paid("a"), sql)
    assert [each.why for each in found.first] == [why]


def test_what_an_attempt_cost_is_reckoned_too(tmp_path: Path) -> None:
    tries = f'[{{"provider":"p","usage":{{"uncached":5}},"cost_nano":9,"tariff":"{TARIFF.id}"}}]'
    found = altered(tmp_path, paid("a"), f"UPDATE turns SET attempts = '{tries}', retried_nano = 9")
    assert found.first[0].why == "an attempt with p" and found.first[0].again == {"cost_nano": 5000}


def test_only_so_many_differences_are_told_one_by_one(tmp_path: Path) -> None:
    records = [each for number in range(MOST_TOLD + 5) for each in paid(f"{number:03}")]
    found = altered(tmp_path, records, "UPDATE turns SET cost_nano = 0")
    assert (found.differing, len(found.first)) == (MOST_TOLD + 5, MOST_TOLD)


def test_an_interrupted_turn_costs_what_was_held_for_it(tmp_path: Path) -> None:
    with store_of(tmp_path, [intent("a"), intent("b", held_nano=0)]) as store:
        assert recompute(store).running == 2
        store.interrupt()
        assert recompute(store).interrupted == 2
        store.write([("UPDATE turns SET cost_nano = 7", ())])
        assert recompute(store).differing == 2


def test_turns_from_before_amounts_had_a_formula_are_no_differences(tmp_path: Path) -> None:
    records: list[Record] = [intent("a"), settlement("a"), intent("b"), settlement("b", cost_nano=None)]
    with store_of(tmp_path, records) as store:
        found = recompute(store)
        assert (found.before, found.unreckoned, found.differing) == (1, 1, 0)


def test_absurd_counts_come_out_as_far_as_a_column_holds_them(tmp_path: Path) -> None:
    failures = Failures()
    with store_of(tmp_path, []) as store:
        apply_records(store, paid("a", Usage(10**17)), 1, failures)
        assert failures, "no column takes what that costs"
        assert (recompute(store).reproduced, recompute(store).first) == (1, ())


# at other prices


def test_at_other_prices_the_same_tokens_cost_something_else_and_nothing_is_written(tmp_path: Path) -> None:
    unpriced = settlement("b", provider="elsewhere", model="x", usage=Usage(9), cost_nano=3, attempts=())
    records = [
        *paid("a"),
        *paid("c", outcome="error", money=Money(FORMULA, TARIFF.id)),
        intent("b"),
        unpriced,
    ]
    with store_of(tmp_path, records) as store:
        before = store.rows("SELECT * FROM turns")
        found = revalue(store, PriceBook({"ollama/*": flat("3", "2")}, {}))
        assert found == [
            Revalued("ollama", "qwen2.5:14b", 2, 0, 2_040_000, 6_040_000, 0, 0),
            Revalued("elsewhere", "x", 1, 1, 3, 3, 0, 0),
        ]
        assert store.rows("SELECT * FROM turns") == before


def test_a_reference_that_is_chosen_later_says_what_local_answers_were_worth(tmp_path: Path) -> None:
    local = settlement("a", usage=Usage(1000, output=10), cost_nano=None, attempts=())
    with store_of(tmp_path, [intent("a"), local]) as store:
        book = PriceBook({"openai/mini": flat("1", "2")}, {}, {"ollama/*": "openai/mini"})
        assert revalue(store, book) == [
            Revalued("ollama", "qwen2.5:14b", 1, new_lines_nano=1_020_000),
        ]
        assert revalue(store, PriceBook({}, {})) == [Revalued("ollama", "qwen2.5:14b", 1)]


def test_the_same_prices_change_nothing(tmp_path: Path) -> None:
    records = paid("a", money=Money(FORMULA, TARIFF.id, "", "high", baseline_nano=1_020_000))
    with store_of(tmp_path, records) as store:
        (found,) = revalue(store, PriceBook({"ollama/qwen2.5:14b": flat("1", "2")}, {}))
        assert (found.cost_nano, found.lines_nano) == (found.new_cost_nano, found.new_lines_nano)
