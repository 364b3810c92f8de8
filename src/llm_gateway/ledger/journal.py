"""The append-only file in front of the database: what is written here survives the death of the process.

One stream of entries, cut into segments named by the position of their first byte. A position is the number
of bytes before it in the whole stream, so one integer says how far the database has come. What an entry means
is `records.py`, how it is framed `frames.py`; the database is written elsewhere.
"""

import errno
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.folder import NO_FOLLOW
from llm_gateway.ledger.frames import LONGEST, Damage, frame, scan
from llm_gateway.ledger.records import Record, encode, scrub
from llm_gateway.ledger.trouble import is_full

__all__ = ["SEGMENT_BYTES", "Journal", "Replayed", "Segment", "payload_of", "read_segment", "segments"]

SEGMENT_BYTES = 8 << 20
_SUFFIX = ".journal"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | NO_FOLLOW


class Segment(msgspec.Struct, frozen=True):
    """One file of the journal and the positions it covers, torn tail included."""

    path: Path
    start: int
    end: int


class Replayed(msgspec.Struct, frozen=True):
    """The entries of a segment with the position after each, and its damaged stretches."""

    entries: list[tuple[int, bytes]]
    damage: list[Damage]


def segments(folder: Path) -> list[Segment]:
    """Return what is there, oldest first."""
    found = [Segment(path, int(path.stem, 16), 0) for path in folder.glob(f"*{_SUFFIX}")]
    found.sort(key=lambda segment: segment.start)
    return [Segment(each.path, each.start, each.start + each.path.stat().st_size) for each in found]


def read_segment(segment: Segment, after: int) -> Replayed:
    """Return the entries that end after a position; damage before it was reported when it was read first."""
    found = scan(segment.path.read_bytes())
    return Replayed(
        [(segment.start + end, payload) for end, payload in found.entries if segment.start + end > after],
        [each for each in found.damage if segment.start + each.offset + each.length > after],
    )


class Journal:
    """The journal as its one writer sees it. Nothing that an earlier process wrote is ever appended to.

    `append` belongs to the event loop's thread; `sync`, `written` and `drop` may run in another one.
    `make_room` is asked when the disk is full, and says whether it is worth trying once more.
    """

    def __init__(
        self,
        folder: Path,
        position: int,
        *,
        durable: bool,
        limit: int = SEGMENT_BYTES,
        make_room: Callable[[], bool] = bool,
    ) -> None:
        self._folder = folder
        self._durable = durable
        self._limit = limit
        self._make_room = make_room
        self._file = -1
        self._path = folder
        self._start = position
        self._end = position
        self._closed: deque[Segment] = deque()
        self._unsynced: deque[int] = deque()
        self._unnamed = False
        self._ended = False

    @property
    def position(self) -> int:
        """Return the position after the last entry."""
        return self._end

    def append(self, payload: bytes) -> int:
        """Write one entry and return the position after it; LedgerUnavailable leaves nothing behind."""
        entry = frame(payload)
        try:
            if self._file < 0 or self._end - self._start >= self._limit:
                self._rotate()
            written = os.write(self._file, entry)
        except OSError as error:
            if is_full(error) and self._make_room():
                return self.append(payload)
            raise _unavailable(self._folder if self._file < 0 else self._path, error) from error
        if written != len(entry):
            self._take_back(entry)
            if self._make_room():
                return self.append(payload)
            raise _unavailable(self._path, OSError(errno.ENOSPC, "the disk is full"))
        self._end += written
        return self._end

    def sync(self) -> int:
        """Bring what is written to the disk and return the position up to which it is there.

        Only here is a file closed that has yet to be synced, so that none is closed under the call.
        """
        end = self._end
        if (file := self._file) >= 0:
            os.fsync(file)
        while self._unsynced:
            file = self._unsynced.popleft()
            try:
                os.fsync(file)
            finally:
                _let_go(file)
        if self._unnamed:
            _sync_folder(self._folder)
            self._unnamed = False
        return end

    def abandon(self) -> None:
        """Continue in a new segment: after a failed write or sync nothing is known about this one's tail."""
        self._leave(gap=1, synced=True)

    def written(self, after: int, until: int) -> Iterator[Replayed]:
        """Yield what the segments that are there hold between two positions, oldest first."""
        for segment in segments(self._folder):
            if after < segment.end and segment.start < until:
                found = read_segment(segment, after)
                yield Replayed([each for each in found.entries if each[0] <= until], found.damage)

    def has_applied(self, position: int) -> bool:
        """Return whether a closed segment is no longer needed once the database is safe up to `position`."""
        return bool(self._closed) and self._closed[0].end <= position

    def drop(self, position: int) -> None:
        """Delete the closed segments that end at or before `position`."""
        while self.has_applied(position):
            self._closed.popleft().path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file and take no more; what is in it stays."""
        self._ended = True
        try:
            if self._durable:
                self.sync()
        finally:
            self.abandon()

    def _rotate(self) -> None:
        if self._ended:
            raise LedgerUnavailable("the ledger is closed; the gateway is shutting down")
        self._leave(gap=1)
        path = self._folder / f"{self._end:016x}{_SUFFIX}"
        opened = os.open(path, _FLAGS, 0o600)
        self._path = path
        self._start = self._end
        self._unnamed = self._durable
        self._file = opened

    def _leave(self, gap: int, *, synced: bool = False) -> None:
        """Leave the segment, if there is one; the gap keeps the next one's positions apart from its tail."""
        file = self._file
        if file < 0:
            return
        later = self._durable and not synced
        if later:
            self._unsynced.append(file)  # before it is forgotten: a sync that runs now must meet it
        self._file = -1
        self._closed.append(Segment(self._path, self._start, self._end))
        self._end += gap
        if not later:
            _let_go(file)

    def _take_back(self, entry: bytes) -> None:
        """Remove half an entry; where even that fails, leave the segment, whose torn tail a replay skips."""
        try:
            os.ftruncate(self._file, self._end - self._start)
        except OSError:
            self._leave(gap=len(entry))


def _let_go(file: int) -> None:
    """Close a file; what went wrong with it then is nothing that a later write or sync has not said, too."""
    try:
        os.close(file)
    except OSError:
        pass


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its bytes; Windows does it by itself and has no way to ask."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            _let_go(handle)


def _unavailable(path: Path, error: OSError) -> LedgerUnavailable:
    reason = error.strerror or type(error).__name__
    unavailable = LedgerUnavailable(f"{path}: {reason.lower()}; the request cannot be recorded")
    unavailable.__cause__ = error
    return unavailable


def payload_of(record: Record) -> bytes:
    """Return a record as the journal takes it, cut to size where it is too large or no text."""
    try:
        payload = encode(record)
    except (UnicodeEncodeError, OverflowError):
        payload = b""
    return payload if 0 < len(payload) <= LONGEST else encode(scrub(record))
