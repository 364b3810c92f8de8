"""How long answers took, by day and month: a row for each of them and each lane, all its slots packed in it.

By hour a slot is a row of its own (`rollups.py`), which is quick to add to; these are quick to read. An hour
is added when it is over, and what comes later for it at once. What a slot is, is `spreads.py`.
"""

from collections.abc import Iterable

from llm_gateway.ledger.spans import HOURS_OF_A_DAY, day_of_month, month_of_day
from llm_gateway.ledger.spreads import Counts, counts_of, packed, unpacked
from llm_gateway.ledger.store import Row, Rows, Statement

__all__ = ["add_hours", "begin_month"]

_READ = "SELECT dim, latency, ttft FROM usage_histograms WHERE span = ? AND at = ? AND dim = ?"
_KEEP = "REPLACE INTO usage_histograms (span, at, dim, latency, ttft) VALUES (?, ?, ?, ?, ?)"
_BEFORE = "SELECT dim, latency, ttft FROM usage_histograms WHERE span = 'd' AND at >= ? AND at < ?"
_Lanes = dict[int, list[Counts]]


def add_hours(store: Rows, found: Iterable[Row]) -> None:
    """Add counts to days and months: rows of an hour, a lane, the kind, a slot and how many."""
    days: dict[int, _Lanes] = {}
    for at, dim, kind, slot, count in found:
        assert (
            isinstance(at, int) and isinstance(dim, int) and isinstance(slot, int) and isinstance(count, int)
        )
        counts = days.setdefault(at // HOURS_OF_A_DAY, {}).setdefault(dim, [0, 0])
        counts[kind == "t"] += counts_of(slot, count)
    months: dict[int, _Lanes] = {}
    for day, lanes in days.items():
        _add_up(months.setdefault(month_of_day(day), {}), lanes)
        _add(store, "d", day, lanes)
    for month, lanes in months.items():
        _add(store, "m", month, lanes)


def begin_month(rows: Rows, day: int) -> list[Statement]:
    """Return what makes the month that a day is in anew, of the days before that one."""
    month = month_of_day(day)
    lanes: _Lanes = {}
    for row in rows.rows(_BEFORE, (day_of_month(month), day)):
        _add_up(lanes, _lane(row))
    return [_kept("m", month, dim, counts) for dim, counts in lanes.items()]


def _add(store: Rows, span: str, at: int, lanes: _Lanes) -> None:
    for dim, counts in lanes.items():
        kept = {dim: list(counts)}
        for row in store.rows(_READ, (span, at, dim)):
            _add_up(kept, _lane(row))
        store.rows(*_kept(span, at, dim, kept[dim]))


def _add_up(sum_: _Lanes, lanes: _Lanes) -> None:
    for dim, counts in lanes.items():
        before = sum_.get(dim, [0, 0])
        sum_[dim] = [before[0] + counts[0], before[1] + counts[1]]


def _lane(row: Row) -> _Lanes:
    dim, latency, ttft = row
    assert isinstance(dim, int) and isinstance(latency, bytes) and isinstance(ttft, bytes)
    return {dim: [unpacked(latency), unpacked(ttft)]}


def _kept(span: str, at: int, dim: int, counts: list[Counts]) -> Statement:
    return _KEEP, (span, at, dim, packed(counts[0]), packed(counts[1]))
