"""Put a copy of the database back in the place of one that is damaged or gone.

What was there is moved aside, never deleted; what the journal holds beyond the copy comes in afterwards.
"""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from llm_gateway.clock import Clock
from llm_gateway.ledger.audit import AuditLog
from llm_gateway.ledger.folder import Folder, Lock
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.refusal import LedgerRefused
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.trouble import trouble
from llm_gateway.ledger.writer import Report

__all__ = ["restore"]

_HAS_TURNS = "SELECT 1 FROM sqlite_master WHERE name = 'turns'"
_SUFFIXES = ("", "-wal", "-shm")


def restore(home: Path, copy: Path, clock: Clock, report: Report) -> Path | None:
    """Put a copy back and return the folder with what it replaced, None where nothing was there.

    LedgerRefused says why not, and then nothing was changed; AuditUnavailable, too.
    """
    folder = Folder(home)
    if not copy.is_file():
        raise LedgerRefused(f"{copy}: there is no such file")
    fresh = folder.root / "restored.sqlite3"
    try:
        folder.create()
        lock = Lock(folder.lock)
    except OSError as error:
        raise LedgerRefused(f"{folder.root}: the folder cannot be used: {error.strerror}") from error
    try:
        _remove(fresh)
        _take_over(copy, fresh, clock)
        AuditLog(home, clock).write("database.restore", str(copy))
        aside = _move_aside(folder, clock)
        os.replace(fresh, folder.database)
    except (OSError, sqlite3.Error) as error:
        told = trouble(error)
        raise LedgerRefused(f"{folder.root}: {told.what} ({error}). {told.way_out}") from error
    finally:
        _remove(fresh)
        lock.close()
    with offline(home, clock, report):
        pass  # the journal is applied
    return aside


def _take_over(copy: Path, fresh: Path, clock: Clock) -> None:
    """Make a whole database of this version's schema of the copy, under another name."""
    # A copy by `db backup` is one file, and reading it leaves none beside it, on a read-only disk, too.
    how = "mode=ro" if Path(f"{copy}-wal").exists() else "immutable=1"
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            closing(sqlite3.connect(f"{copy.absolute().as_uri()}?{how}", uri=True)) as reader,
            closing(sqlite3.connect(fresh)) as writer,
        ):
            verdict = reader.execute("PRAGMA quick_check(1)").fetchall()
            if verdict != [("ok",)] or not reader.execute(_HAS_TURNS).fetchall():
                raise LedgerRefused(f"{copy}: it is no whole copy of a ledger; nothing was changed")
            reader.backup(writer)
    except sqlite3.DatabaseError as error:
        raise LedgerRefused(f"{copy}: it cannot be read as a copy of a ledger: {error}") from error
    SqliteStore(fresh, clock.now_us()).close()


def _move_aside(folder: Folder, clock: Clock) -> Path | None:
    there = [path for suffix in _SUFFIXES if (path := Path(f"{folder.database}{suffix}")).exists()]
    if not there:
        return None
    stamp = datetime.fromtimestamp(clock.now_us() / 1e6, UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = folder.root / f"replaced-{stamp}"
    aside.mkdir(mode=0o700)
    for path in there:
        path.rename(aside / path.name)
    return aside


def _remove(database: Path) -> None:
    for suffix in _SUFFIXES:
        Path(f"{database}{suffix}").unlink(missing_ok=True)
