"""The store in one SQLite file, in WAL mode, with one connection that writes.

Commits are not synced one by one (`synchronous=NORMAL`): what a loss of power takes back is still in the
journal, because segments are deleted only after a checkpoint. Reading beside the writer is `reader.py`.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from llm_gateway.canonical.usage import BYTES_PER_TOKEN
from llm_gateway.ledger.folder import create_private
from llm_gateway.ledger.migrate import CREATE_TABLE, READ_TABLE, load_migrations, pending
from llm_gateway.ledger.rebuilding import bring_up_to_date
from llm_gateway.ledger.refusal import LedgerDamaged, LedgerRefused
from llm_gateway.ledger.rollups import NOTE, recount, roll_up, standing
from llm_gateway.ledger.rows import COLUMNS, RECOUNTED, RECOUNTED_IF_TOLD, SETTLED, WIDTHS, Batch
from llm_gateway.ledger.store import Row, Statement, Value
from llm_gateway.ledger.trouble import trouble

__all__ = ["ENGINE_VERSION", "GUESSED", "OLDEST", "SqliteStore", "check_version", "damaged"]

ENGINE_VERSION = sqlite3.sqlite_version

OLDEST = (3, 32, 0)
"""The first SQLite that binds as many values as one of our inserts has."""

GUESSED = (
    "chat/completions",
    "completions",
    "embeddings",
    "responses",
    "responses/compact",
    "messages",
    "chat",
    "generate",
    "embed",
    "generateContent",
    "streamGenerateContent",
    "embedContent",
    "batchEmbedContents",
)
"""The operations whose bytes are tokens. A count costs none, and nobody knows what else that is passed on
uses: the bytes of a file that is sent to be kept are not what a model has read."""

# Rows in one INSERT. SQLite runs it without the interpreter's lock, so the request path is held up less
# often; beyond this the gain is nothing and a chunk's preparation holds the lock longer.
_CHUNK = 25
# A damaged file must not be found out by its thousandth reader, but a start must not take seconds either.
_CHECKED_BYTES = 32 << 20

# Seconds to wait for somebody else's lock. Nobody of ours takes one; the writer comes back later anyway.
_PATIENCE = 0.2

# A turn is begun once and ends once, and a record may come twice (`writer.py`): the row that is there already
# stands, and is only given an end where it has none and the second one brings it.
_ENDED = ", ".join(f"{name} = excluded.{name}" for name in ("provider", "model", *SETTLED))
_ONCE = (
    f" ON CONFLICT (id) DO UPDATE SET {_ENDED} WHERE turns.outcome IS NULL AND excluded.outcome IS NOT NULL"
)


def _insert(width: int, rows: int) -> str:
    """Return the statement that puts so many rows of so many columns."""
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO turns ({', '.join(COLUMNS[:width])}) VALUES {', '.join([row] * rows)}{_ONCE}"


_INSERT_ONE = _insert(len(COLUMNS), 1)
# Columns that hold nothing cost as much as others: those at the end, which few turns have, are left out.
_INSERT_CHUNK = [(width, (None,) * (len(COLUMNS) - width), _insert(width, _CHUNK)) for width in WIDTHS]
_SETTLE = (
    f"UPDATE turns SET {', '.join(f'{name} = ?' for name in SETTLED)}, "
    "provider = coalesce(nullif(?, ''), provider), model = coalesce(nullif(?, ''), model) "
    "WHERE id = ? AND outcome IS NULL"
)
_PROGRESS = "UPDATE turns SET response_bytes = ? WHERE id = ? AND outcome IS NULL"
# Only of a turn that has ended, and that nobody counted or was compressed: a recount that comes twice changes
# nothing more.
_PUT_RIGHT = (
    *(f"{name} = ?" for name in RECOUNTED),
    *(f"{name} = coalesce(?, {name})" for name in RECOUNTED_IF_TOLD),
)
_RECOUNT = (
    f"UPDATE turns SET {', '.join(_PUT_RIGHT)} WHERE id = ? AND outcome IS NOT NULL "
    "AND (estimated = 1 OR (? AND compressed IS NOT NULL))"
)
_NOTE = "INSERT INTO price_cards (id, text) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
_INTERRUPT = (
    "UPDATE turns SET outcome = 'interrupted', http_status = 0, error_kind = '', "
    "uncached = {0} (request_bytes + ?1 - 1) / ?1 END, cache_read = {0} 0 END, cache_write = {0} 0 END, "
    "output = {0} (coalesce(response_bytes, 0) + ?1 - 1) / ?1 END, reasoning = {0} 0 END, "
    "estimated = {0} 1 END, response_bytes = coalesce(response_bytes, 0), upstream_request_id = '', "
    "response_id = '', finish_reason = '', attempts = '[]', losses = '[]', "
    "cost_nano = nullif(held_nano, 0), price = '', counted = {0} 'bytes' END WHERE outcome IS NULL"
).format(f"CASE WHEN operation IN {GUESSED} THEN")
_READ_POSITION = "SELECT value FROM meta WHERE name = 'journal_position'"
_WRITE_POSITION = "UPDATE meta SET value = ? WHERE name = 'journal_position'"


_PRAGMAS = (
    "synchronous = NORMAL",
    "journal_size_limit = 67108864",
    "trusted_schema = OFF",
    "temp_store = MEMORY",
)
_Migrating = Callable[[int, str], None]


class SqliteStore:
    """The one writing connection. Opening it brings the schema up to date.

    `migrating` is told, before they are applied, the schema of a database that is there (the number of its
    last migration), and which migrations it needs.
    """

    def __init__(self, path: Path, now_us: int, migrating: _Migrating | None = None) -> None:
        check_version(sqlite3.sqlite_version_info)
        self._path = path
        self._notes = False
        try:
            create_private(path)
            # One thread at a time uses it; that is the caller's promise, which SQLite cannot see.
            self._connection = sqlite3.connect(
                path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise LedgerRefused(f"{path}: the database cannot be opened: {error}") from error
        try:
            self._file = _identity(path)
            self._prepare(now_us, migrating)
        except BaseException:
            self._connection.close()
            raise

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return all rows."""
        return self._connection.execute(sql, values).fetchall()

    def position(self) -> int:
        """Return the journal's position up to which turns are applied."""
        ((value,),) = self.rows(_READ_POSITION)
        if not isinstance(value, int):
            raise damaged(self._path, f"the journal's position is {value!r}")
        return value

    def apply(self, batch: Batch, position: int) -> None:
        """Write turns and the position they bring us to, in one transaction."""
        self._look_for_file()
        connection, begun = self._connection, batch.begun
        connection.execute("BEGIN IMMEDIATE")
        try:
            last = standing(self)
            connection.executemany(_NOTE, batch.cards)  # before what was reckoned with them is summed up
            whole = len(begun) - len(begun) % _CHUNK
            for start in range(0, whole, _CHUNK):
                connection.execute(*_chunk(begun[start : start + _CHUNK]))
            connection.executemany(_INSERT_ONE, begun[whole:])
            connection.executemany(_SETTLE, batch.settled)
            connection.executemany(_PROGRESS, batch.progressed)
            roll_up(self, last)
            if recounted := batch.recounted:
                ids = [str(values[-2]) for values in recounted]
                recount(self, ids, lambda: connection.executemany(_RECOUNT, recounted))
            connection.execute(_WRITE_POSITION, (position,))
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def interrupt(self) -> int:
        """Settle every open turn as `interrupted`, with an estimate, and return how many there were."""
        (count,) = self.write([(_INTERRUPT, (BYTES_PER_TOKEN,))])
        return count

    def write(self, statements: Sequence[Statement]) -> list[int]:
        """Run statements in one transaction and return how many rows each changed."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            last = standing(self) if self._notes else 0  # else it is being migrated
            counts = [self._connection.execute(sql, values).rowcount for sql, values in statements]
            if self._notes:
                roll_up(self, last)
            self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return counts

    def checkpoint(self) -> bool:
        """Make everything applied so far outlast a loss of power; return whether that is certain now."""
        # A reader that still looks at an older state keeps SQLite from bringing everything over.
        ((busy, written, brought_over),) = self.rows("PRAGMA wal_checkpoint(PASSIVE)")
        return busy == 0 and written == brought_over

    def close(self) -> None:
        """Let go of the database; SQLite then clears its write-ahead log away."""
        self._connection.close()

    def _look_for_file(self) -> None:
        """Write into no file that was moved or deleted: what is written there is lost with the process."""
        if _identity(self._path) != self._file:
            raise LedgerDamaged(
                f"{self._path}: the file was moved, deleted or replaced while it was in use; what is "
                "answered is kept in the journal"
            ) from FileNotFoundError(errno.ENOENT, "gone")

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after a full disk and some other failures.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _prepare(self, now_us: int, migrating: _Migrating | None) -> None:
        try:
            self.rows("PRAGMA journal_mode = WAL")
            for pragma in _PRAGMAS:
                self.rows(f"PRAGMA {pragma}")
            self._check()
            self.rows(CREATE_TABLE)
            applied = self.rows(READ_TABLE)
            missing = pending(load_migrations(), applied, str(self._path))
            if applied and missing and migrating is not None:
                migrating(len(applied), ", ".join(migration.name for migration in missing))
            for migration in missing:
                self.write(migration.statements(now_us))
            for sql in NOTE:
                self.rows(sql)
            self._notes = True
            self.position()
            bring_up_to_date(self)
        except sqlite3.OperationalError as error:
            told = trouble(error)
            raise LedgerRefused(
                f"{self._path}: the database cannot be used: {told.what} ({error}). {told.way_out}"
            ) from error
        except sqlite3.DatabaseError as error:
            raise damaged(self._path, str(error)) from error

    def _check(self) -> None:
        """Look for damage: everywhere in a small file, in the schema alone in a large one."""
        if self._path.stat().st_size <= _CHECKED_BYTES:
            ((verdict,),) = self.rows("PRAGMA quick_check(1)")
            if verdict != "ok":
                raise damaged(self._path, " ".join(str(verdict).split()))


def _chunk(rows: Sequence[tuple[object, ...]]) -> tuple[str, list[object]]:
    """Return the statement that puts a chunk of rows, no wider than they are, and its values."""
    width, _, sql = next(each for each in _INSERT_CHUNK if all(row[each[0] :] == each[1] for row in rows))
    values: list[object] = []
    for row in rows:
        values += row[:width]
    return sql, values


def check_version(version: tuple[int, ...]) -> None:
    """Refuse an SQLite that is too old for what we ask of it."""
    if version < OLDEST:
        have, need = (".".join(map(str, each)) for each in (version, OLDEST))
        raise LedgerRefused(
            f"SQLite {have} is too old: {need} or later is needed; newer builds of Python carry it"
        )


def damaged(path: Path, what: str) -> LedgerDamaged:
    """Return the refusal of a damaged file, with the way out."""
    return LedgerDamaged(
        f"{path}: the database is damaged ({what}); nothing was changed. `llm-gateway db restore COPY` puts "
        "back a copy made by `llm-gateway db backup`; else save what can be read: "
        f'sqlite3 "{path}" .recover | sqlite3 "{path}.recovered"'
    )


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what a file is the same by, None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
