"""Logs that are one JSON document, written anew whenever something was said: read whole, when they changed.

A document of more than a bounded size is passed over. One that does not end is being written, or was not
written to its end: it is read again until nothing has changed for long enough. Not what a document says.
"""

import os
import stat
from collections.abc import Callable, Iterable

import msgspec

from llm_gateway.clients.logs.reading import QUIET_US, UNREADABLE, Log, Read, Reader
from llm_gateway.ledger.sightings import Sighting

__all__ = ["LARGEST", "Form", "document_reader"]

LARGEST = 64 * 1024 * 1024

Form = Callable[[Log, bytes, int], Iterable[Sighting | str]]
"""What a document says, and what is wrong with it, in words. The number is when it was last written."""


class _State(msgspec.Struct, frozen=True):
    file: tuple[int, int]
    size: int
    changed: int


def document_reader(form: Form) -> Reader:
    """Return the reader of a form."""

    def read(log: Log, state: str) -> Read:
        there = os.stat(log.path)
        if not stat.S_ISREG(there.st_mode):
            raise IsADirectoryError(0, "it is no file")
        after = _text(there)
        if after == state:
            return Read([], state)
        if there.st_size > LARGEST:
            return Read([], after, (f"a document of more than {LARGEST >> 20} MB was passed over",))
        with log.path.open("rb") as file:
            written = file.read(LARGEST)
        if written[:1] == b"\0" or written[-1:] == b"\0":  # of a file system that lost its last writes
            written = written.strip(b"\0")
        sightings: list[Sighting] = []
        problems: list[str] = []
        changed_us = there.st_mtime_ns // 1000
        try:
            for told in form(log, written, changed_us):
                if isinstance(told, str):
                    problems.append(told)
                else:
                    sightings.append(told)
        except msgspec.ValidationError:
            problems.append("a document of a form that is not known")
        except UNREADABLE:
            if log.now_us - changed_us < QUIET_US:
                return Read(sightings, state)
            problems.append("a document that is not JSON")
        return Read(sightings, after, tuple(problems))

    return read


def _text(there: os.stat_result) -> str:
    state = _State((there.st_dev, there.st_ino), there.st_size, there.st_mtime_ns)
    return msgspec.json.encode(state).decode()
