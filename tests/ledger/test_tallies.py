"""Tallies of one turn of each kind: by its lane, by its part of the time, and at the ends of the time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.ledger.buckets import Width, number_of
from llm_gateway.ledger.filters import Filter
from llm_gateway.ledger.keys import KeyRow, insert
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.spans import HOUR_US
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.tallies import FACETS, Tally, at_the_ends, counted, key_names, listed, reach, summed

# When an hour begins.
HOUR = NOON - NOON % HOUR_US
HOURS = Width("hour")
ASKED = Filter(since_us=HOUR - 60_000_000, until_us=HOUR + 2 * HOUR_US + 60_000_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "db", HOUR)
    insert(opened, KeyRow("key_1", "laptop", b"1", "…", HOUR))
    for number, at_us in enumerate((HOUR - 5, HOUR, HOUR + HOUR_US + 5, HOUR + 2 * HOUR_US + 5)):
        begun = intent(f"{number:032}", at_us=at_us, client="codex", key_id="key_1", session="talk")
        end = settlement(f"{number:032}", outcome="truncated" if number == 2 else "ok")
        opened.apply(merge([begun, end]), number + 1)
    opened.apply(merge([intent(f"{9:032}", at_us=HOUR + 7, client="codex", key_id="key_9")]), 9)
    yield opened
    opened.close()


def told(tallies: Iterator[Tally]) -> list[tuple[str, str, int, int]]:
    return sorted((each.names[4], each.names[5], each.number, each.count) for each in tallies)


def test_whole_hours_are_summed_up(store: SqliteStore) -> None:
    names = key_names(store)
    assert names == {"key_1": "laptop"} and FACETS[4:6] == ("status", "key")
    assert told(summed(store, ASKED, names)) == [("ok", "laptop", 0, 1), ("truncated", "laptop", 0, 1)]
    hour = number_of(HOURS, HOUR)
    assert told(at_the_ends(store, ASKED, HOURS, names)) == [
        ("ok", "laptop", hour - 1, 1),
        ("ok", "laptop", hour + 2, 1),
        ("running", "key_9", hour, 1),
    ]


def test_parts_are_counted_of_what_is_asked_for(store: SqliteStore) -> None:
    hour = number_of(HOURS, HOUR)
    assert told(counted(store, ASKED, "", HOURS)) == [("error", "", hour + 1, 1), ("ok", "", hour, 1)]
    rare = Filter(since_us=ASKED.since_us, until_us=ASKED.until_us, outcome="truncated")
    assert ("truncated", "", hour + 1, 1) in told(counted(store, rare, "", HOURS))
    other = Filter(client="nobody", since_us=ASKED.since_us, until_us=ASKED.until_us)
    assert told(counted(store, other, "", HOURS)) == []


def test_few_are_counted_one_by_one(store: SqliteStore) -> None:
    names, minutes = key_names(store), Width("minute")
    assert sum(each.count for each in listed(store, ASKED, "", minutes, names)) == 5
    session = Filter(text="talk", since_us=HOUR, until_us=ASKED.until_us)
    assert sum(each.count for each in listed(store, session, "session", minutes, names)) == 3
    assert reach(store, session, "session") == (HOUR - 5, HOUR + 2 * HOUR_US + 5)
    ids = Filter(text="00000000", since_us=0, until_us=ASKED.until_us)
    assert sum(each.count for each in listed(store, ids, "id", minutes, names)) == 5
    assert reach(store, Filter(text="ffffffff"), "id") == (0, 0)
