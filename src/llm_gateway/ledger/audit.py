"""The audit log: what was done by whom to keys, settings and stored things, a line each, before it is done.

Lines are JSON in plain ASCII, each with the hash of the line before and its own, so that a line that was
altered, taken out or put in is found; `audit.head` beside the log says how far it goes, so that lines cut off
its end are missed. Who can write both files can still write another history: who has to rule that out sends
the lines, or the last hash, somewhere else. Requests are not here: they are turns in the ledger.
"""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.errors import AuditUnavailable, ConfigError
from llm_gateway.ledger.folder import NO_FOLLOW, try_lock
from llm_gateway.telemetry.log import masked
from llm_gateway.vault import read_private, write_private
from llm_gateway.wire.ready import ready

__all__ = ["AuditLog", "Broken", "Entry", "Verdict"]

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | NO_FOLLOW
_NOTHING = "0" * 64
_HASH = b',"hash":"'
_TAIL = 64 * 1024  # longer than any line
_LATEST = 4 * _TAIL
_MOST_DETAILS = 20
_PATIENCE_S = 5.0
_PAUSE_S = 0.01


@ready
class Entry(msgspec.Struct, frozen=True):
    """One line. `actor` is who did it, `action` what, `target` to which thing; times are UTC."""

    seq: int
    at: str
    actor: str
    action: str
    target: str
    detail: dict[str, str | int]
    previous: str
    hash: str


class Broken(msgspec.Struct, frozen=True):
    """The first place where the log is not what was written; lines count from 1."""

    line: int
    why: str


class Verdict(msgspec.Struct, frozen=True):
    """What a check of the whole log found: `first` is the first entry's number, `hash` the last one's."""

    lines: int
    first: int
    hash: str
    broken: Broken | None = None
    unfinished: bool = False
    """A line stops in the middle at the end: its action was not done, and the next line takes its place."""


@ready
class _Head(msgspec.Struct, frozen=True):
    """The last line that was written."""

    seq: int = 0
    hash: str = _NOTHING


