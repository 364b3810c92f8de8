"""How fast a quota's window is used up, and when it will be: arithmetic over what was told of it. Pure.

A window is looked at from where it began: what was told before that is another window. Between two words of
the vendor its share may only be read as growing; a small step back is a correction, and counts for nothing.
"""

from collections.abc import Sequence

import msgspec

__all__ = ["Outlook", "Point", "outlook", "running"]

_HOUR_US = 3_600 * 1_000_000
_BACK = 0.02  # by less than this a share goes back without the window having begun anew
_LEAST_US = 5 * 60 * 1_000_000  # of less time no rate is told
_SHORTEST_US = _HOUR_US
_USUAL_US = 24 * _HOUR_US
_PART = 5
_NEVER_HOURS = 24 * 366


class Point(msgspec.Struct, frozen=True):
    """The share of a window that was used at a time, and when the window ends; 0 where nobody says."""

    at_us: int
    used: float
    resets_us: int = 0


class Outlook(msgspec.Struct, frozen=True):
    """How it goes on.

    `per_hour` is the share that is used up in an hour, None where too little is known. `hits_us` is when all
    of it is used at that rate, 0 where that is not before it begins anew, or never. `over` says that the
    window that was told of has ended since: nobody knows what is used of the one that runs.
    """

    per_hour: float | None = None
    hits_us: int = 0
    over: bool = False


def running(points: Sequence[Point]) -> Sequence[Point]:
    """Return those points, in the order of time, that are of the window that was told of last."""
    first = len(points) - 1
    while first > 0 and not _anew(points[first - 1], points[first]):
        first -= 1
    return points[max(first, 0) :]


def outlook(points: Sequence[Point], now_us: int) -> Outlook:
    """Return how a window goes on by what was told of it, in the order of time."""
    if not points:
        return Outlook()
    last = points[-1]
    if 0 < last.resets_us <= now_us:
        return Outlook(over=True)
    rate = _rate(running(points), now_us)
    if last.used >= 1:
        full = next(point for point in running(points) if point.used >= 1)
        return Outlook(rate, full.at_us)
    if not rate:
        return Outlook(rate)
    hours = (1 - last.used) / rate
    hits_us = now_us + int(hours * _HOUR_US) if hours < _NEVER_HOURS else 0
    if last.resets_us and hits_us >= last.resets_us:
        return Outlook(rate)
    return Outlook(rate, hits_us)


def _anew(before: Point, after: Point) -> bool:
    """Whether a window began anew between two points."""
    ended = 0 < before.resets_us <= after.at_us
    return ended or after.used < before.used - _BACK


def _rate(points: Sequence[Point], now_us: int) -> float | None:
    """Return the share an hour over the latest fifth of a window, or hour; an idle time counts, too."""
    last = points[-1]
    whole = last.resets_us - points[0].at_us if last.resets_us else _USUAL_US * _PART
    from_us = now_us - max(_SHORTEST_US, whole // _PART)
    first = points[0]
    for point in points:
        if point.at_us > from_us:
            break
        first = point
    begin_us = max(first.at_us, from_us)
    if now_us - begin_us < _LEAST_US:
        return None
    return max(0.0, last.used - first.used) * _HOUR_US / (now_us - begin_us)
