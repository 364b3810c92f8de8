"""Logs that are tables of an SQLite database: rows read in order, beginning with those that are new.

The database is its program's: it is opened for reading only and never waited for long; one that is busy is
read the next time. Not what a row says.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from llm_gateway.clients.logs.reading import UNREADABLE, Log, Read, Reader
from llm_gateway.ledger.sightings import Sighting
from llm_gateway.wire.ready import ready

__all__ = ["ROWS", "Row", "Table", "table_reader"]

ROWS = 1000
"""How many rows are read at once."""
_WAIT_S = 0.25
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

Row = Sequence[object]


class Table(msgspec.Struct, frozen=True):
    """A table: `name`, the columns that have to be there, and how its rows are read.

    `select` returns the row's number first, in its order, and has the parameters `:after` and `:rows`.
    `again` is how many rows back the next reading begins: those may have been finished meanwhile.
    """

    name: str
    columns: tuple[str, ...]
    select: str
    again: int
    form: Callable[[Log, Row], Iterable[Sighting | str]]

    @property
    def last(self) -> str:
        """Return the statement that tells the last row's number."""
        return f"SELECT coalesce(max(rowid), 0) FROM {self.name}"  # noqa: S608 - our own tables' names


@ready
class _State(msgspec.Struct, frozen=True):
    files: tuple[tuple[int, int, int], ...]
    after: dict[str, int] = {}


def table_reader(*tables: Table) -> Reader:
    """Return the reader of some tables, of which a database has one at least."""

    def read(log: Log, state: str) -> Read:
        there = os.stat(log.path)
        if not stat.S_ISREG(there.st_mode):
            raise IsADirectoryError(0, "it is no file")
        files = _files(log.path)
        was = _state(state)
        if was.files == files:
            return Read([], state)
        try:
            with closing(_opened(log.path)) as database:
                return _read(log, database, _State(files, was.after), tables)
        except sqlite3.Error as error:
            return Read([], state, _trouble(error))

    return read


def _state(text: str) -> _State:
    try:
        return msgspec.json.decode(text.encode(), type=_State) if text else _State(())
    except UNREADABLE:
        return _State(())


def _files(path: Path) -> tuple[tuple[int, int, int], ...]:
    """Return what changes when the database does: itself, and the log of what it has yet to take in."""
    found = []
    for each in (path, path.with_name(f"{path.name}-wal")):
        try:
            there = os.stat(each)
        except FileNotFoundError:
            continue
        if there.st_size:
            found.append((there.st_ino, there.st_size, there.st_mtime_ns))
    return tuple(found)


def _opened(path: Path) -> sqlite3.Connection:
    # sqlite.org, "Write-Ahead Logging": who only reads may make the two files beside a database that is not
    # in use, empty and its owner's. To say that nobody writes it (immutable) would be untrue.
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT_S)
    database.execute("PRAGMA query_only = ON")
    database.text_factory = _as_text
    return database


def _as_text(told: bytes) -> str:
    """Return a text as text, although what others call text need not be any."""
    return told.decode("utf-8", "replace")


def _read(log: Log, database: sqlite3.Connection, was: _State, tables: Sequence[Table]) -> Read:
    """Read the next rows of each table."""
    after = dict(was.after)
    sightings: list[Sighting] = []
    problems: list[str] = []
    found = more = False
    for table in tables:
        columns = {str(row[1]) for row in database.execute(f"PRAGMA table_info({table.name})")}
        if not columns.issuperset(table.columns):
            continue
        found = True
        rows = _rows(database, table, after.get(table.name, 0))
        more = more or len(rows) == ROWS
        problems += _tell(log, table, rows, sightings)
        if rows:
            after[table.name] = _number(rows[-1])
    if not found:
        problems.append("no table of a form that is known: the program may be newer, or another one")
    if more:  # there is no need to wait for a change
        return Read(sightings, _text(_State((), after)), tuple(problems), more)
    back = {table.name: max(0, after.get(table.name, 0) - table.again) for table in tables}
    return Read(sightings, _text(_State(was.files, back)), tuple(problems))


def _rows(database: sqlite3.Connection, table: Table, after: int) -> list[Row]:
    (last,) = database.execute(table.last).fetchone()
    if last < after:  # rows were deleted, or numbered anew
        after = 0
    return database.execute(table.select, {"after": after, "rows": ROWS}).fetchall()


def _number(row: Row) -> int:
    return row[0] if isinstance(row[0], int) else 0


def _tell(log: Log, table: Table, rows: Sequence[Row], sightings: list[Sighting]) -> list[str]:
    problems = []
    odd = 0
    for row in rows:
        try:
            for told in table.form(log, row):
                if isinstance(told, str):
                    problems.append(told)
                else:
                    sightings.append(told)
        except UNREADABLE:
            odd += 1
    return [*problems, f"rows of a form that is not known: {odd}"] if odd else problems


def _trouble(error: sqlite3.Error) -> tuple[str, ...]:
    """Return what there is to say; nothing of a database that is only busy."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return ()
    return (f"the database cannot be read: {getattr(error, 'sqlite_errorname', 'unknown')}",)


def _text(state: _State) -> str:
    return msgspec.json.encode(state).decode()
