"""Opening a ledger: the lock, the schema, what the journal holds beyond the database, what was left running.

The gateway opens it to run (`ledger.py`); the command line does when none runs, or reads beside it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.ledger.audit import AuditLog
from llm_gateway.ledger.folder import Folder, Lock
from llm_gateway.ledger.journal import Replayed, Segment, read_segment, segments
from llm_gateway.ledger.reader import Reader
from llm_gateway.ledger.refusal import LedgerBusy, LedgerDamaged, LedgerRefused
from llm_gateway.ledger.reserve import Reserve
from llm_gateway.ledger.saving import save
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.store import Rows, Store
from llm_gateway.ledger.trouble import is_full, trouble
from llm_gateway.ledger.writer import Report, apply_records, decoded

__all__ = ["Opened", "offline", "open_files", "reading"]

_AT_ONCE = 1000


class Opened(msgspec.Struct, frozen=True):
    """A ledger that is ours and up to date; `position` is where a new journal goes on.

    `saved` is the copy of the database that was made before this opening migrated it.
    """

    folder: Folder
    lock: Lock
    reserve: Reserve
    store: Store
    position: int
    saved: Path | None = None


def open_files(home: Path, clock: Clock, report: Report) -> Opened:
    """Take the lock and bring everything up to date; LedgerRefused says why not. Damage is reported.

    On a full disk that is done in the room that was kept back.
    """
    folder = Folder(home)
    try:
        folder.create()
        lock = Lock(folder.lock)
    except OSError as error:
        raise LedgerRefused(f"{folder.root}: the folder cannot be used: {error.strerror}") from error
    reserve = Reserve(folder.reserve)
    migrating = _Migrating(folder, clock)
    try:
        try:
            store, position = _up_to_date(folder, migrating, clock, report)
        except (LedgerRefused, sqlite3.Error) as error:
            if not (is_full(error) and reserve.release()):
                raise
            store, position = _up_to_date(folder, migrating, clock, report)
    except BaseException as error:
        lock.close()
        if isinstance(error, sqlite3.Error | OSError):
            told = trouble(error)
            raise LedgerRefused(
                f"{folder.root}: the ledger cannot be brought up to date: {told.what} ({error}). "
                f"{told.way_out}"
            ) from error
        raise
    reserve.hold()
    return Opened(folder, lock, reserve, store, position, migrating.saved)


class _Migrating:
    """What is done before a database is migrated: a copy is made of it, once, and a line in the audit log."""

    def __init__(self, folder: Folder, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self.saved: Path | None = None

    def __call__(self, schema: int, names: str) -> None:
        if self.saved is None:
            self.saved = save(self._folder, schema, self._clock.now_us())
        audit = AuditLog(self._folder.root.parent, self._clock)
        audit.write("database.migrate", names, "gateway", copy=self.saved.name)


def _up_to_date(folder: Folder, migrating: _Migrating, clock: Clock, report: Report) -> tuple[Store, int]:
    """Open the database, apply what the journal holds beyond it, and end what was left running."""
    found = segments(folder.journal)
    _refuse_orphans(folder, found)
    store = SqliteStore(folder.database, clock.now_us(), migrating)
    try:
        position = _replay(store, found, report)
        store.interrupt()
    except BaseException:
        store.close()
        raise
    return store, position


@contextmanager
def offline(home: Path, clock: Clock, report: Report) -> Iterator[Store]:
    """Open the ledger while no gateway runs; LedgerBusy when one does."""
    opened = open_files(home, clock, report)
    try:
        yield opened.store
    finally:
        opened.store.close()
        opened.lock.close()


@contextmanager
def reading(home: Path, clock: Clock, report: Report) -> Iterator[Rows]:
    """Read a ledger that is there; while a gateway runs, as far as that one has applied it."""
    database = Folder(home).database
    if database.exists():
        try:
            with offline(home, clock, report) as store:
                yield store
                return
        except LedgerBusy:
            pass
    reader = Reader(database, clock)
    try:
        yield reader
    finally:
        reader.close()


def _refuse_orphans(folder: Folder, found: list[Segment]) -> None:
    """Refuse to begin an empty database beside the journal of one that is gone."""
    missing = not folder.database.exists() or folder.database.stat().st_size == 0
    if missing and found and found[0].start > 0:
        raise LedgerDamaged(
            f"{folder.database}: the database is missing, but its journal is there; nothing was changed. "
            "Put back a copy made by `llm-gateway db backup`, or begin an empty ledger by moving "
            f"{folder.journal} away"
        )


def _replay(store: Store, found: list[Segment], report: Report) -> int:
    """Apply what the journal holds beyond the database, then delete it; return where a new one goes on."""
    position = store.position()
    damaged = set()
    for segment in found:
        if segment.end > position:
            replayed = read_segment(segment, position)
            _apply(store, segment, replayed, report)
            if any(not each.torn for each in replayed.damage):
                damaged.add(segment)
            position = segment.end
    if found and store.checkpoint():
        for segment in found:
            if segment in damaged:
                segment.path.rename(segment.path.with_suffix(".damaged"))
            else:
                segment.path.unlink()
    # Never a name again that an earlier process has used, not even for a segment that could not be deleted.
    return position + 1 if found else position


def _apply(store: Store, segment: Segment, replayed: Replayed, report: Report) -> None:
    for damage in replayed.damage:
        if not damage.torn:
            what = f"{segment.path}: {damage.length} bytes at {damage.offset} are damaged and left out"
            report(
                "ledger.journal", LedgerDamaged(f"{what}; the file is kept beside the journal as .damaged")
            )
    for start in range(0, len(replayed.entries), _AT_ONCE):
        part = replayed.entries[start : start + _AT_ONCE]
        apply_records(store, decoded(part, report), part[-1][0], report)
    apply_records(store, [], segment.end, report)
