"""Sums over any time, to the microsecond: whole hours from what is kept, its ends from the turns themselves.

Of turns that have ended and that came through here. What is asked for by period is `usage.py`. Where raw
rows were pruned, a time begins with a whole hour.
"""

from collections.abc import Sequence

import msgspec

from llm_gateway.ledger.rebuilding import whole_since
from llm_gateway.ledger.rollups import SLOTS, steadily
from llm_gateway.ledger.spans import EVER, HOUR_US, Range, Spans, spans
from llm_gateway.ledger.spreads import Spread, counts_of, spread_of, unpacked
from llm_gateway.ledger.store import Rows, Value
from llm_gateway.ledger.sums import COLUMNS, OF_A_TURN, Sums

__all__ = ["Window", "spreads_of", "sums_of", "window"]

_IN = "at >= ? AND at < ?"
_TABLES = ("usage_hours", "usage_hours", "usage_days", "usage_days", "usage_months")
_KEPT = " UNION ALL ".join(f"SELECT dim, {', '.join(COLUMNS)} FROM {table} WHERE {_IN}" for table in _TABLES)
_SUMS = (
    f"SELECT {', '.join(f'sum(u.{name})' for name in COLUMNS)}{{0}} FROM ({_KEPT}) AS u "
    "CROSS JOIN usage_dims AS d ON d.id = u.dim LEFT JOIN keys AS k ON k.id = d.key_id "
    "WHERE d.source = 'routed' GROUP BY {1}"
)
_RAW = (
    f"SELECT {', '.join(f'coalesce(sum({each}), 0)' for each in OF_A_TURN.values())}{{0}} FROM turns AS t "
    "LEFT JOIN keys AS k ON k.id = t.key_id "
    "WHERE t.at_us >= ? AND t.at_us < ? AND t.outcome IS NOT NULL GROUP BY {1}"
)
_SLOTS = (
    "SELECT kind, slot, sum(n) FROM usage_spreads WHERE (at >= ? AND at < ?) OR (at >= ? AND at < ?) "
    "GROUP BY kind, slot"
)
_HISTOGRAMS = " UNION ALL ".join(
    f"SELECT latency, ttft FROM usage_histograms WHERE span = '{span}' AND {_IN}" for span in "ddm"
)
_RAW_SLOTS = " UNION ALL ".join(
    f"SELECT '{kind}' AS kind, {slot} AS slot, count(*) FROM turns AS t "
    f"WHERE t.at_us >= ?1 AND t.at_us < ?2 AND {counted} GROUP BY slot"
    for kind, (slot, counted) in SLOTS.items()
)


class Window(msgspec.Struct, frozen=True):
    """A time: its whole hours, and what is before and after them, in microseconds."""

    hours: Range
    edges: tuple[Range, ...] = ()


def window(rows: Rows, since_us: int, until_us: int | None = None) -> Window:
    """Return the time from `since_us` on and before `until_us`."""
    since_us = max(since_us, 0)
    if since_us < whole_since(rows):
        since_us = since_us // HOUR_US * HOUR_US
    first = -(-since_us // HOUR_US)
    last = EVER if until_us is None else until_us // HOUR_US
    if until_us is not None and last < first:
        return Window((0, 0), ((since_us, until_us),))
    edges = [(since_us, first * HOUR_US)]
    if until_us is not None:
        edges.append((last * HOUR_US, until_us))
    return Window((first, last), tuple(edge for edge in edges if edge[0] < edge[1]))


def sums_of(rows: Rows, names: Sequence[str], time: Window) -> dict[tuple[str, ...], Sums]:
    """Return the sums of each of some names: columns of `{0}`, a turn or a lane, and of its key, `k`."""
    found = steadily(rows, lambda folded: _run(rows, _SUMS, "d", names, spans(*time.hours, folded).values))
    for edge in time.edges:
        for name, sums in _run(rows, _RAW, "t", names, edge).items():
            found[name] = found.get(name, Sums()) + sums
    return found


def spreads_of(rows: Rows, time: Window) -> tuple[Spread | None, Spread | None]:
    """Return how long the answers of all turns took, and their first tokens."""
    return steadily(rows, lambda folded: _spreads(rows, time, spans(*time.hours, folded)))


def _spreads(rows: Rows, time: Window, parts: Spans) -> tuple[Spread | None, Spread | None]:
    counts = {"l": 0, "t": 0}
    found = rows.rows(_SLOTS, (*parts.hours, *parts.later_hours))
    for edge in time.edges:
        found += rows.rows(_RAW_SLOTS, edge)
    for kind, slot, count in found:
        if isinstance(slot, int) and isinstance(count, int):
            counts[str(kind)] += counts_of(slot, count)
    for latency, ttft in rows.rows(_HISTOGRAMS, (*parts.days, *parts.later_days, *parts.months)):
        if isinstance(latency, bytes) and isinstance(ttft, bytes):
            counts["l"] += unpacked(latency)
            counts["t"] += unpacked(ttft)
    return spread_of(counts["l"]), spread_of(counts["t"])


def _run(
    rows: Rows, sql: str, alias: str, names: Sequence[str], values: Sequence[Value]
) -> dict[tuple[str, ...], Sums]:
    columns = [name.format(alias) for name in names]
    grouped = sql.format("".join(f", {column}" for column in columns), ", ".join(columns))
    width = len(COLUMNS)
    return {
        tuple(map(str, row[width:])): Sums(*(amount for amount in row[:width] if isinstance(amount, int)))
        for row in rows.rows(grouped, values)
    }
