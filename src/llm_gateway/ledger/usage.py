"""What was used and what it cost, by day, week or month and by whom: answered from sums, never from turns.

The times are whole hours; for others the turns themselves are asked (`totals.py`). What the amounts are
called is not decided here.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from llm_gateway.ledger.rollups import DAY_US, HOUR_US, MONTH_OF_A_DAY, MONTH_OF_AN_HOUR, steadily
from llm_gateway.ledger.spans import EVER, Span, Spans, day_of_month, spans
from llm_gateway.ledger.spreads import Spread, spread_of
from llm_gateway.ledger.store import Row as Found
from llm_gateway.ledger.store import Rows, Value
from llm_gateway.ledger.sums import COLUMNS, Sums

__all__ = ["Asked", "Dimension", "Period", "Row", "usage"]

Dimension = Literal["source", "client", "caller", "key", "provider", "model", "machine", "purpose"]
Period = Literal["hour", "day", "week", "month", "all"]
"""In UTC; weeks begin on Monday."""


class Asked(msgspec.Struct, frozen=True):
    """Which sums: of the hours that this time touches, for each period and each of `by`.

    `where` is what has to be so. Without a word on the `source` both are in it: `routed`, and what clients
    reported of themselves and no turn is, `seen`. A `key` is its name, so that one that was rotated goes on.
    Without `spreads` it is told faster.
    """

    since_us: int
    until_us: int | None = None
    period: Period = "all"
    by: tuple[Dimension, ...] = ()
    where: Mapping[Dimension, str] = {}
    spreads: bool = True


class Row(msgspec.Struct, frozen=True):
    """The sums of one period, for one of each of `by`; spreads of what was asked for and went well."""

    start_us: int
    names: tuple[str, ...]
    sums: Sums
    latency: Spread | None = None
    ttft: Spread | None = None


_COLUMN = {
    name: f"d.{name}" for name in ("source", "client", "caller", "provider", "model", "machine", "purpose")
}
_COLUMN["key"] = "coalesce(k.name, d.key_id)"
_WEEK = "({0} + 3) / 7"  # 1970 began on a Thursday
# The number of the period that an hour, a day and a month is in.
_PERIODS: dict[Period, tuple[str, str, str]] = {
    "hour": ("at", "0", "0"),
    "day": ("at / 24", "at", "0"),
    "week": (_WEEK.format("at / 24"), _WEEK.format("at"), "0"),
    "month": (MONTH_OF_AN_HOUR, MONTH_OF_A_DAY, "at"),
    "all": ("0", "0", "0"),
}
_WIDEST: dict[Period, Span] = {"hour": "hour", "day": "day", "week": "day", "month": "month", "all": "month"}
_SUMS = ", ".join(COLUMNS)
_EACH_SUM = ", ".join(f"sum(u.{name})" for name in COLUMNS)
_TABLES = ("usage_hours", "usage_hours", "usage_days", "usage_days", "usage_months")
_SPANS = ("h", "h", "d", "d", "m")
_IN = "at >= ? AND at < ?"


def usage(rows: Rows, asked: Asked) -> list[Row]:
    """Return the sums, the earliest period first; nothing for a period in which there was nothing."""
    since = max(asked.since_us, 0) // HOUR_US
    until = EVER if asked.until_us is None else -(-asked.until_us // HOUR_US)
    return steadily(
        rows, lambda folded: _usage(rows, asked, spans(since, until, folded, _WIDEST[asked.period]))
    )


def _usage(rows: Rows, asked: Asked, parts: Spans) -> list[Row]:
    values: tuple[Value, ...] = (*parts.values, *asked.where.values())
    summed = rows.rows(_sums(asked), values)
    slots = _slots(rows.rows(_spreads(asked), values)) if asked.spreads else {}
    width = 1 + len(asked.by)
    found = []
    for row in summed:
        which = row[:width]
        sums = Sums(*(amount for amount in row[width:] if isinstance(amount, int)))
        latency, ttft = (spread_of(slots.get((*which, kind), {})) for kind in "lt")
        number, *names = which
        begin = _begin(asked, number if isinstance(number, int) else 0)
        found.append(Row(begin, tuple(map(str, names)), sums, latency, ttft))
    return found


def _sums(asked: Asked) -> str:
    parts = " UNION ALL ".join(
        f"SELECT {number} AS period, dim, {_SUMS} FROM {table} WHERE {_IN}"
        for number, table in zip(_numbers(asked.period), _TABLES, strict=True)
    )
    return _grouped(asked, parts, "", _EACH_SUM) + " HAVING sum(u.requests) <> 0 ORDER BY 1"


def _spreads(asked: Asked) -> str:
    parts = " UNION ALL ".join(
        f"SELECT {number} AS period, dim, kind, slot, n FROM usage_spreads WHERE span = '{span}' AND {_IN}"
        for number, span in zip(_numbers(asked.period), _SPANS, strict=True)
    )
    return _grouped(asked, parts, ", u.kind, u.slot", "sum(u.n)")


def _numbers(period: Period) -> tuple[str, ...]:
    hour, day, month = _PERIODS[period]
    return hour, hour, day, day, month


def _grouped(asked: Asked, parts: str, more: str, summed: str) -> str:
    """Return a query over parts, grouped by what is asked for; its values are the parts' and `where`'s."""
    names = "".join(f", {_COLUMN[each]}" for each in asked.by)
    wanted = "".join(f" AND {_COLUMN[each]} = ?" for each in asked.where)
    keys = "LEFT JOIN keys AS k ON k.id = d.key_id " if "key" in (*asked.by, *asked.where) else ""
    return (
        f"SELECT u.period{names}{more}, {summed} FROM ({parts}) AS u JOIN usage_dims AS d ON d.id = u.dim "
        f"{keys}WHERE true{wanted} GROUP BY u.period{names}{more}"
    )


def _slots(found: list[Found]) -> dict[tuple[Value, ...], dict[int, int]]:
    """Return the counts by slot for each period, names and kind."""
    slots: dict[tuple[Value, ...], dict[int, int]] = {}
    for *which, slot, count in found:
        if isinstance(slot, int) and isinstance(count, int):
            slots.setdefault(tuple(which), {})[slot] = count
    return slots


def _begin(asked: Asked, number: int) -> int:
    """Return when a period begins, in microseconds."""
    match asked.period:
        case "hour":
            return number * HOUR_US
        case "day":
            return number * DAY_US
        case "week":
            return (number * 7 - 3) * DAY_US
        case "month":
            return day_of_month(number) * DAY_US
        case "all":
            return asked.since_us // HOUR_US * HOUR_US
