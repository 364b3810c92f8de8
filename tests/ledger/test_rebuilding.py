"""Sums are made anew of the turns that are there: of a database from before there were any, too."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.ledger.checking import check
from llm_gateway.ledger.migrate import CREATE_TABLE, load_migrations
from llm_gateway.ledger.rebuilding import days, rebuild, span_of, whole_since
from llm_gateway.ledger.rows import COLUMNS, merge
from llm_gateway.ledger.spans import DAY_US, HOUR_US, LATEST_US
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.store import Statement
from llm_gateway.ledger.usage import Asked, usage
from turn_factory import generated

EVERYTHING = Asked(0, period="day", by=("source", "client", "key", "provider", "model", "purpose"))


def before_sums(path: Path, turns: int) -> None:
    """Make a database as the version before this one left it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(CREATE_TABLE)
        for migration in load_migrations()[:9]:
            for sql, values in migration.statements(NOON):
                connection.execute(sql, values)
        known = COLUMNS[: COLUMNS.index("compressed")]  # which that version had not yet
        insert = f"INSERT INTO turns ({', '.join(known)}) VALUES ({', '.join('?' * len(known))})"
        records = [each for turn in generated(turns, apart_us=3 * HOUR_US) for each in turn]
        batch = merge(records)
        connection.executemany(insert, [row[: len(known)] for row in batch.begun])
        connection.executemany("INSERT INTO price_cards (id, text) VALUES (?, ?)", batch.cards)
        columns = "client, machine, source, mark, at_us, answer_id, request_id, session, model, asked, "
        counts = "label, version, uncached, cache_read, cache_write, output, reasoning, estimated"
        values = f"'codex-cli', 'm', 'log', '1', {NOON}, '', '', '', 'gpt', '', '', '', 5, 0, 0, 7, 0, 0"
        connection.execute(f"INSERT INTO sightings ({columns}{counts}) VALUES ({values})")


def test_what_was_there_before_is_summed_up_when_it_is_migrated(tmp_path: Path) -> None:
    before_sums(tmp_path / "db", 300)
    store = SqliteStore(tmp_path / "db", NOON)
    assert check(store) == []
    routed, seen = (usage(store, Asked(0, where={"source": source}))[0].sums for source in ("routed", "seen"))
    ((ended,),) = store.rows("SELECT count(*) FROM turns WHERE outcome IS NOT NULL")
    assert (routed.requests, seen.requests, seen.total) == (ended, 1, 12)
    store.interrupt()
    assert check(store) == []
    store.close()


class Killed(Exception):
    pass


@pytest.mark.parametrize("writes", range(1, 12, 2))
def test_broken_off_it_is_done_at_the_next_start(tmp_path: Path, writes: int) -> None:
    class Dying(SqliteStore):
        left = writes

        def write(self, statements: Sequence[Statement]) -> list[int]:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return super().write(statements)

    store = SqliteStore(tmp_path / "db", NOON)
    store.apply(merge([each for turn in generated(80, apart_us=6 * HOUR_US) for each in turn]), 1)
    before = usage(store, EVERYTHING)
    store.close()
    dying = Dying(tmp_path / "db", NOON)
    with pytest.raises(Killed):
        rebuild(dying)
    dying.close()
    store = SqliteStore(tmp_path / "db", NOON)
    assert usage(store, EVERYTHING) == before
    assert check(store) == []
    store.close()


def test_a_part_is_made_anew_and_the_rest_stays(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    store.apply(merge([each for turn in generated(200, apart_us=6 * HOUR_US) for each in turn]), 1)
    before = (
        usage(store, EVERYTHING),
        usage(store, Asked(0, period="month")),
        usage(store, Asked(0, period="hour")),
    )
    middle = days(store, 0)[len(days(store, 0)) // 2]
    assert rebuild(store, middle * DAY_US) == len([day for day in days(store, 0) if day >= middle])
    after = (
        usage(store, EVERYTHING),
        usage(store, Asked(0, period="month")),
        usage(store, Asked(0, period="hour")),
    )
    assert after == before
    assert check(store) == []
    store.close()


def test_a_day_with_too_many_turns_is_done_by_the_hour(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    store.apply(merge([each for turn in generated(200, apart_us=HOUR_US // 4) for each in turn]), 1)
    before = usage(store, Asked(0, period="hour", by=("client",)))
    assert rebuild(store, at_once=10) == len(days(store, 0))
    assert usage(store, Asked(0, period="hour", by=("client",))) == before
    assert check(store) == []
    store.close()


def test_nothing_is_made_of_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    assert (rebuild(store), whole_since(store), days(store, 0)) == (0, 0, [])
    store.apply(merge([intent("a", at_us=NOON), settlement("a")]), 1)
    assert days(store, 0) == [NOON // DAY_US]
    store.close()


def test_a_day_is_a_day_and_the_first_and_last_go_on() -> None:
    assert span_of(5) == (5 * DAY_US, 6 * DAY_US)
    assert span_of(0)[0] < 0 and span_of(0)[1] == DAY_US
    assert span_of(LATEST_US // DAY_US)[1] > 2 * LATEST_US
