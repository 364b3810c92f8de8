"""Counting against a limit: the last minute, and the calendar's days, weeks and months in UTC. Pure.

Time comes in as microseconds since 1970; nothing here knows whom it counts for.
"""

from collections import deque
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

import msgspec

__all__ = ["PERIODS", "Minute", "Period", "Span", "span"]

Period = Literal["day", "week", "month"]
PERIODS: tuple[Period, ...] = ("day", "week", "month")

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(msgspec.Struct, frozen=True):
    """A day, a week (from Monday) or a month, as microseconds: `start` is in it, `end` is not."""

    start: int
    end: int


def span(period: Period, now_us: int) -> Span:
    """Return the day, week or month that an instant is in."""
    return _span_of(period, now_us // _DAY)


@lru_cache(maxsize=64)
def _span_of(period: Period, day_number: int) -> Span:
    day = _EPOCH + timedelta(days=day_number)
    match period:
        case "day":
            return _span(day, day + timedelta(days=1))
        case "week":
            monday = day - timedelta(days=day.weekday())
            return _span(monday, monday + timedelta(days=7))
        case "month":
            first = day.replace(day=1)
            return _span(first, (first + timedelta(days=31)).replace(day=1))


class Minute:
    """What was counted within the last minute, to the second."""

    __slots__ = ("_counted", "_seconds", "total")

    def __init__(self) -> None:
        self._seconds: deque[int] = deque()
        self._counted: deque[int] = deque()
        self.total = 0

    def add(self, amount: int, now_us: int) -> None:
        """Count something in, or with a negative amount out again."""
        second = now_us // _SECOND
        # A clock that was set back counts into the latest second there is: nothing is forgotten early.
        if self._seconds and second <= self._seconds[-1]:
            self._counted[-1] += amount
        else:
            self._seconds.append(second)
            self._counted.append(amount)
        self.total += amount

    def at(self, now_us: int) -> int:
        """Return the total of the minute that ends now."""
        oldest = now_us // _SECOND - 60
        while self._seconds and self._seconds[0] <= oldest:
            self._seconds.popleft()
            self.total -= self._counted.popleft()
        return self.total

    def room_in(self, amount: int, limit: int, now_us: int) -> float:
        """Return in how many seconds there is room for an amount, 0 for now; -1 for never."""
        if amount > limit:
            return -1.0
        total = self.at(now_us)
        for second, counted in zip(self._seconds, self._counted, strict=True):
            if total + amount <= limit:
                break
            total -= counted
            at_us = (second + 60) * _SECOND
            if total + amount <= limit:
                return max(at_us - now_us, 0) / _SECOND
        return 0.0


def _span(start: datetime, end: datetime) -> Span:
    return Span(_microseconds(start), _microseconds(end))


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
