"""Each column is of what it says, and no claim of a provider is too large to be summed up."""

from pathlib import Path

import msgspec
import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.records import Money, Noted, Removed, Settlement
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.sums import COLUMNS, OF_A_SIGHTING, OF_A_TURN, Sums
from llm_gateway.ledger.usage import Asked, usage

PLAIN = Sums(1, 1, uncached=100, cache_read=20, cache_write=3, output=50, reasoning=7, cost_nano=1_250_000)


def told(tmp_path: Path, end: Settlement, **begun: object) -> Sums:
    store = SqliteStore(tmp_path / "db", NOON)
    store.apply(
        merge([Noted("guess", '{"source":"x","match":"assumed","rates":{}}'), intent("a", **begun), end]), 1
    )
    (row,) = usage(store, Asked(0))
    store.close()
    return row.sums


def changed(**changes: int) -> Sums:
    return msgspec.structs.replace(PLAIN, **changes)


def test_every_column_has_its_expressions() -> None:
    assert tuple(OF_A_TURN) == COLUMNS
    assert OF_A_SIGHTING.keys() == set(COLUMNS)


def test_sums_add_up() -> None:
    one, other = Sums(*range(27)), Sums(*range(27, 54))
    assert msgspec.structs.astuple(one + other) == tuple(range(27, 81, 2))
    assert Sums() + one == one


def test_what_follows_from_them() -> None:
    found = Sums(4, ok=2, failed=1, uncached=1, cache_read=2, cache_write=4, output=8)
    assert (found.input, found.total, found.success_rate) == (7, 15, 2 / 3)
    assert Sums().success_rate is None
    lines = Sums(route_nano=1, compression_nano=2, response_cache_nano=4, prompt_cache_nano=99)
    assert (lines.avoided_nano, (lines + Sums(prompt_cache_ours_nano=8)).avoided_nano) == (7, 15)


def test_a_plain_turn(tmp_path: Path) -> None:
    assert told(tmp_path, settlement("a")) == PLAIN


@pytest.mark.parametrize("outcome", ["error", "truncated", "interrupted"])
def test_what_failed_is_paid_for(tmp_path: Path, outcome: str) -> None:
    assert told(tmp_path, settlement("a", outcome=outcome)) == changed(ok=0, failed=1)


def test_what_the_client_cut_off_is_no_failure(tmp_path: Path) -> None:
    assert told(tmp_path, settlement("a", outcome="cancelled")) == changed(ok=0, cancelled=1)


def test_nothing_used_is_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, Settlement("a", "error")) == Sums(1, failed=1)


def test_lines_by_how_sure_they_are(tmp_path: Path) -> None:
    money = Money(1, "t", "", "high", 2000, None, 30, 400, True, 7)
    lines = {"baseline_nano": 2000, "compression_nano": 30, "prompt_cache_nano": 400, "retried_nano": 7}
    end = settlement("a", money=money)
    assert told(tmp_path, end) == changed(**lines, prompt_cache_ours_nano=400, high_nano=430)


@pytest.mark.parametrize(
    ("sure", "column"), [("medium", "medium_nano"), ("low", "low_nano"), ("", "low_nano")]
)
def test_a_discount_that_is_no_merit_of_ours_is_in_no_confidence(
    tmp_path: Path, sure: str, column: str
) -> None:
    money = Money(1, "", "r", sure, 500, 500, None, 80, False, None)  # type: ignore[arg-type]
    lines = {"baseline_nano": 500, "route_nano": 500, "prompt_cache_nano": 80, column: 500}
    assert told(tmp_path, settlement("a", money=money)) == changed(**lines)


def test_what_cost_more_counts_against_it(tmp_path: Path) -> None:
    money = Money(1, "t", "", "high", 900, None, -100, None, False, None)
    lines = {"baseline_nano": 900, "compression_nano": -100, "high_nano": -100}
    assert told(tmp_path, settlement("a", money=money)) == changed(**lines)


CACHED = settlement("a", usage=Usage(), cost_nano=0, cached_from="b", saved=Usage(10, 2, 1, 5), saved_nano=70)


def test_an_answer_from_the_response_cache_has_its_line(tmp_path: Path) -> None:
    line = {"response_cache_nano": 70, "baseline_nano": 70, "low_nano": 70}
    assert told(tmp_path, CACHED) == Sums(1, 1, cached=1, saved_input=13, saved_output=5, **line)


@pytest.mark.parametrize("begun", [{"purpose": "demo"}, {"counts": False}])
def test_one_that_does_not_count_has_none(tmp_path: Path, begun: dict[str, object]) -> None:
    found = told(tmp_path, CACHED, **begun)
    assert (found.cached, found.baseline_nano, found.avoided_nano, found.low_nano) == (1, 0, 0, 0)


def test_what_compression_took_out_is_counted_and_what_it_added_is_not(tmp_path: Path) -> None:
    assert told(tmp_path, settlement("a", removed=Removed(5, 7, 11, 900))) == changed(
        removed=23, compressed=1
    )


def test_what_compression_took_out_may_be_of_one_class_or_missing_in_another(tmp_path: Path) -> None:
    for number, (removed, tokens) in enumerate(
        ((Removed(9), 9), (Removed(cache_read=30, cache_write=-9), 21))
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert told(folder, settlement("a", removed=removed)) == changed(removed=tokens, compressed=1)


def test_a_price_that_nobody_knows_is_told_of(tmp_path: Path) -> None:
    assert told(tmp_path, settlement("a", price="assumed")).unpriced == 1


@pytest.mark.parametrize(("tariff", "unpriced"), [("guess", 1), ("other", 0), ("", 0)])
def test_so_is_one_of_an_assumed_card(tmp_path: Path, tariff: str, unpriced: int) -> None:
    money = Money(1, tariff, confidence="low")
    assert told(tmp_path, settlement("a", money=money)).unpriced == unpriced


def test_absurd_claims_are_cut(tmp_path: Path) -> None:
    most = 2**63 - 1
    money = Money(1, "t", "", "high", most, most, -most, most, True, most)
    end = settlement("a", usage=Usage(most, most, most, most, most), cost_nano=most, money=money)
    found = told(tmp_path, end)
    assert (found.uncached, found.output, found.cost_nano) == (2**40, 2**40, 2**46)
    assert (found.compression_nano, found.high_nano) == (-(2**46), 2**46)
    assert (Sums(*[2**46] * 26) + found).cost_nano == 2**47


def test_less_than_nothing_was_not_used(tmp_path: Path) -> None:
    assert told(tmp_path, settlement("a", usage=Usage(-5, output=3))).input == 0
