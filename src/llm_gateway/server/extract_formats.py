r"""Rows as CSV, JSON and NDJSON, written piece by piece: nothing is kept of what was written.

Money is written twice: in dollars, as a decimal number with nine places, and in whole nanodollars. Times are
written as ISO 8601 in UTC and as microseconds. CSV is RFC 4180; a text that a spreadsheet would take for a
formula gets an apostrophe in front (owasp.org, "CSV Injection").
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, assert_never

import msgspec

from llm_gateway.ledger.extracts import Column
from llm_gateway.ledger.store import Value
from llm_gateway.server.views import iso

__all__ = ["CONTENT_TYPES", "FORMATS", "Format", "Writing", "decimal_dollars"]

Format = Literal["csv", "json", "ndjson"]
FORMATS: tuple[Format, ...] = ("csv", "json", "ndjson")

CONTENT_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}

# What makes a spreadsheet take a cell for a formula, wherever it came from.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_json = msgspec.json.Encoder()


class Writing:
    """Write rows of these columns: `begin`, then `rows` as often as there are some, then `end`."""

    def __init__(self, schema: str, columns: Sequence[Column], how: Format) -> None:
        self._schema = f"llm-gateway/{schema}/v1"
        self._how = how
        self._begun = False
        shown = [
            (name, place, _safe if how == "csv" and make is _text else make)
            for place, column in enumerate(columns)
            for name, make in _shown(column)
        ]
        self.names = [name for name, _, _ in shown]
        """The names of what is written, in its order."""
        self._made = [(place, make) for _, place, make in shown]
        self.count = 0
        """How many rows were written."""

    def begin(self) -> bytes:
        """Return what stands before the rows."""
        match self._how:
            case "csv":
                return _csv([self.names])
            case "json":
                return b'{"schema":%b,"rows":[' % _json.encode(self._schema)
            case "ndjson":
                return b""
            case _:
                assert_never(self._how)

    def rows(self, rows: Iterable[Sequence[Value]]) -> bytes:
        """Return some rows as they are written."""
        made = ([make(row[place]) for place, make in self._made] for row in rows)
        if self._how == "csv":
            return _csv(map(_flags, map(self._counted, made)))
        objects = (dict(zip(self.names, self._counted(each), strict=True)) for each in made)
        if self._how == "ndjson":
            return b"".join(_json.encode({"schema": self._schema, **each}) + b"\n" for each in objects)
        text = b",\n".join(map(_json.encode, objects))
        if not text:
            return b""
        first = b",\n" if self._begun else b"\n"
        self._begun = True
        return first + text

    def end(self) -> bytes:
        """Return what stands behind the rows."""
        return b"\n]}\n" if self._how == "json" else b""

    def _counted(self, row: list[object]) -> list[object]:
        self.count += 1
        return row


def decimal_dollars(nano: int) -> str:
    """Return nanodollars as dollars with nine places, exactly."""
    whole, rest = divmod(abs(nano), 1_000_000_000)
    return f"{'-' if nano < 0 else ''}{whole}.{rest:09d}"


def _shown(column: Column) -> tuple[tuple[str, Callable[[Value], object]], ...]:
    """Return what a column becomes: names, and how a value is written."""
    name = column.name
    match column.meaning:
        case "text":
            return ((name, _text),)
        case "count":
            return ((name, _same),)
        case "flag":
            return ((name, _flag),)
        case "time":
            return (name, _time), (f"{name}_us", _same)
        case "money":
            return (f"{name}_usd", _dollars), (f"{name}_nano", _same)
        case _:
            assert_never(column.meaning)


def _same(value: Value) -> object:
    return value


def _text(value: Value) -> object:
    return value or ""


def _safe(value: Value) -> object:
    """Return a text as a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _flag(value: Value) -> object:
    return None if value is None else bool(value)


def _time(value: Value) -> object:
    return iso(value) if isinstance(value, int) else None


def _dollars(value: Value) -> object:
    return decimal_dollars(value) if isinstance(value, int) else None


def _flags(row: list[object]) -> list[object]:
    """Return a row of CSV, in which flags are words."""
    return ["true" if cell is True else "false" if cell is False else cell for cell in row]


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
