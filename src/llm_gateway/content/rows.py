"""Sealed rows in an SQLite file of their own, beside the ledger: what is in them is not known here.

What is deleted is overwritten (`secure_delete`), and the write-ahead log emptied after it, so that the file
holds nothing of it. One thread at a time uses a connection.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from llm_gateway.content.seals import Place
from llm_gateway.ledger.folder import create_private
from llm_gateway.ledger.migrate import CREATE_TABLE, READ_TABLE, load_migrations, pending
from llm_gateway.ledger.store import Row, Statement, Value

__all__ = ["Rows", "Total", "database_of"]

_PATIENCE = 1.0
_PAGE = 4096

_PUT = (
    "INSERT OR REPLACE INTO kept (owner, kind, id, created_us, expires_us, sealed) VALUES (?, ?, ?, ?, ?, ?)"
)
_ONE = "owner = ? AND kind = ? AND id = ? AND expires_us > ?"
_GET = f"SELECT created_us, expires_us, CAST(sealed AS BLOB) FROM kept WHERE {_ONE}"
_NAME = "INSERT OR REPLACE INTO names (owner, kind, name, id) VALUES (?, ?, ?, ?)"
_NAMED = "SELECT id FROM names WHERE owner = ? AND kind = ? AND name = ?"
_DELETE = f"DELETE FROM kept WHERE {_ONE}"
_PLACES = (
    "SELECT owner, kind, id, created_us, expires_us FROM kept WHERE owner = ? AND expires_us > ? "
    "ORDER BY created_us, id"
)
_TOTALS = (
    "SELECT owner, count(*), sum(length(sealed)), min(created_us), max(expires_us) FROM kept "
    "WHERE expires_us > ? GROUP BY owner ORDER BY owner"
)
_DATA_KEY = "INSERT INTO data_keys (owner, wrapped, created_us) VALUES (?, ?, ?)"

Total = tuple[str, int, int, int, int]
"""Owner, how many, their bytes as sealed, when the oldest was kept, when the last one expires."""


def database_of(home: Path) -> Path:
    """Return where a home's content is, or would be."""
    return home / "content" / "content.sqlite3"


class Rows:
    """The rows of one file. Opening it to write makes it and brings its schema up to date."""

    def __init__(self, path: Path, now_us: int, *, durable: bool, most_bytes: int) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        create_private(path)
        # One thread at a time uses it; that is the caller's promise, which SQLite cannot see.
        self._connection = sqlite3.connect(
            path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in (
                "journal_mode = WAL",
                "secure_delete = ON",
                "foreign_keys = ON",
                f"synchronous = {'FULL' if durable else 'NORMAL'}",
                "journal_size_limit = 67108864",
                "trusted_schema = OFF",
                f"max_page_count = {max(most_bytes // _PAGE, 64)}",
            ):
                self._rows(f"PRAGMA {pragma}")
            self._rows(CREATE_TABLE)
            known = load_migrations(resources.files("llm_gateway.content") / "migrations")
            for migration in pending(known, self._rows(READ_TABLE), str(path)):
                self._write(migration.statements(now_us))
        except BaseException:
            self._connection.close()
            raise

    def data_key(self, owner: str) -> bytes | None:
        """Return an owner's data key, wrapped."""
        found = self._rows("SELECT wrapped FROM data_keys WHERE owner = ?", (owner,))
        return _blob(found[0][0]) if found else None

    def has_data_keys(self) -> bool:
        """Return whether anything was ever sealed and not erased."""
        return bool(self._rows("SELECT 1 FROM data_keys LIMIT 1"))

    def put(
        self, place: Place, sealed: bytes, data_key: bytes | None = None, names: Sequence[str] = ()
    ) -> None:
        """Keep something, with the data key that it is the first one of, or none, and with further names."""
        statements: list[Statement] = []
        if data_key is not None:
            statements.append((_DATA_KEY, (place.owner, data_key, place.created_us)))
        values = (place.owner, place.kind, place.id, place.created_us, place.expires_us, sealed)
        statements.append((_PUT, values))
        statements += ((_NAME, (place.owner, place.kind, name, place.id)) for name in names)
        self._write(statements)

    def get(self, owner: str, kind: str, row_id: str, now_us: int) -> tuple[Place, bytes] | None:
        """Return what is kept under an id, sealed, unless it has expired."""
        for created, expires, sealed in self._rows(_GET, (owner, kind, row_id, now_us)):
            return Place(owner, kind, row_id, _number(created), _number(expires)), _blob(sealed)
        return None

    def named(self, owner: str, kind: str, name: str) -> str:
        """Return the id of what has a further name, "" where nothing has."""
        found = self._rows(_NAMED, (owner, kind, name))
        return str(found[0][0]) if found else ""

    def places(self, owner: str, now_us: int) -> Iterator[Place]:
        """Yield where an owner's content is, the oldest first, without what has expired."""
        for found, kind, row_id, created, expires in self._rows(_PLACES, (owner, now_us)):
            yield Place(str(found), str(kind), str(row_id), _number(created), _number(expires))

    def totals(self, now_us: int) -> list[Total]:
        """Return how much is kept of each owner."""
        return [
            (str(owner), _number(count), _number(size), _number(oldest), _number(last))
            for owner, count, size, oldest, last in self._rows(_TOTALS, (now_us,))
        ]

    def delete(self, owner: str, kind: str, row_id: str, now_us: int) -> bool:
        """Delete one row; return whether it was there."""
        (count,) = self._write([(_DELETE, (owner, kind, row_id, now_us))])
        if count:
            self._empty_log()
        return count > 0

    def erase(self, owner: str) -> int:
        """Destroy an owner's data key and delete all rows; return how many there were."""
        statements: list[Statement] = [
            ("DELETE FROM data_keys WHERE owner = ?", (owner,)),
            ("DELETE FROM kept WHERE owner = ?", (owner,)),
        ]
        _, count = self._write(statements)
        self._empty_log()
        return count

    def prune(self, now_us: int) -> int:
        """Delete what has expired; return how many rows that were."""
        (count,) = self._write([("DELETE FROM kept WHERE expires_us <= ?", (now_us,))])
        self._empty_log()
        return count

    def close(self) -> None:
        """Let go of the file; SQLite then clears its write-ahead log away."""
        self._connection.close()

    def _empty_log(self) -> None:
        """Bring the log into the file and cut it to nothing; a reader may hold that up until the next one."""
        self._rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def _rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def _write(self, statements: Sequence[Statement]) -> list[int]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            counts = [connection.execute(sql, values).rowcount for sql, values in statements]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite has rolled back by itself after a full disk
                connection.execute("ROLLBACK")
            raise
        return counts


def _blob(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
