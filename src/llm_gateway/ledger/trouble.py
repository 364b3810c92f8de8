"""What keeps the storage from taking something, in words for who runs the gateway: what it is, what helps.

Pure: errors of the system and of SQLite become words here, wherever they were met.
"""

import errno
import sqlite3
from collections.abc import Iterator

import msgspec

__all__ = ["Trouble", "is_damaged", "is_full", "trouble"]


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong, and the way out."""

    what: str
    way_out: str


_FULL = Trouble("the disk is full", "make room on the disk of the home; the gateway goes on by itself")
_LIMITED = Trouble(
    "the system lets the gateway's files grow no more", "raise the limit (`ulimit -f`) of what starts it"
)
_READ_ONLY = Trouble(
    "the disk or the file is read-only",
    "look into the system's log why, and make it writable again; the gateway goes on by itself",
)
_LOCKED = Trouble(
    "another program holds the database",
    "end what has ledger.sqlite3 open (a database browser, a copy); the gateway goes on by itself",
)
_DAMAGED = Trouble(
    "the database is damaged",
    "`llm-gateway down`, then `llm-gateway db restore COPY` with a copy of `llm-gateway db backup`; what is "
    "answered meanwhile is in the journal and comes in afterwards",
)
_CLOSED = Trouble(
    "the gateway may not write there", "`llm-gateway doctor --fix`; see whom the home belongs to"
)
_BROKEN = Trouble("the disk gives errors", "look into the system's log, and save the home to another disk")
_SLOW = Trouble("the disk is too slow", "look at what else writes to the disk; the gateway goes on by itself")
_MISSING = Trouble("a folder or a file of the ledger is gone", "put it back; docs/storage.md says how")

_OF_THE_SYSTEM = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _LIMITED,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EIO: _BROKEN,
    errno.ENOENT: _MISSING,
    errno.ENOTDIR: _MISSING,
}
_OF_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_PERM: _CLOSED,
    sqlite3.SQLITE_CANTOPEN: _CLOSED,
    sqlite3.SQLITE_IOERR: _BROKEN,
}
_PRIMARY = 0xFF  # an extended code of SQLite's has the plain one in its last byte


def trouble(error: BaseException) -> Trouble:
    """Return what an error, or what it was raised from, means; its own words where they are ours alone."""
    for each in _causes(error):
        known = _known(each)
        if known is not None:
            return known
    words = " ".join(str(error).split()) or type(error).__name__
    return Trouble(words, "look at the gateway's log")


def is_full(error: BaseException) -> bool:
    """Return whether room on the disk is what is missing."""
    return any(_known(each) is _FULL for each in _causes(error))


def is_damaged(error: BaseException) -> bool:
    """Return whether the database is not what was written."""
    return any(_known(each) is _DAMAGED for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _known(error: BaseException) -> Trouble | None:
    match error:
        case TimeoutError():
            return _SLOW
        case OSError(errno=int(code)):
            return _OF_THE_SYSTEM.get(code)
        case sqlite3.Error():
            # Errors that Python's module makes up by itself have no code.
            return _OF_SQLITE.get(getattr(error, "sqlite_errorcode", -1) & _PRIMARY)
        case _:
            return None
