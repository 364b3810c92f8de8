"""The log: one JSON object a line, on stderr. Prompts and secrets have no way into it.

Only the fields that a call names get in, as text without control characters; what looks like a
credential is masked as a second net. The hot path does not log.
"""

import re
import sys
import traceback
from typing import Literal, TextIO

import msgspec

from llm_gateway.clock import Clock

__all__ = ["LEVELS", "Level", "Log", "masked"]

Level = Literal["debug", "info", "warning", "error"]
LEVELS: dict[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_SECRET = re.compile(
    r"(lgw_[0-9A-Za-z]{8,}|sk-[0-9A-Za-z_-]{8,}|AIza[0-9A-Za-z_-]{20,}|gh[opsu]_[0-9A-Za-z]{20,}"
    r"|eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_.-]+|(?<=[?&]key=)[^&\s]+|(?<=Bearer )\S+)"
)
_LONGEST = 500


class Log:
    """Write lines at or above a level."""

    def __init__(self, clock: Clock, level: Level = "info", out: TextIO | None = None) -> None:
        self._clock = clock
        self._from = LEVELS[level]
        self._out = out

    def write(self, level: Level, event: str, **fields: str | int | float | bool | None) -> None:
        """Write one line; a log that cannot be written stops nothing."""
        if LEVELS[level] < self._from:
            return
        line: dict[str, str | int | float | bool | None] = {
            "at": self._clock.now_us() // 1000,
            "level": level,
            "event": event,
        }
        for name, value in fields.items():
            line[name] = masked(value) if isinstance(value, str) else value
        try:
            (self._out or sys.stderr).write(msgspec.json.encode(line).decode() + "\n")
        except (OSError, ValueError):
            pass  # a closed or full pipe: proxying goes on

    def failure(self, where: str, error: BaseException) -> None:
        """Write a defect with the places it came through, and none of the values it carried."""
        frames = traceback.extract_tb(error.__traceback__)
        at = " < ".join(f"{_module(frame.filename)}:{frame.lineno}" for frame in reversed(frames[-6:]))
        self.write("error", "failure", where=where, error=f"{type(error).__name__}: {error}", at=at)


def masked(text: str) -> str:
    """Return a text that is safe in a log line: bounded, printable, credentials masked."""
    shown = "".join(c if c.isprintable() else " " for c in text[:_LONGEST])
    return _SECRET.sub("***", shown)


def _module(path: str) -> str:
    _, _, tail = path.replace("\\", "/").rpartition("/llm_gateway/")
    return tail or path.rsplit("/", 1)[-1]
