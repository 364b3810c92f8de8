"""What was used and what it cost, by day, week or month and by whom: answered from sums, never from turns.

The times are whole hours; for others the turns themselves are asked (`totals.py`). What the amounts are
called is not decided here.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from llm_gateway.ledger.rollups import MONTH_OF_A_DAY, MONTH_OF_AN_HOUR, steadily
from llm_gateway.ledger.spans import DAY_US, EVER, HOUR_US, Span, Spans, day_of_month, spans
from llm_gateway.ledger.spreads import Counts, Spread, counts_of, spread_of, unpacked
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
    Without `spreads` it is told faster, and faster still where only some `columns` are asked for.
    """

    since_us: int
    until_us: int | None = None
    period: Period = "all"
    by: tuple[Dimension, ...] = ()
    where: Mapping[Dimension, str] = {}
    spreads: bool = True
    columns: tuple[str, ...] = COLUMNS


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
_Which = tuple[Value, ...]
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
_TABLES = ("usage_hours", "usage_hours", "usage_days", "usage_days", "usage_months")
_IN = "at >= ? AND at < ?"


def usage(rows: Rows, asked: Asked) -> list[Row]:
    """Return the sums, the earliest period first; nothing for a period in which there was nothing."""
    since = max(asked.since_us, 0) // HOUR_US
    until = EVER if asked.until_us is None else -(-asked.until_us // HOUR_US)
    return steadily(
        rows, lambda folded: _usage(rows, asked, spans(since, until, folded, _WIDEST[asked.period]))
    )


def _usage(rows: Rows, asked: Asked, parts: Spans) -> list[Row]:
    counts = _counts(rows, asked, parts) if asked.spreads else {}
    width = 1 + len(asked.by)
    found = []
    wanted: tuple[Value, ...] = tuple(asked.where.values())
    for row in rows.rows(_sums(asked), (*parts.values, *wanted)):
        amounts = (amount for amount in row[width:] if isinstance(amount, int))
        sums = Sums(**dict(zip(asked.columns, amounts, strict=True)))
        latency, ttft = counts.get(row[:width], (0, 0))
        number, *names = row[:width]
        begin = _begin(asked, number if isinstance(number, int) else 0)
        found.append(Row(begin, tuple(map(str, names)), sums, spread_of(latency), spread_of(ttft)))
    return found


def _counts(rows: Rows, asked: Asked, parts: Spans) -> dict[_Which, tuple[Counts, Counts]]:
    """Return how many answers took how long, and their first tokens, for each period and names."""
    counts: dict[_Which, tuple[Counts, Counts]] = {}
    wanted: tuple[Value, ...] = tuple(asked.where.values())
    for *which, kind, slot, count in rows.rows(_slots(asked), (*parts.hours, *parts.later_hours, *wanted)):
        if isinstance(slot, int) and isinstance(count, int):
            latency, ttft = counts.get(tuple(which), (0, 0))
            more = counts_of(slot, count)
            counts[tuple(which)] = (latency + more, ttft) if kind == "l" else (latency, ttft + more)
    wide = (*parts.days, *parts.later_days, *parts.months, *wanted)
    for *which, of_latency, of_ttft in rows.rows(_histograms(asked), wide):
        if isinstance(of_latency, bytes) and isinstance(of_ttft, bytes):
            latency, ttft = counts.get(tuple(which), (0, 0))
            counts[tuple(which)] = latency + unpacked(of_latency), ttft + unpacked(of_ttft)
    return counts


def _sums(asked: Asked) -> str:
    hour, day, month = _PERIODS[asked.period]
    needed = ", ".join(dict.fromkeys(("requests", *asked.columns)))
    parts = " UNION ALL ".join(
        f"SELECT {number} AS period, dim, {needed} FROM {table} WHERE {_IN}"
        for number, table in zip((hour, hour, day, day, month), _TABLES, strict=True)
    )
    names = _names(asked)
    grouped = f" GROUP BY {names} HAVING sum(u.requests) <> 0 ORDER BY {names}"
    each_sum = ", ".join(f"sum(u.{name})" for name in asked.columns)
    return f"SELECT {names}, {each_sum} {_from(asked, parts)}{grouped}"


def _slots(asked: Asked) -> str:
    hour, _, _ = _PERIODS[asked.period]
    part = f"SELECT {hour} AS period, dim, kind, slot, n FROM usage_spreads WHERE {_IN}"
    grouped = f"{_names(asked)}, u.kind, u.slot"
    return f"SELECT {grouped}, sum(u.n) {_from(asked, f'{part} UNION ALL {part}')} GROUP BY {grouped}"


def _histograms(asked: Asked) -> str:
    _, day, month = _PERIODS[asked.period]
    parts = " UNION ALL ".join(
        f"SELECT {number} AS period, dim, latency, ttft FROM usage_histograms WHERE span = '{span}' AND {_IN}"
        for number, span in ((day, "d"), (day, "d"), (month, "m"))
    )
    return f"SELECT {_names(asked)}, u.latency, u.ttft {_from(asked, parts)}"


def _names(asked: Asked) -> str:
    return ", ".join(("u.period", *(_COLUMN[each] for each in asked.by)))


def _from(asked: Asked, parts: str) -> str:
    """Return where a query takes parts from; its values are theirs, then those of `where`."""
    wanted = "".join(f" AND {_COLUMN[each]} = ?" for each in asked.where)
    keys = "LEFT JOIN keys AS k ON k.id = d.key_id " if "key" in (*asked.by, *asked.where) else ""
    return f"FROM ({parts}) AS u CROSS JOIN usage_dims AS d ON d.id = u.dim {keys}WHERE true{wanted}"


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
