"""How commands speak: data on stdout, messages on stderr, one exit code for each way to end."""

import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

__all__ = [
    "DEGRADED",
    "EXIT_CODES",
    "FAILED",
    "INTERRUPTED",
    "LOGIN_NEEDED",
    "NOT_RUNNING",
    "OK",
    "REFUSED",
    "USAGE",
    "Stop",
    "complain",
    "json_line",
    "plain",
    "say",
    "table",
    "table_row",
    "waiting",
]

OK, FAILED, USAGE, DEGRADED, LOGIN_NEEDED, NOT_RUNNING, REFUSED = range(7)
INTERRUPTED = 130

EXIT_CODES = {
    OK: "it is done, all is well",
    FAILED: "it failed; the message says why",
    USAGE: "the command was used wrongly",
    DEGRADED: "degraded: it works, with warnings",
    LOGIN_NEEDED: "a login is needed: `llm-gateway login BRIDGE`",
    NOT_RUNNING: "no gateway runs",
    REFUSED: "refused by policy",
    INTERRUPTED: "interrupted",
}

_PATIENCE_S = 2.0


class Stop(Exception):
    """End the command with an exit code and a message: what, why, and the command that helps."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def say(message: str) -> None:
    """Write a message for whoever sits at the terminal; one that cannot be written stops nothing.

    Other machines' words may be in it, and are not to steer the terminal.
    """
    try:
        print(plain(message, "\n\t"), file=sys.stderr, flush=True)
    except OSError:
        pass  # a full disk, or nobody at the other end


def complain(what: str, error: BaseException) -> None:
    """Warn of what went wrong where nobody waits for it."""
    say(f"warning: {what}: {error}")


@contextmanager
def waiting(what: str, patience: float = _PATIENCE_S) -> Iterator[None]:
    """Say what is waited for, when it takes longer than a person likes to wait without a word."""
    timer = threading.Timer(patience, say, (f"waiting for {what} …",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def json_line(schema: str, value: object) -> None:
    """Write one JSON object on one line, with the name and version of its schema in front."""
    fields = msgspec.to_builtins(value)
    assert isinstance(fields, dict)
    print(msgspec.json.encode({"schema": f"llm-gateway/{schema}/v1", **fields}).decode(), flush=True)


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> list[int]:
    """Write rows in columns and return the columns' widths; None shows as a dash."""
    shown = [list(titles), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(titles))]
    for row in shown:
        table_row(row, widths)
    return widths


def table_row(row: Sequence[object], widths: Sequence[int]) -> None:
    """Write one more row of a table; the columns stay as wide as they are where that is enough."""
    cells = (_cell(value).ljust(width) for value, width in zip(row, widths, strict=True))
    print("  ".join(cells).rstrip(), flush=True)


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return plain(text)


def plain(text: str, but: str = "") -> str:
    """Return a text that cannot steer a terminal; `but` are characters that are let through."""
    return "".join(c if c.isprintable() or c in but else "?" for c in text)
