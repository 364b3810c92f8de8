"""The slots of hours are added to their days and months, and a month can begin with some of its days."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_samples import NOON
from llm_gateway.ledger.histograms import add_hours, begin_month
from llm_gateway.ledger.spans import HOUR_US
from llm_gateway.ledger.spreads import counts_of, unpacked
from llm_gateway.ledger.sqlite import SqliteStore

HOUR = NOON // HOUR_US
DAY, MONTH = HOUR // 24, 646


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "db", NOON)
    yield opened
    opened.close()


def kept(store: SqliteStore) -> dict[tuple[object, ...], tuple[int, int]]:
    rows = store.rows("SELECT span, at, dim, latency, ttft FROM usage_histograms")
    return {
        tuple(which): (unpacked(latency), unpacked(ttft))
        for *which, latency, ttft in rows
        if isinstance(latency, bytes) and isinstance(ttft, bytes)
    }


def test_hours_are_added_to_their_days_and_months(store: SqliteStore) -> None:
    add_hours(store, [(HOUR, 1, "l", 50, 2), (HOUR, 1, "t", 40, 2), (HOUR + 24, 2, "l", 60, 1)])
    add_hours(store, [(HOUR - 1, 1, "l", 50, 3)])
    first, second = (counts_of(50, 5), counts_of(40, 2)), (counts_of(60), 0)
    assert kept(store) == {
        ("d", DAY, 1): first,
        ("m", MONTH, 1): first,
        ("d", DAY + 1, 2): second,
        ("m", MONTH, 2): second,
    }


def test_nothing_changes_nothing(store: SqliteStore) -> None:
    add_hours(store, [])
    assert kept(store) == {}


def test_a_month_begins_with_the_days_before_one(store: SqliteStore) -> None:
    add_hours(store, [(HOUR + 24 * day, 1, "l", 50, 10**day) for day in range(3)])
    store.write([("DELETE FROM usage_histograms WHERE span = 'm'", ()), *begin_month(store, DAY + 2)])
    assert kept(store)["m", MONTH, 1] == (counts_of(50, 11), 0)
    assert begin_month(store, DAY) == []
