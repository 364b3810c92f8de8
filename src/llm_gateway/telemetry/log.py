"""The log: one JSON object a line, on stderr. Prompts and secrets have no way into it.

Only fields of a fixed list get in, as text without control characters; what looks like a credential is
masked as a second net. The hot path does not log, and a reader that is slow or gone holds up nothing:
lines wait in a short queue, and what does not fit is dropped and counted in the next line.
"""

import atexit
import queue
import re
import sys
import threading
import traceback
from typing import Literal, TextIO

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.vault import Secret

__all__ = ["FIELDS", "LEVELS", "Level", "Log", "Value", "masked"]

Level = Literal["debug", "info", "warning", "error"]
LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}

Value = str | int | float | bool | Secret | None

FIELDS = frozenset(
    (
        "client",
        "count",
        "duration_ms",
        "error",
        "host",
        "id",
        "key_id",
        "kind",
        "limit",
        "model",
        "most",
        "name",
        "outcome",
        "path",
        "peer",
        "pid",
        "port",
        "provider",
        "reason",
        "scope",
        "setting",
        "signal",
        "state",
        "status",
        "through",
        "url",
        "used",
        "version",
        "where",
        "why",
    )
)
"""The names that a line may have beside `at`, `level` and `event`; one is added when somebody logs it."""

_LONGEST = 500
_MOST_WAITING = 1000

_SECRET = re.compile(
    r"lg[jow]_[0-9a-z]{8,}"
    r"|\bsk-[0-9a-z_-]{6,}"
    r"|\b(?:pk|rk|gsk|xai|csk|nvapi|pplx|hf|r8|tgp|fw)[-_][0-9a-z_-]{12,}"
    r"|\bgh[oprsu]_[0-9a-z]{16,}|\bgithub_pat_\w{16,}"
    r"|\bAIza[0-9a-z_-]{16,}|\bA[KS]IA[0-9a-z]{16}"
    r"|\beyJ[0-9a-z_-]{8,}\.[0-9a-z_.-]*"
    r"|(?<=[?&])(?:key|api_key|api-key|token|access_token)=[^&\s]+"
    r"|(?<=://)[^/\s@]+@"
    r"|\bbearer\s+\S+|\bbasic\s+[0-9a-z+/=]{8,}",
    re.IGNORECASE,
)


class Log:
    """Write lines at or above a level, to `out` or else to stderr by a thread of its own."""

    def __init__(self, clock: Clock, level: Level = "info", out: TextIO | None = None) -> None:
        self._clock = clock
        self._from = LEVELS[level]
        self._out = out
        self._stderr = _Stderr()

    def set_level(self, level: Level) -> None:
        """Write lines at or above this level from now on."""
        self._from = LEVELS[level]

    def write(self, level: Level, event: str, **fields: Value) -> None:
        """Write one line; a log that cannot be written stops nothing.

        A field that is not listed is named, in `unlisted`, and its value is left out.
        """
        if LEVELS[level] < self._from:
            return
        line: dict[str, object] = {"at": self._clock.now_us() // 1000, "level": level, "event": masked(event)}
        for name, value in fields.items():
            if name not in FIELDS:
                line["unlisted"] = masked(f"{line.get('unlisted', '')} {name}".strip())
            elif isinstance(value, str | Secret):
                line[name] = masked(str(value))
            else:
                line[name] = value
        if self._out is None:
            self._stderr.put(line)
        else:
            _write(self._out, line)

    def failure(self, where: str, error: BaseException) -> None:
        """Write a defect with the places it came through.

        Its message is written where it is ours or the database's; another's may hold what a request said.
        """
        frames = traceback.extract_tb(error.__traceback__)
        through = " < ".join(f"{_module(frame.filename)}:{frame.lineno}" for frame in reversed(frames[-6:]))
        self.write("error", "failure", where=where, error=_named(error), through=through)

    def close(self) -> None:
        """Write what waits; give up after a second or two in which nobody reads."""
        self._stderr.close()


class _Stderr:
    """Lines on their way to stderr. The thread is there once there is a line."""

    def __init__(self) -> None:
        self._lines: queue.Queue[tuple[TextIO, dict[str, object]] | None] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._dropped = 0
        self._counting = threading.Lock()

    def put(self, line: dict[str, object]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log", daemon=True)
            self._thread.start()
            atexit.register(self.close)
        try:
            self._lines.put_nowait((sys.stderr, line))
        except queue.Full:
            with self._counting:
                self._dropped += 1

    def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            atexit.unregister(self.close)
            try:
                self._lines.put(None, timeout=1.0)
            except queue.Full:
                return  # nobody reads
            thread.join(1.0)

    def _run(self) -> None:
        while (entry := self._lines.get()) is not None:
            out, line = entry
            # Told with the next line that is written, not the next that is put: when lines are dropped,
            # others wait, so whatever a reader gets to see, the count is in it.
            if self._dropped:
                with self._counting:
                    line["dropped"], self._dropped = self._dropped, 0
            _write(out, line)


def masked(text: str) -> str:
    """Return a text that is safe in a log line: bounded, printable, credentials masked."""
    # Cut well behind what is shown, so that no credential loses the part by which it is known.
    shown = "".join(c if c.isprintable() else " " for c in text[: 4 * _LONGEST])
    return _SECRET.sub("***", shown)[:_LONGEST]


def _write(out: TextIO, line: dict[str, object]) -> None:
    try:
        out.write(msgspec.json.encode(line).decode() + "\n")
        out.flush()
    except (OSError, ValueError):
        pass  # closed, full or gone


def _named(error: BaseException) -> str:
    name, made_by = type(error).__name__, type(error).__module__
    if made_by == "sqlite3" or made_by.startswith("llm_gateway."):
        return f"{name}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return name


def _module(path: str) -> str:
    path = path.replace("\\", "/")
    _, found, tail = path.rpartition("/llm_gateway/")
    return tail if found else path.rpartition("/")[2]
