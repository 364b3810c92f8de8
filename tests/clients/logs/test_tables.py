"""Databases of others: read only, never waited for long, whatever is the matter with them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from llm_gateway.clients.logs.reading import Log, Read
from llm_gateway.clients.logs.tables import ROWS, Row, Table, table_reader
from llm_gateway.ledger.sightings import Sighting


def _form(log: Log, row: Row) -> Iterator[Sighting | str]:
    _, mark, done = row
    if mark == "newer":
        yield "newer"
    elif mark == "odd":
        raise msgspec.ValidationError("no answer")
    elif done:
        yield Sighting(log.client, log.machine, "log", str(mark), 1)


def _table(name: str, again: int = 2) -> Table:
    select = f"SELECT rowid, id, done FROM {name} WHERE rowid > :after ORDER BY rowid LIMIT :rows"
    return Table(name, ("id", "done"), select, again, _form)


def read(path: Path, state: str = "") -> Read:
    return table_reader(_table("answers"), _table("older"))(Log(path, "c", "m", 0), state)


def marks(path: Path, state: str = "") -> tuple[list[str], str]:
    found: list[str] = []
    more = True
    while more:
        told = read(path, state)
        found += [each.mark for each in told.sightings]
        state, more = told.state, told.more
    return found, state


def put(path: Path, *rows: tuple[str, int], table: str = "answers") -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY, done INT)")
        database.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", rows)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a log #1?.db"
    put(path, *((f"{number}", 1) for number in range(5)))
    return path


def test_new_rows_are_read_and_the_last_ones_again(log: Path) -> None:
    found, state = marks(log)
    assert found == ["0", "1", "2", "3", "4"]
    assert marks(log, state) == ([], state), "nothing changed"
    put(log, ("5", 1))
    assert marks(log, state)[0] == ["3", "4", "5"]


def test_a_row_that_is_finished_later_is_found(log: Path) -> None:
    put(log, ("late", 0), ("6", 1))
    found, state = marks(log)
    assert "late" not in found
    with closing(sqlite3.connect(log)) as database, database:
        database.execute("UPDATE answers SET done = 1 WHERE id = 'late'")
    assert marks(log, state)[0] == ["late", "6"]


def test_many_rows_come_in_pieces(log: Path) -> None:
    put(log, *((f"{number}", 1) for number in range(2 * ROWS + 7)))
    first = read(log)
    assert (len(first.sightings), first.more) == (ROWS, True)
    found, state = marks(log)
    assert len(set(found)) == 2 * ROWS + 7
    assert marks(log, state) == ([], state)


def test_rows_that_were_numbered_anew_are_read_anew(log: Path) -> None:
    _, state = marks(log)
    with closing(sqlite3.connect(log)) as database, database:
        database.execute("DELETE FROM answers")
    put(log, ("x", 1))
    assert marks(log, state)[0] == ["x"]


def test_all_tables_that_are_there_are_read(log: Path) -> None:
    put(log, ("old", 1), table="older")
    assert marks(log)[0] == ["0", "1", "2", "3", "4", "old"]


def test_what_a_form_says_and_cannot_read_is_said(log: Path) -> None:
    put(log, ("newer", 1), ("odd", 1), ("last", 1))
    told = read(log)
    assert told.problems == ("newer", "rows of a form that is not known: 1")
    assert told.sightings[-1].mark == "last"


def test_while_it_is_written_what_is_there_is_read(log: Path) -> None:
    with closing(sqlite3.connect(log)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO answers VALUES ('5', 1)")
        found, state = marks(log)
        assert found == ["0", "1", "2", "3", "4"]
        writer.commit()
        assert "5" in marks(log, state)[0]
        writer.execute("INSERT INTO answers VALUES ('6', 1)")
        writer.commit()
        before = log.read_bytes()
        assert "6" in marks(log, state)[0]
        assert log.read_bytes() == before, "nothing is moved from one file to the other"


def test_one_that_is_locked_is_read_the_next_time(log: Path) -> None:
    with closing(sqlite3.connect(log, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        assert read(log, "as it was") == Read([], "as it was")
        writer.execute("ROLLBACK")
    assert len(read(log).sightings) == 5


@pytest.mark.parametrize("text", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_one_that_is_broken_is_said(log: Path, text: bytes) -> None:
    log.write_bytes(text)
    told = read(log)
    assert told.sightings == []
    assert told.problems in (
        ("the database cannot be read: SQLITE_NOTADB",),
        ("the database cannot be read: SQLITE_CORRUPT",),
        ("no table of a form that is known: the program may be newer, or another one",),
    )


def test_one_that_is_cut_off_is_said(log: Path) -> None:
    put(log, *(("x" * 500 + f"{number}", 1) for number in range(500)))
    log.write_bytes(log.read_bytes()[:20_000])
    told = read(log)
    assert told.problems
    assert "xx" not in "".join(told.problems)


def test_another_schema_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE answers (something TEXT)")
    told = read(path)
    assert told.problems == ("no table of a form that is known: the program may be newer, or another one",)
    assert read(path, told.state) == Read([], told.state)


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "gone.db")
    with pytest.raises(IsADirectoryError):
        read(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_texts_that_are_no_text_are_read(log: Path) -> None:
    with closing(sqlite3.connect(log)) as database, database:
        database.execute("INSERT INTO answers VALUES (CAST(x'ff00fe' AS TEXT), 1)")
    assert len(read(log).sightings) == 6
