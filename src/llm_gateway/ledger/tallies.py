"""How many turns there are of each combination of names and of each ending: what facets are counted from.

Summed up of lanes where that says it, counted turn by turn where a time begins or ends within an hour, and
for few turns. Which of them fit a filter is decided by `facets.py`, but for those that are counted by parts
of a long time: there the filter is in the statement, or there would be too many, and names are left out.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from llm_gateway.ledger.buckets import Width, begin_of, number_of, slot_us
from llm_gateway.ledger.filters import NAMED, Filter, Meaning, first_since, ids_from, named_values
from llm_gateway.ledger.rollups import ENDING, steadily
from llm_gateway.ledger.spans import DAY_US, HOUR_US, Spans, day_of_month, spans
from llm_gateway.ledger.store import Row, Rows, Value
from llm_gateway.ledger.window import Window, window

__all__ = ["FACETS", "Facet", "Tally", "at_the_ends", "counted", "key_names", "listed", "reach", "summed"]

Facet = Literal["source", "client", "provider", "model", "status", "key", "caller"]

FACETS: tuple[Facet, ...] = ("source", "client", "provider", "model", "status", "key", "caller")


class Tally(msgspec.Struct, frozen=True, gc=False):
    """So many turns of these names, in the order of FACETS, with this key, in a part of the time, if told."""

    names: tuple[str, ...]
    key_id: str
    number: int
    count: int


_Sums = tuple[int, int, int, int, int]
_COUNTED = ("requests", "ok", "cancelled", "failed", "cached")
_TABLES = ("usage_hours", "usage_hours", "usage_days", "usage_days", "usage_months")
_LANES = "SELECT id, source, client, provider, model, key_id, caller FROM usage_dims"
_SUMS = (
    f"SELECT u.dim, {', '.join(f'sum(u.{each})' for each in _COUNTED)} FROM ("
    + " UNION ALL ".join(
        f"SELECT dim, {', '.join(_COUNTED)} FROM {table} WHERE at >= ? AND at < ?" for table in _TABLES
    )
    + ") AS u GROUP BY u.dim"
)
_EACH = (
    f"SELECT u.at, {', '.join(f'sum(u.{each})' for each in _COUNTED)} FROM {{0}} AS u "
    "WHERE u.at >= ?1 AND u.at < ?2 AND +u.dim IN (SELECT d.id FROM usage_dims AS d "
    f"WHERE d.source = 'routed' AND {NAMED.format('d')}) GROUP BY u.at"
)
_RARE = ("truncated", "interrupted")
_RARE_ENDINGS = (
    "SELECT d.id, e.ending, (SELECT count(*) FROM usage_turns AS u "
    "WHERE u.dim = d.id AND u.ending = e.ending AND u.seq >= ?1 AND u.seq < ?2) FROM usage_dims AS d "
    f"CROSS JOIN (SELECT '{_RARE[0]}' AS ending UNION ALL SELECT '{_RARE[1]}') AS e "
    "WHERE d.source = 'routed'"
)
# Turns are in the order in which they began, so their numbers say when.
_RARE_TURNS = (
    "SELECT u.seq FROM usage_dims AS d CROSS JOIN usage_turns AS u "
    "ON u.dim = d.id AND u.ending = ?12 AND u.seq >= ?1 AND u.seq < ?2 "
    f"WHERE d.source = 'routed' AND {NAMED.format('d')}"
)
_TURNS = (
    f"SELECT t.client, t.provider, t.model, coalesce({ENDING}, 'running'), t.key_id, t.caller, "
    "t.at_us / ?1 AS slot, count(*) FROM turns AS t WHERE {0} GROUP BY 1, 2, 3, 4, 5, 6, 7"
)
_ALL = _TURNS.format("t.at_us >= ?2 AND t.at_us < ?3")
_ENDED = _TURNS.format("t.at_us >= ?2 AND t.at_us < ?3 AND t.outcome IS NOT NULL")
_RUNNING = _TURNS.format("t.at_us >= ?2 AND t.at_us < ?3 AND t.outcome IS NULL")
_IN_SESSION = "t.session = ?{0} AND t.session <> ''"
_IN_IDS = "t.id >= ?{0} AND t.id < ?{1}"
_OF_SESSION = _TURNS.format(f"{_IN_SESSION.format(4)} AND +t.at_us >= ?2 AND +t.at_us < ?3")
_OF_IDS = _TURNS.format(f"{_IN_IDS.format(4, 5)} AND +t.at_us >= ?2 AND +t.at_us < ?3")
_REACH = "SELECT min(+t.at_us), max(+t.at_us) FROM turns AS t WHERE {0}"
_REACH_OF_SESSION = _REACH.format(_IN_SESSION.format(1))
_REACH_OF_IDS = _REACH.format(_IN_IDS.format(1, 2))


def key_names(rows: Rows) -> dict[str, str]:
    """Return the names of keys by their ids."""
    return {str(key_id): str(name) for key_id, name in rows.rows("SELECT id, name FROM keys")}


def reach(rows: Rows, which: Filter, taken_for: Meaning) -> tuple[int, int]:
    """Return when the first and the last turn began of a session, or of ids that begin alike."""
    sql = _REACH_OF_SESSION if taken_for == "session" else _REACH_OF_IDS
    values = (which.text,) if taken_for == "session" else ids_from(which.text)
    ((first, last),) = rows.rows(sql, values)
    return _number(first), _number(last)


def listed(
    rows: Rows, asked: Filter, taken_for: Meaning, width: Width, names: Mapping[str, str]
) -> Iterator[Tally]:
    """Count turns one by one: those of a time, of a session, or whose ids begin alike."""
    values: tuple[Value, ...] = (slot_us(width), asked.since_us, asked.until_us)
    sql = _ALL
    if taken_for == "session":
        sql, values = _OF_SESSION, (*values, asked.text)
    elif taken_for == "id":
        sql, values = _OF_IDS, (*values, *ids_from(asked.text))
    return _tallies(rows, sql, values, width, names)


def summed(rows: Rows, asked: Filter, names: Mapping[str, str]) -> Iterator[Tally]:
    """Count the turns of the whole hours of a time, of every combination; in which part of it is left out."""
    time = window(rows, asked.since_us, asked.until_us)
    sums = steadily(rows, lambda folded: rows.rows(_SUMS, spans(*time.hours, folded).values))
    rare = {
        (dim, str(ending)): _number(count)
        for dim, ending, count in rows.rows(_RARE_ENDINGS, _numbers(rows, time))
    }
    lanes = {dim: tuple(map(str, lane)) for dim, *lane in rows.rows(_LANES)}
    for dim, *amounts in sums:
        if (lane := lanes.get(dim)) is not None:
            source, client, provider, model, key_id, caller = lane
            truncated, interrupted = (rare.get((dim, each), 0) for each in _RARE)
            for status, count in _by_status(amounts, truncated, interrupted):
                told = (source, client, provider, model, status, names.get(key_id, key_id), caller)
                yield Tally(told, key_id, 0, count)


def counted(rows: Rows, asked: Filter, taken_for: Meaning, width: Width) -> Iterator[Tally]:
    """Count the turns of each part of the whole hours of a time whose names a filter asks for."""
    time = window(rows, asked.since_us, asked.until_us)
    named = (None, None, *named_values(asked, taken_for))
    found = steadily(rows, lambda folded: _by_parts(rows, spans(*time.hours, folded, width.widest), named))
    rare = _rare_by_parts(rows, time, width, named) if asked.outcome in ("error", *_RARE) else Counter()
    sums: dict[int, list[int]] = {}
    for at_us, *amounts in found:
        known = sums.setdefault(number_of(width, _number(at_us)), [0] * len(_COUNTED))
        for place, amount in enumerate(amounts):
            known[place] += _number(amount)
    for part, known in sums.items():
        for status, count in _by_status(known, rare[part, "truncated"], rare[part, "interrupted"]):
            yield Tally(("", "", "", "", status, "", ""), "", part, count)


def _rare_by_parts(
    rows: Rows, time: Window, width: Width, named: Sequence[Value]
) -> Counter[tuple[int, str]]:
    """Count what failed in rare ways in each part of a time."""
    low, high = _numbers(rows, time)
    first, last = (number_of(width, hour * HOUR_US) for hour in time.hours)
    numbers = range(first, last + 1)
    begins = [first_since(rows, begin_of(width, number + 1)) for number in numbers]
    counts: Counter[tuple[int, str]] = Counter()
    for ending in _RARE:
        found = sorted(_number(seq) for (seq,) in rows.rows(_RARE_TURNS, (low, high, *named, ending)))
        before = 0
        for number, begin in zip(numbers, begins, strict=True):
            upto = bisect_left(found, begin)
            counts[number, ending] = upto - before
            before = upto
    return counts


def _by_parts(rows: Rows, parts: Spans, named: tuple[Value, ...]) -> list[Row]:
    """Return the sums of each hour, day and month, by when it begins: a table by itself is in that order."""
    bounds = (parts.hours, parts.later_hours, parts.days, parts.later_days, parts.months)
    begins = (_hour_us, _hour_us, _day_us, _day_us, _month_us)
    found: list[Row] = []
    for table, (first, last), begin in zip(_TABLES, bounds, begins, strict=True):
        if first < last:
            told = rows.rows(_EACH.format(table), (first, last, *named))
            found += [(begin(_number(number)), *amounts) for number, *amounts in told]
    return found


def _hour_us(hour: int) -> int:
    return hour * HOUR_US


def _day_us(day: int) -> int:
    return day * DAY_US


def _month_us(month: int) -> int:
    return day_of_month(month) * DAY_US


def at_the_ends(rows: Rows, asked: Filter, width: Width, names: Mapping[str, str]) -> Iterator[Tally]:
    """Count what is in no sum of a whole hour: turns before the first one and after the last, and running."""
    slot, time = slot_us(width), window(rows, asked.since_us, asked.until_us)
    for begin, end in time.edges:
        yield from _tallies(rows, _ENDED, (slot, begin, end), width, names)
    yield from _tallies(rows, _RUNNING, (slot, asked.since_us, asked.until_us), width, names)


def _tallies(
    rows: Rows, sql: str, values: tuple[Value, ...], width: Width, names: Mapping[str, str]
) -> Iterator[Tally]:
    slot = slot_us(width)
    for client, provider, model, status, key_id, caller, number, count in rows.rows(sql, values):
        key = names.get(str(key_id), str(key_id))
        told = ("routed", str(client), str(provider), str(model), str(status), key, str(caller))
        yield Tally(told, str(key_id), number_of(width, _number(number) * slot), _number(count))


def _by_status(amounts: Sequence[Value], truncated: int, interrupted: int) -> Iterator[tuple[str, int]]:
    """Yield how many turns ended how; of what failed, so many are told apart."""
    _, ok, cancelled, failed, cached = map(_number, amounts)
    told = {
        "ok": ok - cached,
        "cached": cached,
        "error": failed - truncated - interrupted,
        "truncated": truncated,
        "interrupted": interrupted,
        "cancelled": cancelled,
    }
    return ((status, count) for status, count in told.items() if count > 0)


def _numbers(rows: Rows, time: Window) -> tuple[int, int]:
    """Return the numbers of the first turn of the whole hours of a time and of the first one after them."""
    first, last = time.hours
    return first_since(rows, first * HOUR_US), first_since(rows, last * HOUR_US)


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
