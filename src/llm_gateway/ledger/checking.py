"""Whether the sums are what the raw rows say: day by day, each compared within one statement.

So it may be asked while the gateway writes. Raw rows are asked as far back as none was pruned, days and
months are held against their hours and days for ever. What helps against a difference is `rebuilding.py`.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from llm_gateway.ledger.rebuilding import days, span_of, whole_since
from llm_gateway.ledger.rollups import (
    DIMENSIONS,
    ENDING,
    HOUR_OF_A_SIGHTING,
    HOUR_OF_A_TURN,
    LANE_OF_A_SIGHTING,
    LANE_OF_A_TURN,
    SLOTS,
)
from llm_gateway.ledger.spans import DAY_US, HOURS_OF_A_DAY, day_of_month, month_of_day
from llm_gateway.ledger.spreads import counts_of, unpacked
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import COLUMNS, OF_A_SIGHTING, OF_A_TURN

__all__ = ["MOST", "Difference", "check"]

MOST = 100
"""So many differences are told of: where one sum is wrong, many are."""


class Difference(msgspec.Struct, frozen=True):
    """What a table should have and does not (`missing`), or has and should not.

    `at` is the hour, day or month that it is of, `row` the rest: whose it is, and how much.
    """

    table: str
    missing: bool
    at: int
    row: tuple[str, ...]


_NAMES = ", ".join(DIMENSIONS)
_SUMS = ", ".join(COLUMNS)
_EACH_SUM = ", ".join(f"sum({name}) AS {name}" for name in COLUMNS)
# A lane that had something and has nothing any more keeps its row, of zeros.
_SOMETHING = f"({' OR '.join(f'{name} <> 0' for name in COLUMNS)})"
_TURNS = "FROM turns AS t LEFT JOIN keys AS k ON k.id = t.key_id WHERE t.at_us >= ?1 AND t.at_us < ?2"
_TURN = ", ".join(LANE_OF_A_TURN.values())
_SIGHTING = ", ".join(LANE_OF_A_SIGHTING.values())
_DIMS = "JOIN usage_dims AS d ON d.id = u.dim"
_RAW = (
    f"SELECT {HOUR_OF_A_TURN} AS hour, {_TURN}, "
    f"{', '.join(f'coalesce(sum({each}), 0)' for each in OF_A_TURN.values())} "
    f"{_TURNS} AND t.outcome IS NOT NULL GROUP BY hour, {_TURN} UNION ALL "
    f"SELECT {HOUR_OF_A_SIGHTING} AS hour, {_SIGHTING}, "
    f"{', '.join(f'sum({OF_A_SIGHTING[name]})' for name in COLUMNS)} FROM sightings AS s "
    f"WHERE s.at_us >= ?1 AND s.at_us < ?2 AND s.turn_id = '' AND s.twin = 0 GROUP BY hour, {_SIGHTING}"
)
_KEPT = (
    f"SELECT at, {_NAMES}, {_SUMS} FROM usage_hours AS u {_DIMS} WHERE at >= ?3 AND at < ?4 AND {_SOMETHING}"
)
_RAW_SLOTS = " UNION ALL ".join(
    f"SELECT {HOUR_OF_A_TURN} AS hour, {_TURN}, '{kind}', {slot} AS slot, count(*) "
    f"{_TURNS} AND {counted} GROUP BY hour, {_TURN}, slot"
    for kind, (slot, counted) in SLOTS.items()
)
_KEPT_SLOTS = f"SELECT at, {_NAMES}, kind, slot, n FROM usage_spreads AS u {_DIMS} WHERE at >= ?3 AND at < ?4"
_LOST = (
    f"SELECT 1, {HOUR_OF_A_TURN}, {_TURN}, {ENDING}, t.id {_TURNS} AND t.outcome IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM usage_dims AS d JOIN usage_turns AS u ON u.dim = d.id WHERE "
    + " AND ".join(f"d.{name} = {value}" for name, value in LANE_OF_A_TURN.items())
    + f" AND u.ending = {ENDING} AND u.seq = t.seq)"
)
_FOUND = "SELECT (SELECT count(*) FROM usage_turns), (SELECT count(*) FROM turns WHERE outcome IS NOT NULL)"


_FOLDED = "AND at < (SELECT value FROM meta WHERE name = 'folded') "


def _compared(should: str, kept: str) -> str:
    """Return the query for what is in one of two and not in the other."""
    return (
        f"WITH should AS ({should}), kept AS ({kept}) "
        "SELECT 1, * FROM (SELECT * FROM should EXCEPT SELECT * FROM kept) UNION ALL "
        "SELECT 0, * FROM (SELECT * FROM kept EXCEPT SELECT * FROM should)"
    )


def _wider(table: str, narrow: str) -> str:
    """Return the query that holds one day or month (?1) against the hours or days in it (from ?2 to ?3)."""
    summed = f"SELECT ?1 AS at, dim, {_EACH_SUM} FROM {narrow} WHERE at >= ?2 AND at < ?3 {{0}}GROUP BY dim"
    # The last hours are in no day or month yet.
    summed = summed.format(_FOLDED if narrow == "usage_hours" else "")
    return _compared(
        f"SELECT * FROM ({summed}) WHERE {_SOMETHING}",
        f"SELECT at, dim, {_SUMS} FROM {table} WHERE at = ?1 AND {_SOMETHING}",
    )


_OF_A_DAY = (
    ("usage_hours", _compared(_RAW, _KEPT)),
    ("usage_spreads", _compared(_RAW_SLOTS, _KEPT_SLOTS)),
)
_DAY = _wider("usage_days", "usage_hours")
_MONTH = _wider("usage_months", "usage_days")
# Packed slots are held against others here, in Python; what both are is read in one statement.
_KEPT_HISTOGRAMS = "SELECT dim, 'k', 0, 0, latency, ttft FROM usage_histograms WHERE span = '{0}' AND at = ?1"
_DAY_SLOTS = (
    f"{_KEPT_HISTOGRAMS.format('d')} UNION ALL SELECT dim, kind, slot, sum(n), x'', x'' FROM usage_spreads "
    f"WHERE at >= ?2 AND at < ?3 {_FOLDED}GROUP BY dim, kind, slot"
)
_MONTH_SLOTS = (
    f"{_KEPT_HISTOGRAMS.format('m')} UNION ALL SELECT dim, 'd', 0, 0, latency, ttft FROM usage_histograms "
    "WHERE span = 'd' AND at >= ?2 AND at < ?3"
)


def check(rows: Rows) -> list[Difference]:
    """Return where the sums are not what they should be, at most so many; nothing when all is well."""
    found: list[Difference] = []
    for some in _differences(rows):
        found += some
        if len(found) >= MOST:
            return found[:MOST]
    ((kept, ended),) = rows.rows(_FOUND)
    if kept != ended:
        found.append(Difference("usage_turns", False, 0, (f"{kept!r} rows", f"{ended!r} turns")))
    return found


def _differences(rows: Rows) -> Iterator[list[Difference]]:
    first = whole_since(rows) // DAY_US
    kept = {at // HOURS_OF_A_DAY for at in _numbers(rows, "usage_hours")}
    raw = set(days(rows, first))
    for day in sorted(raw | {day for day in kept if day >= first}):
        span, hours = span_of(day), (day * HOURS_OF_A_DAY, (day + 1) * HOURS_OF_A_DAY)
        for table, sql in _OF_A_DAY:
            yield _asked(rows, table, sql, (*span, *hours))
        yield _asked(rows, "usage_turns", _LOST, span)
    all_days = sorted(kept | set(_numbers(rows, "usage_days")))
    for day in all_days:
        hours = (day * HOURS_OF_A_DAY, (day + 1) * HOURS_OF_A_DAY)
        yield _asked(rows, "usage_days", _DAY, (day, *hours))
        yield _histograms(rows, _DAY_SLOTS, (day, *hours))
    for month in sorted({month_of_day(day) for day in all_days} | set(_numbers(rows, "usage_months"))):
        span = day_of_month(month), day_of_month(month + 1)
        yield _asked(rows, "usage_months", _MONTH, (month, *span))
        yield _histograms(rows, _MONTH_SLOTS, (month, *span))


def _asked(rows: Rows, table: str, sql: str, values: tuple[int, ...]) -> list[Difference]:
    found = []
    for missing, at, *rest in rows.rows(sql, values):
        row = tuple(map(str, rest))
        found.append(Difference(table, missing == 1, at if isinstance(at, int) else 0, row))
    return found


def _histograms(rows: Rows, sql: str, values: tuple[int, ...]) -> list[Difference]:
    kept: Counter[tuple[int, str]] = Counter()
    should: Counter[tuple[int, str]] = Counter()
    for dim, kind, slot, count, latency, ttft in rows.rows(sql, values):
        assert isinstance(dim, int) and isinstance(slot, int) and isinstance(count, int)
        assert isinstance(latency, bytes) and isinstance(ttft, bytes)
        if kind in ("l", "t"):
            should[dim, kind] += counts_of(slot, count)
            continue
        counts = kept if kind == "k" else should
        counts[dim, "l"] += unpacked(latency)
        counts[dim, "t"] += unpacked(ttft)
    return [
        Difference("usage_histograms", kept[which] < should[which], values[0], tuple(map(str, which)))
        for which in sorted(kept.keys() | should.keys())
        if kept[which] != should[which]
    ]


def _numbers(rows: Rows, table: str) -> list[int]:
    """Return the hours, days or months of which something is kept."""
    return [at for (at,) in rows.rows(f"SELECT DISTINCT at FROM {table}") if isinstance(at, int)]
