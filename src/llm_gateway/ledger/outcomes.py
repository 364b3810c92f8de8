"""How requests ended, by hour, and what they cost and avoided, by day: what is drawn of a longer time.

Read from the sums of hours and days alone, and only the columns that are drawn; all of them, by whatever is
asked, are `usage.py`. Hours and days are in UTC, counted since 1970.
"""

import msgspec

from llm_gateway.ledger.rollups import steadily
from llm_gateway.ledger.spans import HOURS_OF_A_DAY
from llm_gateway.ledger.store import Rows
from llm_gateway.wire.ready import ready

__all__ = ["DayMoney", "HourOutcomes", "by_day", "by_hour", "first_hour"]

_BY_HOUR = (
    "SELECT u.at, d.provider, sum(u.ok), sum(u.cancelled), sum(u.failed) FROM usage_hours AS u "
    "CROSS JOIN usage_dims AS d ON d.id = u.dim WHERE u.at >= ? AND d.source = 'routed' "
    "GROUP BY u.at, d.provider ORDER BY u.at, d.provider"
)
_MONEY = (
    "cost_nano AS cost, route_nano AS route, "
    "compression_nano + response_cache_nano + prompt_cache_ours_nano AS avoided"
)
# What clients reported of themselves has no money: the sums are those of what came through.
_BY_DAY = (
    "SELECT day, sum(cost), sum(route), sum(avoided) FROM ("
    f"SELECT at AS day, {_MONEY} FROM usage_days WHERE at >= ?1 UNION ALL "
    f"SELECT at / {HOURS_OF_A_DAY} AS day, {_MONEY} FROM usage_hours "
    f"WHERE at >= ?2 AND at >= ?1 * {HOURS_OF_A_DAY}) GROUP BY day ORDER BY day"
)
_FIRST = "SELECT min(at) FROM usage_hours"


@ready
class HourOutcomes(msgspec.Struct, frozen=True, array_like=True):
    """How requests of one hour to one provider ended; "" is nobody, where no provider was asked."""

    hour: int
    provider: str
    ok: int
    cancelled: int
    failed: int


@ready
class DayMoney(msgspec.Struct, frozen=True, array_like=True):
    """What one day's requests cost, in nanodollars.

    `equivalent_nano` is what answers are worth that nobody bills, `avoided_nano` what else was avoided.
    """

    day: int
    cost_nano: int
    equivalent_nano: int
    avoided_nano: int


def by_hour(rows: Rows, since_hour: int) -> list[HourOutcomes]:
    """Return how the requests from this hour on ended, the earliest first."""
    return msgspec.convert(rows.rows(_BY_HOUR, (since_hour,)), list[HourOutcomes])


def by_day(rows: Rows, since_day: int) -> list[DayMoney]:
    """Return what the requests from this day on cost, the earliest first."""
    found = steadily(rows, lambda folded: rows.rows(_BY_DAY, (since_day, folded)))
    return msgspec.convert(found, list[DayMoney])


def first_hour(rows: Rows) -> int | None:
    """Return the first hour of which anything is kept; None where nothing is."""
    ((hour,),) = rows.rows(_FIRST)
    return hour if isinstance(hour, int) else None
