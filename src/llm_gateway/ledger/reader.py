"""Reading the database beside its writer: a connection that cannot write and cuts a query that is too slow.

What is asked is `queries.py`; this is the connection and its limits.
"""

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from llm_gateway.clock import Clock
from llm_gateway.ledger.refusal import LedgerRefused
from llm_gateway.ledger.sqlite import damaged
from llm_gateway.ledger.store import Row, Value

__all__ = ["QueryTooSlow", "Reader"]

# About a millisecond of SQLite's work between two looks at the clock.
_STEPS = 100_000


class QueryTooSlow(Exception):
    """A query ran into its limit."""


class Reader:
    """Read what is committed. Threads may share it; they take turns."""

    def __init__(self, path: Path, clock: Clock, *, limit: float = 10.0) -> None:
        if not path.exists():
            raise LedgerRefused(f"{path}: there is no ledger yet; `llm-gateway up` makes one")
        self._path = path
        self._clock = clock
        self._limit = limit
        self._deadline = 0.0
        self._lock = threading.Lock()
        try:
            self._connection = _connect(path)
        except sqlite3.OperationalError as error:
            raise LedgerRefused(f"{path}: the database cannot be read: {error}") from error
        except sqlite3.DatabaseError as error:
            raise damaged(path, str(error)) from error
        self._connection.set_progress_handler(self._is_late, _STEPS)

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return all rows; QueryTooSlow after the limit."""
        with self._lock:
            self._deadline = self._clock.monotonic() + self._limit
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                    raise QueryTooSlow(
                        f"{self._path}: the query took more than {self._limit:g} s; ask for a shorter time"
                    ) from None
                raise

    def close(self) -> None:
        """Close the connection, after the query that runs."""
        with self._lock:
            self._connection.close()

    def _is_late(self) -> int:
        return int(self._clock.monotonic() > self._deadline)


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
