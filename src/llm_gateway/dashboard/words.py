"""Numbers, amounts and times as the pages say them: short, with their unit, the same everywhere."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

__all__ = [
    "FILTERS",
    "as_json",
    "change",
    "count",
    "day",
    "lasting",
    "ms",
    "percent",
    "short",
    "size",
    "usd",
    "utc",
]

_NONE = "\u2013"
_STEPS = ((1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k"))


def count(number: float | None) -> str:
    """Return a number in full: 10,648. Of a fraction three digits."""
    if number is None:
        return _NONE
    return f"{number:,}" if isinstance(number, int) else f"{number:,.3f}".rstrip("0").rstrip(".")


def short(number: float | None) -> str:
    """Return a number in at most five characters and a letter: 123.8 M."""
    if number is None:
        return _NONE
    for least, letter in _STEPS:
        if abs(number) >= least:
            unit = 1000 if letter == "k" else least
            return f"{number / unit:,.1f} {letter}"
    return count(number)


def usd(amount: float | None) -> str:
    """Return dollars: whole cents from a dollar on, below that as many digits as say something."""
    if amount is None:
        return _NONE
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    if amount == 0:
        return "$0.00"
    if amount >= 1:
        return f"{sign}${amount:,.2f}"
    if amount >= 0.01:
        return f"{sign}${amount:.4f}"
    return f"{sign}${amount:.6f}" if amount >= 0.000001 else f"{sign}<$0.000001"


def ms(amount: float | None) -> str:
    """Return a time in milliseconds, from ten seconds on in seconds, from three minutes on in minutes."""
    if amount is None:
        return _NONE
    if amount < 10:
        return f"{amount:.1f} ms"
    if amount < 10_000:
        return f"{amount:,.0f} ms"
    return f"{amount / 1000:.1f} s" if amount < 180_000 else f"{amount / 60_000:,.1f} min"


def lasting(seconds: float | None) -> str:
    """Return how long something takes, in its two largest units: 2 h 10 min, 3 d 4 h."""
    if seconds is None:
        return _NONE
    minutes = round(max(0.0, seconds) / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days:,} d {hours} h" if hours else f"{days:,} d"


def size(amount: float | None) -> str:
    """Return bytes, from a thousand on in kilobytes, from a million on in megabytes."""
    if amount is None:
        return _NONE
    if amount < 1000:
        return f"{amount:.0f} B"
    return f"{amount / 1000:,.1f} KB" if amount < 1_000_000 else f"{amount / 1_000_000:,.1f} MB"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share of one in percent."""
    return _NONE if share is None else f"{share * 100:.{digits}f} %"


def change(now: float | None, before: float | None) -> str:
    """Return by how much something has changed against the time before."""
    if now is None or before is None or not before:
        return "nothing to compare with"
    share = (now - before) / before
    if abs(share) < 0.0005:
        return "as before"
    return f"{'+' if share > 0 else '-'}{abs(share) * 100:,.1f} % against the time before"


def utc(at: str | None) -> str:
    """Return a time in ISO 8601 as people read it; the page's script shows it in the zone of who looks."""
    if not at:
        return _NONE
    return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def day(at: str | None) -> str:
    """Return the day of a time in ISO 8601, in UTC."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d}" if at else _NONE


def as_json(value: object) -> str:
    """Return a value as JSON, for an attribute that a page's script reads."""
    return msgspec.json.encode(value).decode()


FILTERS: Mapping[str, Callable[..., str]] = {
    "count": count,
    "short": short,
    "usd": usd,
    "lasting": lasting,
    "ms": ms,
    "size": size,
    "percent": percent,
    "utc": utc,
    "day": day,
    "as_json": as_json,
}
"""The filters of the templates."""
