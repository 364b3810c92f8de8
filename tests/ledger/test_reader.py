"""A reader sees what is committed, cannot write, and does not run for ever."""

import sqlite3
import threading
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import NOON, intent
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.reader import QueryTooSlow, Reader
from llm_gateway.ledger.refusal import LedgerDamaged, LedgerRefused
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sqlite import SqliteStore

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


class HurryingClock(FakeClock):
    """A clock that goes on by a second at each look."""

    def monotonic(self) -> float:
        self.advance(1)
        return self.elapsed


def test_it_sees_what_another_connection_committed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    reader = Reader(tmp_path / "db", FakeClock())
    assert page(reader) == []
    store.apply(merge([intent("a")]), 1)
    assert [turn.intent.id for turn in page(reader)] == ["a"]
    reader.close()
    store.close()


def test_it_cannot_write(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "db", NOON).close()
    reader = Reader(tmp_path / "db", FakeClock())
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.rows("DELETE FROM turns")
    reader.close()


def test_a_query_that_takes_too_long_is_cut_and_the_next_one_runs(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "db", NOON).close()
    reader = Reader(tmp_path / "db", HurryingClock(), limit=5)
    with pytest.raises(QueryTooSlow, match="more than 5 s"):
        reader.rows(ENDLESS)
    assert reader.rows("SELECT 1") == [(1,)]
    reader.close()


def test_another_failure_is_shown_as_it_is(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "db", NOON).close()
    reader = Reader(tmp_path / "db", FakeClock())
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        reader.rows("SELECT * FROM nowhere")
    reader.close()


def test_threads_take_turns(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "db", NOON).close()
    reader = Reader(tmp_path / "db", FakeClock())
    counted: list[object] = []
    sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000) SELECT count(*) FROM n"
    threads = [threading.Thread(target=lambda: counted.append(reader.rows(sql))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted == [[(3000,)]] * 8
    reader.close()


def test_there_is_nothing_to_read_before_the_first_start(tmp_path: Path) -> None:
    with pytest.raises(LedgerRefused, match=r"no ledger yet.*llm-gateway up"):
        Reader(tmp_path / "db", FakeClock())


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(LedgerDamaged, match="not a database"):
        Reader(tmp_path / "db", FakeClock())


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    with pytest.raises(LedgerRefused):
        Reader(tmp_path / "db", FakeClock())
