"""How commands speak: data on stdout, messages on stderr, one exit code for each way to end."""

import sys
from collections.abc import Iterable, Sequence

import msgspec

__all__ = [
    "DEGRADED",
    "FAILED",
    "LOGIN_NEEDED",
    "NOT_RUNNING",
    "OK",
    "REFUSED",
    "USAGE",
    "Stop",
    "json_line",
    "say",
    "table",
]

OK, FAILED, USAGE, DEGRADED, LOGIN_NEEDED, NOT_RUNNING, REFUSED = range(7)


class Stop(Exception):
    """End the command with an exit code and a message: what, why, and the command that helps."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def say(message: str) -> None:
    """Write a message for whoever sits at the terminal."""
    print(message, file=sys.stderr)


def json_line(schema: str, value: object) -> None:
    """Write one JSON object on one line, with the name and version of its schema in front."""
    fields = msgspec.to_builtins(value)
    assert isinstance(fields, dict)
    print(msgspec.json.encode({"schema": f"llm-gateway/{schema}/v1", **fields}).decode(), flush=True)


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows in columns; None shows as a dash."""
    shown = [list(titles), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(titles))]
    for row in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(c if c.isprintable() else "?" for c in text)
