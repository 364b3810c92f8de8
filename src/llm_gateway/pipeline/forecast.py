"""What will have been spent when a period ends, and when its limit is reached if things go on as they did.

Pure: from what was spent by hour, and how a limit stands. A forecast is no limit; nothing is refused by it.
The method can be followed with a pencil:

    a day     is expected to cost what the same weekday did on average over the last four weeks at most, once
              two weeks are known; before that, what one of the last seven days did on average
    an hour   takes the share of its day that it took over the last seven days
    the end   is what is used now, what is left of this hour, and every hour to come

Three whole days in UTC are the least that it goes by; before that it says nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from llm_gateway.pipeline.limits import Standing
from llm_gateway.pipeline.windows import PERIODS, Period, span

__all__ = ["HISTORY_DAYS", "HOURS_DAYS", "LEAST_DAYS", "Forecast", "Method", "Spends", "forecast"]

HISTORY_DAYS = 28
"""How far back it looks."""
HOURS_DAYS = 7
"""How far back the time of day makes a difference."""
LEAST_DAYS = 3
"""How many whole days have to be known."""

Method = Literal["", "days", "weekdays"]
"""By which days a day is expected to be: the last seven, or the same weekdays; "" for too few."""

Spends = Mapping[int, int]
"""Nanodollars by hour, counted since 1970 in UTC; an hour that is not there had none. What is longer ago than
HOURS_DAYS may be told by the day, in its last hour; that something was spent before HISTORY_DAYS makes the
first of them a whole one."""

_WEEK = 7
_HOURS = 24
_HOUR_US = 3_600_000_000
_WEEKDAYS_FROM = 2 * _WEEK


class Forecast(msgspec.Struct, frozen=True):
    """How a limit of money will stand. Amounts are in nanodollars, None where too little is known.

    `days` are the whole days that it goes by, `per_day` their mean over the last seven. `projected` is what
    will have been spent at the end of the period, `reached_us` when the limit is, 0 for not in this period.
    """

    standing: Standing
    period: Period
    method: Method
    days: int
    per_day: int | None = None
    projected: int | None = None
    reached_us: int = 0


def forecast(standing: Standing, spends: Spends, now_us: int) -> Forecast | None:
    """Return what is expected of a limit; None for one that is not of money.

    `spends` are those of the limit's scope over HISTORY_DAYS.
    """
    period = next((each for each in PERIODS if standing.limit == f"usd_per_{each}"), None)
    if period is None:
        return None
    reached = now_us if standing.used >= standing.most else 0
    today = now_us // _HOUR_US // _HOURS
    days = _days(spends, today)
    if len(days) < LEAST_DAYS:
        return Forecast(standing, period, "", len(days), reached_us=reached)
    method: Method = "weekdays" if len(days) >= _WEEKDAYS_FROM else "days"
    sum_: float = standing.used
    for begin_us, end_us, expected in _to_come(days, spends, now_us, span(period, now_us).end):
        if not reached and sum_ + expected >= standing.most:
            reached = begin_us + int((end_us - begin_us) * (standing.most - sum_) / expected)
        sum_ += expected
    last = days[-_WEEK:]
    return Forecast(standing, period, method, len(days), round(sum(last) / len(last)), round(sum_), reached)


def _days(spends: Spends, today: int) -> list[int]:
    """Return what was spent on each whole day since the first, the oldest first; today is none yet."""
    known = min((hour for hour, nano in spends.items() if nano), default=today * _HOURS)
    # The day of the first spend was not seen whole, unless it began with it.
    first = max(-(-known // _HOURS), today - HISTORY_DAYS)
    return [sum(spends.get(day * _HOURS + hour, 0) for hour in range(_HOURS)) for day in range(first, today)]


def _to_come(days: list[int], spends: Spends, now_us: int, end_us: int) -> Iterator[tuple[int, int, float]]:
    """Yield the hours until the end, with what each is expected to cost; of this one, what is left of it."""
    this = now_us // _HOUR_US
    today = this // _HOURS
    shares = _shares(spends, today, min(len(days), _WEEK))
    for hour in range(this, end_us // _HOUR_US):
        begin_us, next_us = max(hour * _HOUR_US, now_us), (hour + 1) * _HOUR_US
        left = (next_us - begin_us) / _HOUR_US
        yield begin_us, next_us, _expected(days, hour // _HOURS - today) * shares[hour % _HOURS] * left


def _expected(days: list[int], ahead: int) -> float:
    """Return what a day is expected to cost that is so many days ahead, 0 being today."""
    alike = days[-_WEEK:]
    if len(days) >= _WEEKDAYS_FROM:
        alike = days[-_WEEK + ahead % _WEEK :: -_WEEK]
    return sum(alike) / len(alike)


def _shares(spends: Spends, today: int, n_days: int) -> list[float]:
    """Return which share of a day each hour took; the same for all where nothing was spent."""
    sums = [
        sum(spends.get((today - day) * _HOURS + hour, 0) for day in range(1, n_days + 1))
        for hour in range(_HOURS)
    ]
    whole = sum(sums)
    return [each / whole for each in sums] if whole else [1 / _HOURS] * _HOURS
