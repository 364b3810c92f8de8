"""Hours are counted again only where something of them has changed, and always come out as if they were."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from ledger_samples import intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.coverage import passed_by, routed
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, join, put
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.store import Row, Value
from llm_gateway.ledger.used_hours import UsedHours

HOUR = 3_600_000_000
NOW = 480_000 * HOUR
SINCE = NOW - 3 * HOUR + 5


class Watched:
    """A store, and which times were counted in it."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.counted: list[tuple[Value, Value]] = []

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        if "FROM sightings" in sql:
            self.counted.append((values[1], values[2]))
        return self.store.rows(sql, values)

    def hours(self) -> list[tuple[float, float]]:
        """Return the times that were counted since the last call, in hours from now."""
        found = [
            ((int(str(begin)) - NOW) / HOUR, (int(str(end)) - NOW) / HOUR) for begin, end in self.counted
        ]
        self.counted.clear()
        return found[:-1]  # the last is the hour in which the time begins


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = SqliteStore(tmp_path / "ledger.db", NOW)
    yield Watched(made)
    made.close()


def answered(store: SqliteStore, at_us: int) -> None:
    number = len(store.rows("SELECT id FROM turns"))
    begun = msgspec.structs.replace(intent(f"{floor(at_us)[:-4]}{number:04x}"), at_us=at_us)
    ended = msgspec.structs.replace(settlement(begun.id), outcome="ok", usage=Usage(3, 2, 1, 4, 4))
    store.apply(merge([begun, ended]), 1)


def told(mark: str, at_us: int) -> Sighting:
    return Sighting("codex-desktop", "laptop", "log", mark, at_us, Usage(1, 2, 3, 4, 4))


def as_counted(hours: UsedHours, watched: Watched) -> list[tuple[float, float]]:
    """Read the hours, check them against counting all, and return what had to be counted."""
    came, went = hours.since(watched, SINCE)
    times = watched.hours()
    assert list(came) == routed(watched.store, SINCE)
    assert list(went) == passed_by(watched.store, SINCE)
    return times


def test_only_what_has_changed_is_counted_again(watched: Watched) -> None:
    store, hours = watched.store, UsedHours()
    assert as_counted(hours, watched) == []
    for at_us in (SINCE - 4, SINCE + 1, NOW - 2 * HOUR, NOW - HOUR, NOW):
        answered(store, at_us)
    assert as_counted(hours, watched) == [(-2, 1)]
    assert as_counted(hours, watched) == []
    answered(store, NOW + 7)
    answered(store, NOW - 2 * HOUR + 1)
    assert as_counted(hours, watched) == [(-2, -1), (0, 1)]
    store.write(put([told("a", NOW - HOUR), told("b", NOW)]))
    assert as_counted(hours, watched) == [(-1, 1)]
    store.write([join(1, "turn_1")])
    assert as_counted(hours, watched) == [(-1, 0)]


def test_a_time_that_was_pruned_is_counted_each_time(watched: Watched) -> None:
    hours = UsedHours()
    for at_us in (NOW - 2 * HOUR, NOW):
        answered(watched.store, at_us)
    watched.store.write([("UPDATE meta SET value = ? WHERE name = 'turns_whole_us'", (NOW,))])
    assert as_counted(hours, watched) == [(0, 1)]
    watched.store.write(put([told("late", NOW - HOUR)]))
    assert as_counted(hours, watched) == []
