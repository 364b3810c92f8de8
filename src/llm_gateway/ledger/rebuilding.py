"""Make the sums anew from the raw rows, as far back as none of those was pruned; what is older stays.

Nothing is summed up in another way here: the raw rows are noted once more, and `rollups.py` does the rest.
Whether the sums are what the raw rows say is asked in `checking.py`.
"""

from llm_gateway.ledger.histograms import begin_month
from llm_gateway.ledger.rollups import MONTH_OF_A_DAY
from llm_gateway.ledger.spans import DAY_US, HOUR_US, HOURS_OF_A_DAY, LATEST_US
from llm_gateway.ledger.store import Rows, Store
from llm_gateway.ledger.sums import COLUMNS

__all__ = ["bring_up_to_date", "days", "rebuild", "span_of", "whole_since"]

_WHOLE = "SELECT max(value) FROM meta WHERE name IN ('turns_whole_us', 'sightings_whole_us')"
_ROLLED_UP = "SELECT value FROM meta WHERE name = 'rolled_up'"
_SAY_ROLLED_UP = "UPDATE meta SET value = ? WHERE name = 'rolled_up'"
_DAY = f"max(min(at_us, {LATEST_US}), 0) / {DAY_US}"
_DAYS = (
    f"SELECT DISTINCT {_DAY} FROM turns WHERE at_us >= ?1 UNION "
    f"SELECT DISTINCT {_DAY} FROM sightings WHERE at_us >= ?1 ORDER BY 1"
)
# About 100 bytes of memory each while they are summed up.
_MOST_AT_ONCE = 250_000
_COUNT = "SELECT count(*) FROM turns WHERE at_us >= ? AND at_us < ?"
_NOTE_TURNS = (
    "INSERT INTO ended (seq) SELECT seq FROM turns WHERE at_us >= ? AND at_us < ? AND outcome IS NOT NULL"
)
_NOTE_SIGHTINGS = (
    "INSERT INTO sighted (seq, sign) SELECT seq, 1 FROM sightings "
    "WHERE at_us >= ? AND at_us < ? AND turn_id = '' AND twin = 0"
)
_SUMS = ", ".join(COLUMNS)
# The month that the first day is in has days before it, whose raw rows may be gone.
_THIS_MONTH = f"(SELECT {MONTH_OF_A_DAY} FROM (SELECT ?1 AS at))"
_DAYS_BEFORE = f"at < ?1 AND {MONTH_OF_A_DAY} = {_THIS_MONTH}"
_BEGIN_MONTH = (
    f"INSERT INTO usage_months (at, dim, {_SUMS}) SELECT {MONTH_OF_A_DAY} AS month, dim, "
    + ", ".join(f"sum({name})" for name in COLUMNS)
    + f" FROM usage_days WHERE {_DAYS_BEFORE} GROUP BY month, dim"
)
_FORGET = (
    f"DELETE FROM usage_hours WHERE at >= ?1 * {HOURS_OF_A_DAY}",
    "DELETE FROM usage_days WHERE at >= ?1",
    f"DELETE FROM usage_months WHERE at >= {_THIS_MONTH}",
    f"DELETE FROM usage_spreads WHERE at >= ?1 * {HOURS_OF_A_DAY}",
    "DELETE FROM usage_histograms WHERE span = 'd' AND at >= ?1",
    f"DELETE FROM usage_histograms WHERE span = 'm' AND at >= {_THIS_MONTH}",
    f"DELETE FROM usage_turns WHERE seq NOT IN (SELECT seq FROM turns WHERE at_us < ?1 * {DAY_US})",
    _BEGIN_MONTH,
    f"UPDATE meta SET value = min(value, ?1 * {HOURS_OF_A_DAY}) WHERE name = 'folded'",
)


def bring_up_to_date(store: Store) -> None:
    """Sum up the turns that were there before there were sums, or where a rebuilding was broken off."""
    if store.rows(_ROLLED_UP) != [(1,)]:
        rebuild(store)


def rebuild(store: Store, since_us: int = 0, at_once: int = _MOST_AT_ONCE) -> int:
    """Make the sums anew of the days from `since_us` on; return how many days.

    A transaction is of a day, or of an hour where a day has more turns than are summed up `at_once`. Killed
    in between, it is done again at the next start.
    """
    first = max(whole_since(store), since_us, 0) // DAY_US
    forgetting = [(sql, (first,)) for sql in _FORGET]
    store.write([(_SAY_ROLLED_UP, (0,)), *forgetting, *begin_month(store, first)])
    found = days(store, first)
    for day in found:
        for span in _pieces(store, day, at_once):
            store.write([(_NOTE_TURNS, span), (_NOTE_SIGHTINGS, span)])
    store.write([(_SAY_ROLLED_UP, (1,))])
    return len(found)


def _pieces(rows: Rows, day: int, at_once: int) -> list[tuple[int, int]]:
    """Return a day, or its hours where it has too many turns to be held in memory at once."""
    begin, end = span_of(day)
    ((count,),) = rows.rows(_COUNT, (begin, end))
    if not isinstance(count, int) or count <= at_once:
        return [(begin, end)]
    later = [day * DAY_US + hour * HOUR_US for hour in range(1, HOURS_OF_A_DAY)]
    return list(zip((begin, *later), (*later, end), strict=True))


def whole_since(rows: Rows) -> int:
    """Return from when on no raw row was pruned: the begin of a day, 0 for ever."""
    ((value,),) = rows.rows(_WHOLE)
    return value if isinstance(value, int) else 0


def days(rows: Rows, first: int) -> list[int]:
    """Return the days since 1970 on which there are raw rows, from one on."""
    found = rows.rows(_DAYS, (span_of(first)[0],))
    return [day for (day,) in found if isinstance(day, int)]


def span_of(day: int) -> tuple[int, int]:
    """Return when a day begins and ends, in microseconds; the first and the last one go on for ever."""
    begin = day * DAY_US if day > 0 else -(2**63)
    end = (day + 1) * DAY_US if day < LATEST_US // DAY_US else 2**63 - 1
    return begin, end
