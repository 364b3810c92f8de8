"""Sums by period and by whom, with how long answers took, held against what was put in."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, put
from llm_gateway.ledger.spans import DAY_US, HOUR_US
from llm_gateway.ledger.spreads import ERROR
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.store import Rows, Value
from llm_gateway.ledger.usage import Asked, Dimension, Period, Row, usage


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1_000_000


# A Thursday, its Sunday, the Monday after, and the first of the next month.
BEGAN = (at(2024, 2, 22, 9), at(2024, 2, 25, 23), at(2024, 2, 26), at(2024, 3, 1), at(2024, 3, 1, 0, 30))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "db", NOON)
    key = "INSERT INTO keys (id, name, digest, hint, created_us) VALUES (?, 'laptop', ?, '', 0)"
    opened.write([(key, (name, name.encode())) for name in ("old", "new")])
    for number, at_us in enumerate(BEGAN):
        name = floor(at_us)
        client, model = ("codex", "claude")[number % 2], ("gpt", "opus")[number // 3]
        begun = intent(
            name, at_us=at_us, client=client, model=model, key_id=("old", "new", "gone")[number % 3]
        )
        took = {"latency_us": 1_000_000 * (number + 1), "ttft_us": 100_000}
        opened.apply(merge([begun, settlement(name, model=model, **took)]), number)
    yield opened
    opened.close()


def counted(found: list[Row]) -> dict[tuple[object, ...], int]:
    return {(row.start_us, *row.names): row.sums.requests for row in found}


@pytest.mark.parametrize(
    ("period", "requests"),
    [
        ("hour", {BEGAN[0]: 1, BEGAN[1]: 1, BEGAN[2]: 1, BEGAN[3]: 2}),
        ("day", {at(2024, 2, 22): 1, at(2024, 2, 25): 1, at(2024, 2, 26): 1, at(2024, 3, 1): 2}),
        ("week", {at(2024, 2, 19): 2, at(2024, 2, 26): 3}),
        ("month", {at(2024, 2, 1): 3, at(2024, 3, 1): 2}),
        ("all", {0: 5}),
    ],
)
def test_periods(store: Rows, period: Period, requests: dict[int, int]) -> None:
    found = usage(store, Asked(0, period=period))
    assert {row.start_us: row.sums.requests for row in found} == requests
    assert [row.start_us for row in found] == sorted(requests)


def test_each_dimension_adds_up(store: Rows) -> None:
    for dimension in get_args(Dimension):
        found = usage(store, Asked(0, by=(dimension,)))
        assert sum(row.sums.requests for row in found) == 5
    assert counted(usage(store, Asked(0, by=("client", "model")))) == {
        (0, "codex", "gpt"): 2,
        (0, "claude", "gpt"): 1,
        (0, "claude", "opus"): 1,
        (0, "codex", "opus"): 1,
    }


def test_a_rotated_key_goes_on_under_its_name(store: Rows) -> None:
    assert counted(usage(store, Asked(0, by=("key",)))) == {(0, "laptop"): 4, (0, "gone"): 1}
    assert usage(store, Asked(0, where={"key": "laptop"}))[0].sums.requests == 4


def test_what_has_to_be_so(store: Rows) -> None:
    assert usage(store, Asked(0, where={"client": "codex", "model": "opus"}))[0].sums.requests == 1
    assert usage(store, Asked(0, where={"client": "' OR 1 --"})) == []


def test_a_time_is_of_whole_hours(store: Rows) -> None:
    def requests(since_us: int, until_us: int | None) -> int:
        return sum(row.sums.requests for row in usage(store, Asked(since_us, until_us)))

    assert requests(BEGAN[0] + HOUR_US - 1, None) == 5
    assert requests(BEGAN[0] + HOUR_US, None) == 4
    assert requests(BEGAN[1], BEGAN[2]) == 1
    assert requests(BEGAN[1], BEGAN[2] + 1) == 2
    assert requests(BEGAN[3], BEGAN[3] + HOUR_US) == 2
    assert requests(BEGAN[4] + DAY_US, None) == 0
    assert requests(BEGAN[1], BEGAN[0]) == 0
    assert usage(store, Asked(BEGAN[1] + 5))[0].start_us == BEGAN[1]


@pytest.mark.parametrize("period", get_args(Period))
def test_how_long_answers_took(store: Rows, period: Period) -> None:
    for by, where in (((), {}), (("client",), {"client": "codex"})):
        for row in usage(store, Asked(0, period=period, by=by, where=where)):  # type: ignore[arg-type]
            assert row.latency is not None and row.ttft is not None
            assert abs(row.ttft.p50_us - 100_000) <= ERROR * 100_000
            longest = max(
                number + 1
                for number, at_us in enumerate(BEGAN)
                if at_us >= row.start_us
                and (not by or number % 2 == 0)
                and _within(row.start_us, at_us, period)
            )
            assert abs(row.latency.p99_us - longest * 1_000_000) <= ERROR * longest * 1_000_000


def _within(start_us: int, at_us: int, period: Period) -> bool:
    match period:
        case "hour":
            return at_us < start_us + HOUR_US
        case "day":
            return at_us < start_us + DAY_US
        case "week":
            return at_us < start_us + 7 * DAY_US
        case "month":
            return (
                datetime.fromtimestamp(at_us / 1e6, UTC).month
                == datetime.fromtimestamp(start_us / 1e6, UTC).month
            )
        case "all":
            return True


def test_without_spreads_there_are_none(store: Rows) -> None:
    (row,) = usage(store, Asked(0, spreads=False))
    assert (row.latency, row.ttft) == (None, None)


def test_what_was_seen_is_told_apart(store: SqliteStore) -> None:
    store.write(put([Sighting("codex-cli", "m", "log", "1", BEGAN[0])]))
    found = usage(store, Asked(0, by=("source", "machine")))
    assert counted(found) == {(0, "routed", ""): 5, (0, "seen", "m"): 1}


def test_an_hour_that_is_folded_meanwhile_is_not_counted_twice(store: SqliteStore) -> None:
    class Late:
        """Let the next hour begin between two statements."""

        left = 1

        def rows(self, sql: str, values: tuple[Value, ...] = ()) -> list[tuple[Value, ...]]:
            found = store.rows(sql, values)
            if sql.startswith("SELECT u.period") and self.left:
                self.left = 0
                late = floor(BEGAN[4] + HOUR_US)
                store.apply(merge([intent(late, at_us=BEGAN[4] + HOUR_US), settlement(late)]), 9)
            return found

    (row,) = usage(Late(), Asked(0, period="all"))  # type: ignore[arg-type]
    assert row.sums.requests == 6
