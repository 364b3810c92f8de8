"""Logs with a JSON value a line, appended to while their programs run: read from where reading ended.

A file is read in pieces. Only lines that hold one of a form's needles are looked at; a line without its end
waits for the rest; one that is longer than a piece is passed over. A file that was replaced, cut or written
anew is read from the beginning: the marks of sightings make that harmless. Not what a line says.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from io import FileIO
from typing import Protocol

import msgspec

from llm_gateway.clients.logs.reading import QUIET_US, UNREADABLE, Log, Read, Reader
from llm_gateway.ledger.sightings import Sighting
from llm_gateway.wire.ready import ready

__all__ = ["PIECE", "Form", "line_reader"]

PIECE = 8 * 1024 * 1024
"""What is read at once, and the longest line that is looked at."""

# What tells a file from another one at the same place: its first bytes, and the last that were read.
_LOOKED_AT = 1024
# Of the states that are kept: with another one, a log is read from its beginning.
_VERSION = 1
_NOTHING = b"null"


class Form(Protocol):
    """What the lines of one file say, each after those before it."""

    def feed(self, line: bytes) -> Iterable[Sighting | str]:
        """Return the answers that a line completes, and what is wrong with it, in words."""
        ...

    def waiting(self) -> list[Sighting]:
        """Return the answers of which a better line may still come."""
        ...

    def memory(self) -> bytes:
        """Return as JSON what the next lines have to know of these."""
        ...


@ready
class _State(msgspec.Struct, frozen=True, omit_defaults=True):
    version: int
    file: tuple[int, int]
    at: int
    size: int
    changed: int
    seen: str
    skipping: bool = False
    waiting: bool = False
    memory: msgspec.Raw = msgspec.Raw(_NOTHING)


class _Kind(msgspec.Struct, frozen=True):
    needles: tuple[bytes, ...]
    form: Callable[[Log, bytes], Form]
    piece: int


def line_reader(needles: tuple[bytes, ...], form: Callable[[Log, bytes], Form], piece: int = PIECE) -> Reader:
    """Return the reader of a form: made of a log and of what was remembered of its earlier lines."""
    kind = _Kind(needles, form, piece)

    def read(log: Log, state: str) -> Read:
        was = _state(state)
        there = os.stat(log.path)
        if not stat.S_ISREG(there.st_mode):
            raise IsADirectoryError(0, "it is no file")
        if was is not None and _unchanged(was, there):
            return _finish(log, state, was, form) if was.waiting else Read([], state)
        with FileIO(log.path) as file:
            return _piece(log, file, was, kind)

    return read


def _state(text: str) -> _State | None:
    try:
        was = msgspec.json.decode(text.encode(), type=_State) if text else None
    except UNREADABLE:
        return None
    return was if was and was.version == _VERSION else None


def _unchanged(was: _State, there: os.stat_result) -> bool:
    return (was.file, was.size, was.changed) == (_identity(there), there.st_size, there.st_mtime_ns)


def _finish(log: Log, state: str, was: _State, form: Callable[[Log, bytes], Form]) -> Read:
    """Give up waiting for better lines, once nothing has changed for long enough."""
    if log.now_us - was.changed // 1000 < QUIET_US:
        return Read([], state)
    try:
        made = form(log, bytes(was.memory))
    except UNREADABLE:  # another version's
        return Read([], "")
    return Read(made.waiting(), _text(msgspec.structs.replace(was, waiting=False)))


def _piece(
    log: Log,
    file: FileIO,
    was: _State | None,
    kind: _Kind,
) -> Read:
    there = os.fstat(file.fileno())
    at, skipping, memory = 0, False, _NOTHING
    if was is not None and _goes_on(file, was, there):
        at, skipping, memory = was.at, was.skipping, bytes(was.memory)
    file.seek(at)
    buffer = file.read(kind.piece)
    more = len(buffer) == kind.piece
    begin, end, skipping, problems = _whole(buffer, skipping, more)
    try:
        made = kind.form(log, memory)
    except UNREADABLE:  # another version's
        return _piece(log, file, None, kind)
    sightings: list[Sighting] = []
    _feed(made, _lines(buffer, begin, end, kind.needles), sightings, problems)
    waiting = made.waiting()
    if waiting and not more and log.now_us - there.st_mtime_ns // 1000 >= QUIET_US:
        sightings += waiting
        waiting = []
    after = _State(
        version=_VERSION,
        file=_identity(there),
        at=at + end,
        # More than there is: what was appended meanwhile, or is still there to read, is a change.
        size=-1 if more else there.st_size,
        changed=there.st_mtime_ns,
        seen=_seen(file, at + end),
        skipping=skipping,
        waiting=bool(waiting),
        memory=msgspec.Raw(made.memory()),
    )
    return Read(sightings, _text(after), tuple(problems), more)


def _whole(buffer: bytes, skipping: bool, full: bool) -> tuple[int, int, bool, list[str]]:
    """Return where whole lines begin and end in a piece, and whether it ends in a line to pass over."""
    begin = 0
    if skipping:
        begin = buffer.find(b"\n") + 1
        if not begin:
            return len(buffer), len(buffer), True, []
    end = buffer.rfind(b"\n") + 1
    if end > begin or not full:
        return begin, max(begin, end), False, []
    if begin:
        return begin, begin, False, []
    return len(buffer), len(buffer), True, ["a line that is too long to be an answer's was passed over"]


def _lines(buffer: bytes, begin: int, end: int, needles: tuple[bytes, ...]) -> list[bytes]:
    """Return the lines that hold a needle, in their order."""
    spans = set()
    for needle in needles:
        at = buffer.find(needle, begin, end)
        while at >= 0:
            stop = buffer.find(b"\n", at, end)
            spans.add((buffer.rfind(b"\n", begin, at) + 1 or begin, stop))
            at = buffer.find(needle, stop, end)
    # A file system that lost its last writes leaves NULs.
    return [buffer[start:stop].strip(b"\0 \t\r") for start, stop in sorted(spans)]


def _feed(form: Form, lines: list[bytes], sightings: list[Sighting], problems: list[str]) -> None:
    odd = broken = 0
    marks: set[str] = set()
    for line in lines:
        try:
            for told in form.feed(line):
                if isinstance(told, str):
                    problems.append(told)
                elif told.mark not in marks:
                    marks.add(told.mark)
                    sightings.append(told)
        except msgspec.ValidationError:
            odd += 1
        except UNREADABLE:
            broken += 1
    if broken:
        problems.append(f"lines that are not JSON: {broken}")
    if odd:
        problems.append(f"lines of a form that is not known: {odd}")


def _seen(file: FileIO, at: int) -> str:
    file.seek(0)
    head = file.read(min(_LOOKED_AT, at))
    file.seek(max(0, at - _LOOKED_AT))
    tail = file.read(min(_LOOKED_AT, at))
    return hashlib.blake2b(head + tail, digest_size=8).hexdigest()


def _goes_on(file: FileIO, was: _State, there: os.stat_result) -> bool:
    """Whether a file begins with what was read of it."""
    same = was.file == _identity(there) and was.at <= there.st_size
    return same and _seen(file, was.at) == was.seen


def _identity(there: os.stat_result) -> tuple[int, int]:
    return there.st_dev, there.st_ino


def _text(state: _State) -> str:
    return msgspec.json.encode(state).decode()
