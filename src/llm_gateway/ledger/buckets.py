"""A time cut into parts for a chart, about sixty: how wide each is, and in which one an instant lies.

Minutes for a few hours; hours, days, weeks and months for longer, as sums are kept. All in UTC; weeks begin
on Monday. Pure.
"""

from typing import Literal

import msgspec

from llm_gateway.ledger.spans import DAY_US, HOUR_US, Span, day_of_month, month_of_day
from llm_gateway.wire.ready import ready

__all__ = ["Unit", "Width", "begin_of", "number_of", "slot_us", "width_for"]

Unit = Literal["minute", "hour", "day", "week", "month"]

_MINUTE_US = 60_000_000
# 1970 began on a Thursday.
_MONDAY = 3


@ready
class Width(msgspec.Struct, frozen=True):
    """How wide a part is: so many minutes, hours, days, weeks or months."""

    unit: Unit
    count: int = 1

    @property
    def widest(self) -> Span:
        """Return the widest sums that lie within one part."""
        match self.unit:
            case "minute" | "hour":
                return "hour"
            case "day" | "week":
                return "day"
            case "month":
                return "month"


_WIDTHS = (
    (HOUR_US, Width("minute")),
    (2 * HOUR_US, Width("minute", 2)),
    (6 * HOUR_US, Width("minute", 5)),
    (3 * DAY_US, Width("hour")),
    (8 * DAY_US, Width("hour", 3)),
    (100 * DAY_US, Width("day")),
    (800 * DAY_US, Width("week")),
)


def width_for(length_us: int, *, minutes: bool = True) -> Width:
    """Return the width for a time of this length; one of minutes only where that is allowed."""
    for most_us, width in _WIDTHS:
        if length_us <= most_us + _MINUTE_US and (minutes or width.unit != "minute"):
            return width
    return Width("month")


def slot_us(width: Width) -> int:
    """Return the length in microseconds of what turns are told apart by for parts of this width."""
    return width.count * _MINUTE_US if width.unit == "minute" else HOUR_US


def number_of(width: Width, at_us: int) -> int:
    """Return the number of the part that an instant lies in."""
    day = at_us // DAY_US
    match width.unit:
        case "minute":
            return at_us // (width.count * _MINUTE_US)
        case "hour":
            return at_us // (width.count * HOUR_US)
        case "day":
            return day
        case "week":
            return (day + _MONDAY) // 7
        case "month":
            return month_of_day(day)


def begin_of(width: Width, number: int) -> int:
    """Return when a part begins, in microseconds."""
    match width.unit:
        case "minute":
            return number * width.count * _MINUTE_US
        case "hour":
            return number * width.count * HOUR_US
        case "day":
            return number * DAY_US
        case "week":
            return (number * 7 - _MONDAY) * DAY_US
        case "month":
            return day_of_month(number) * DAY_US
