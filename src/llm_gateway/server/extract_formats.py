r"""Rows as CSV, JSON and NDJSON, written piece by piece: nothing is kept of what was written.

Money is written twice: in dollars, as a decimal number with nine places, and in whole nanodollars. Times are
written as ISO 8601 in UTC and as microseconds. CSV is RFC 4180; a text that a spreadsheet would take for a
formula gets an apostrophe in front (owasp.org, "CSV Injection").
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
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
        self._columns = tuple(columns)
        self._how = how
        self._begun = False
        self.count = 0
        """How many rows were written."""

    @property
    def names(self) -> list[str]:
        """Return the names of what is written, in its order."""
        return [name for column in self._columns for name in _names(column)]

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
        shown = [list(self._shown(row)) for row in rows]
        self.count += len(shown)
        if self._how == "csv":
            return _csv([_cell(name, value) for name, value in row] for row in shown)
        if not shown:
            return b""
        if self._how == "ndjson":
            return b"".join(_json.encode({"schema": self._schema, **dict(row)}) + b"\n" for row in shown)
        first = b"\n" if not self._begun else b",\n"
        self._begun = True
        return first + b",\n".join(_json.encode(dict(row)) for row in shown)

    def end(self) -> bytes:
        """Return what stands behind the rows."""
        return b"\n]}\n" if self._how == "json" else b""

    def _shown(self, row: Sequence[Value]) -> Iterator[tuple[str, object]]:
        for column, value in zip(self._columns, row, strict=True):
            match column.meaning:
                case "text":
                    yield column.name, value or ""
                case "count":
                    yield column.name, value
                case "flag":
                    yield column.name, None if value is None else bool(value)
                case "time":
                    at_us = int(value) if isinstance(value, int) else 0
                    yield column.name, iso(at_us) if value is not None else None
                    yield f"{column.name}_us", value
                case "money":
                    yield f"{column.name}_usd", decimal_dollars(value) if isinstance(value, int) else None
                    yield f"{column.name}_nano", value
                case _:
                    assert_never(column.meaning)


def decimal_dollars(nano: int) -> str:
    """Return nanodollars as dollars with nine places, exactly."""
    whole, rest = divmod(abs(nano), 1_000_000_000)
    return f"{'-' if nano < 0 else ''}{whole}.{rest:09d}"


def _names(column: Column) -> tuple[str, ...]:
    match column.meaning:
        case "text" | "count" | "flag":
            return (column.name,)
        case "time":
            return column.name, f"{column.name}_us"
        case "money":
            return f"{column.name}_usd", f"{column.name}_nano"
        case _:
            assert_never(column.meaning)


def _cell(name: str, value: object) -> object:
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    # Amounts begin with a minus where they are negative, and are numbers: spreadsheets do nothing with them.
    if isinstance(value, str) and value.startswith(_FORMULA) and not name.endswith("_usd"):
        return f"'{value}"
    return value


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
