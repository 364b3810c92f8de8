"""A time as the hours, days and months it is made of, so that as few sums as possible have to be added up.

All in UTC, counted since 1970. Pure; what is kept by hour, day and month is `rollups.py`.
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec

__all__ = [
    "DAY_US",
    "EVER",
    "HOURS_OF_A_DAY",
    "HOUR_US",
    "LATEST_US",
    "Range",
    "Span",
    "Spans",
    "day_of_month",
    "month_of_day",
    "spans",
]

HOUR_US = 3_600_000_000
HOURS_OF_A_DAY = 24
DAY_US = HOURS_OF_A_DAY * HOUR_US
LATEST_US = 221_845_391_999_999_999
"""The end of the year 8999: what clients report may bear any time, and no calendar goes on for ever."""

EVER = 2**53
"""An hour, day or month that is after all others."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_DAY = (datetime(9999, 12, 1, tzinfo=UTC) - _EPOCH).days
Span = Literal["hour", "day", "month"]
Range = tuple[int, int]
_NONE: Range = (0, 0)


class Spans(msgspec.Struct, frozen=True):
    """Ranges of hours, days and months; the end of each is not in it."""

    hours: Range = _NONE
    later_hours: Range = _NONE
    days: Range = _NONE
    later_days: Range = _NONE
    months: Range = _NONE

    @property
    def values(self) -> tuple[int, ...]:
        """Return the bounds, in this order."""
        return (*self.hours, *self.later_hours, *self.days, *self.later_days, *self.months)


def spans(since: int, until: int, folded: int, widest: Span = "month") -> Spans:
    """Return what the hours from `since` on and before `until` are made of, and nothing wider than that.

    Days and months have the hours before `folded`, the one it is in as far as that goes.
    """
    # Nothing is kept of a day or month after the one that runs, so the last one may be taken as whole.
    first, last = -(-since // HOURS_OF_A_DAY), EVER if until > folded else until // HOURS_OF_A_DAY
    if widest == "hour" or last <= first or first * HOURS_OF_A_DAY >= folded:
        return Spans(hours=(since, until))
    hours = (since, first * HOURS_OF_A_DAY)
    later_hours = (folded if last == EVER else last * HOURS_OF_A_DAY, until)
    if widest == "day":
        return Spans(hours, later_hours, (first, last))
    begin = month_of_day(first) + (day_of_month(month_of_day(first)) < first)
    end = EVER if last == EVER else month_of_day(last)
    if end <= begin:
        return Spans(hours, later_hours, (first, last))
    later_days = _NONE if end == EVER else (day_of_month(end), last)
    return Spans(hours, later_hours, (first, day_of_month(begin)), later_days, (begin, end))


def month_of_day(day: int) -> int:
    """Return the month since January 1970 that a day since 1970 is in."""
    at = datetime.fromtimestamp(min(day, _LAST_DAY) * 86_400, UTC)
    return (at.year - 1970) * 12 + at.month - 1


def day_of_month(month: int) -> int:
    """Return the first day of a month, both counted since 1970."""
    return (datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC) - _EPOCH).days