class AuditLog:
    """The audit log of a home. Several processes may write to it; they take turns.

    With `synced` False a line survives the death of the process at once, and a loss of power after `settle`.
    """

    def __init__(self, home: Path, clock: Clock, *, synced: bool = True) -> None:
        self.path = home / "audit.jsonl"
        self._head = home / "audit.head"
        self._clock = clock
        self._synced = synced

    async def record(
        self, action: str, target: str = "", actor: str = "owner", /, **detail: str | int
    ) -> None:
        """Write a line without holding up the event loop; AuditUnavailable means: do not do it."""
        await asyncio.to_thread(self.write, action, target, actor, **detail)

    def write(
        self, action: str, target: str = "", actor: str = "command line", /, **detail: str | int
    ) -> None:
        """Write a line, to the disk, before what it tells of is done; AuditUnavailable means: do not do it.

        Values are bounded, and what looks like a credential is masked; give no content.
        """
        fields: dict[str, object] = {
            "at": _iso(self._clock.now_us()),
            "actor": masked(actor),
            "action": masked(action),
            "target": masked(target),
            "detail": {
                masked(name): masked(value) if isinstance(value, str) else value
                for name, value in list(detail.items())[:_MOST_DETAILS]
            },
        }
        try:
            self._append(fields)
        except (OSError, ConfigError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise AuditUnavailable(
                f"{self.path}: {action!r} was not done, because its line cannot be written to the audit log: "
                f"{why or type(error).__name__}; `llm-gateway doctor` says what helps"
            ) from error

    def settle(self) -> None:
        """Bring what was written to the disk, and note how far it goes; OSError when that cannot be."""
        file = os.open(self.path, os.O_RDWR | NO_FOLLOW)
        try:
            _take_turns(file)
            _, last = self._last(file)
            os.fsync(file)
            self._note(last)
        finally:
            os.close(file)

    def entries(self, since: str = "") -> list[Entry]:
        """Return the lines that can be read, the oldest first, from a time on (as `at` says it)."""
        found = []
        for line in self._lines():
            try:
                entry = msgspec.json.decode(line, type=Entry)
            except msgspec.DecodeError:
                continue
            if entry.at >= since:
                found.append(entry)
        return found

    def latest(self, most: int) -> list[Entry]:
        """Return the last lines that can be read, the newest first, without reading those before them.

        At most as many as the last 256 KiB hold.
        """
        try:
            file = os.open(self.path, os.O_RDONLY | NO_FOLLOW)
        except FileNotFoundError:
            return []
        try:
            size = os.fstat(file).st_size
            os.lseek(file, max(0, size - _LATEST), os.SEEK_SET)
            lines = os.read(file, _LATEST).splitlines(keepends=True)
        finally:
            os.close(file)
        # The first one of a part begins in the middle, and then it is none that was written so.
        return list(islice(filter(None, map(_whole, reversed(lines))), most))

    def verify(self) -> Verdict:
        """Check every line; OSError when the log cannot be read. A log that is not there is a whole one."""
        head, known = self._read_head(), _Head()
        first, number, met_head = 0, 0, False
        for number, line in enumerate(self._lines(), 1):
            if not line.endswith(b"\n"):
                return self._ended(Verdict(number - 1, first, known.hash, unfinished=True), head, met_head)
            entry = _whole(line)
            if entry is None:
                return Verdict(number - 1, first, known.hash, Broken(number, "it was altered"))
            if number > 1 and (entry.previous != known.hash or entry.seq != known.seq + 1):
                why = f"it does not follow line {number - 1}: lines were taken out, put in or moved"
                return Verdict(number - 1, first, known.hash, Broken(number, why))
            first = first or entry.seq
            known = _Head(entry.seq, entry.hash)
            met_head = met_head or known == head
        return self._ended(Verdict(number, first, known.hash), head, met_head)

    # details

    def _ended(self, verdict: Verdict, head: _Head, met_head: bool) -> Verdict:
        if met_head or head.seq < max(verdict.first, 1) or (not verdict.lines and not self.path.exists()):
            return verdict  # a log that was moved away goes on in a new file
        why = f"the log goes to entry {head.seq} by {self._head.name}, and that one is not here"
        return msgspec.structs.replace(verdict, broken=Broken(verdict.lines + 1, why))

    def _lines(self) -> Iterator[bytes]:
        try:
            with os.fdopen(os.open(self.path, os.O_RDONLY | NO_FOLLOW), "rb") as file:
                yield from file
        except FileNotFoundError:
            return

    def _append(self, fields: dict[str, object]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self.path, _FLAGS, 0o600)
        try:
            _take_turns(file)
            end, last = self._last(file)
            line, head = _line(fields, last)
            written = os.write(file, line)
            if written != len(line):
                os.ftruncate(file, end)
                raise OSError(0, "No space left on device")
            if self._synced:
                os.fsync(file)
                self._note(head)
        finally:
            os.close(file)

    def _note(self, head: _Head) -> None:
        try:
            write_private(self._head, msgspec.json.encode(head) + b"\n")
        except ConfigError:
            pass  # the line is there; that its end is missed when it is cut off is what is lost

    def _last(self, file: int) -> tuple[int, _Head]:
        """Return where the next line goes and what it follows; half a line at the end is removed."""
        size = os.fstat(file).st_size
        if not size:
            return 0, self._read_head()
        os.lseek(file, max(0, size - _TAIL), os.SEEK_SET)
        tail = os.read(file, _TAIL)
        whole = tail[: tail.rfind(b"\n") + 1]
        if len(whole) < len(tail):
            size -= len(tail) - len(whole)
            os.ftruncate(file, size)
        if not size:
            return 0, self._read_head()
        entry = _whole(whole[whole.rfind(b"\n", 0, -1) + 1 :])
        if entry is None:
            raise OSError(0, "its last line was altered; move the file away, and a new one goes on")
        return size, _Head(entry.seq, entry.hash)

    def _read_head(self) -> _Head:
        data = read_private(self._head)
        try:
            return msgspec.json.decode(data, type=_Head) if data else _Head()
        except msgspec.DecodeError:
            return _Head()


def _line(fields: dict[str, object], last: _Head) -> tuple[bytes, _Head]:
    """Return the line that follows the last one, and itself as the last one."""
    text = json.dumps({"seq": last.seq + 1, **fields, "previous": last.hash}, separators=(",", ":"))
    # DEL is the one control character that JSON in ASCII leaves as it is.
    told = text[:-1].replace("\x7f", "\\u007f").encode("ascii")
    digest = hashlib.sha256(told).hexdigest()
    return b'%b%b%b"}\n' % (told, _HASH, digest.encode()), _Head(last.seq + 1, digest)


def _whole(line: bytes) -> Entry | None:
    """Return a line as it was written, None for one that was not written so."""
    told, _, rest = line.rpartition(_HASH)
    if rest != b'%b"}\n' % hashlib.sha256(told).hexdigest().encode():
        return None
    try:
        return msgspec.json.decode(line, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _take_turns(file: int) -> None:
    """Wait until no other writer has the log; OSError when that takes too long."""
    deadline = time.monotonic() + _PATIENCE_S
    while not try_lock(file):
        if time.monotonic() > deadline:
            raise OSError(0, "another process holds it")
        time.sleep(_PAUSE_S)


def _iso(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
