"""What was decided of results in conversations, as rows. How it is decided: `compression/conversation.py`.

A row is where a decision differs from the one before: the begin of a conversation, and where it was switched.
The first decision stands. What is not written yet is found here all the same; nobody waits for the disk, as
what is lost by a crash costs a miss in a provider's prompt cache and nothing else.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.ledger.reader import QueryTooSlow
from llm_gateway.ledger.store import Rows, Store
from llm_gateway.ledger.writer import Job

__all__ = ["MOST_WAITING", "CompressionRow", "Compressions", "keep_compressions", "prune_compressions"]

MOST_WAITING = 10_000
"""Decisions that may wait for a database that takes nothing; the oldest are forgotten."""

_READ = "SELECT decision FROM compressions WHERE chain = ?"
_ANY = "SELECT 1 FROM compressions WHERE decision NOT LIKE 'shadow %' LIMIT 1"
_KEEP = "INSERT INTO compressions (chain, decision, at_us) VALUES (?, ?, ?) ON CONFLICT (chain) DO NOTHING"
_PRUNE = "DELETE FROM compressions WHERE at_us < ?"


class CompressionRow(msgspec.Struct, frozen=True):
    """What was decided of the result at the end of a chain, and when."""

    chain: bytes
    decision: str
    at_us: int


def keep_compressions(store: Store, rows: Iterable[CompressionRow]) -> None:
    """Keep decisions; of a chain that one is kept of already, that one stays."""
    store.write([(_KEEP, (row.chain, row.decision, row.at_us)) for row in rows])


def prune_compressions(store: Store, before_us: int) -> int:
    """Delete what was decided before then; those conversations are sent as they come."""
    return store.write([(_PRUNE, (before_us,))])[0]


class Compressions:
    """The decisions of a running gateway. `rows` reads what `submit` has jobs write; threads may share it."""

    def __init__(self, rows: Rows, submit: Callable[[Job[None]], object], clock: Clock) -> None:
        self._rows = rows
        self._submit = submit
        self._clock = clock
        self._waiting: dict[bytes, CompressionRow] = {}
        self._lock = threading.Lock()
        self.failures = 0
        """How often the database could not be read."""

    def find(self, chains: Sequence[bytes]) -> Mapping[bytes, str]:
        """Return what was decided of these; nothing while the database cannot be read."""
        found: dict[bytes, str] = {}
        try:
            for chain in chains:
                waiting = self._waiting.get(chain)
                if waiting is not None:
                    found[chain] = waiting.decision
                    continue
                for (decision,) in self._rows.rows(_READ, (chain,)):
                    found[chain] = str(decision)
        except (sqlite3.Error, QueryTooSlow):
            self.failures += 1
        return found

    def any(self) -> bool:
        """Return whether anything was ever sent shorter, and is kept; False while that cannot be read.

        What was only measured (`compression/decisions.py`) is nothing that was sent.
        """
        try:
            with self._lock:
                waits = any(not row.decision.startswith("shadow ") for row in self._waiting.values())
            return waits or bool(self._rows.rows(_ANY))
        except (sqlite3.Error, QueryTooSlow):
            return False

    def keep(self, decided: Mapping[bytes, str]) -> None:
        """Keep decisions. Those that the database does not take are written with the next ones."""
        now = self._clock.now_us()
        with self._lock:
            for chain, decision in decided.items():
                self._waiting.setdefault(chain, CompressionRow(chain, decision, now))
            while len(self._waiting) > MOST_WAITING:
                self._waiting.pop(next(iter(self._waiting)), None)
        self._submit(self._write)

    def _write(self, store: Store) -> None:
        with self._lock:
            rows = list(self._waiting.values())
        keep_compressions(store, rows)
        with self._lock:
            for row in rows:
                self._waiting.pop(row.chain, None)
