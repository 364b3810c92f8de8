"""Until when something is wanted, as somebody says it at a terminal: in hours, or as a day and a time."""

from datetime import UTC, datetime

from llm_gateway.cli.output import USAGE, Stop

__all__ = ["shown_until", "until_us"]

_MOST_HOURS = 24 * 366
_EXAMPLE = "such as 2027-01-31T18:00 or 2027-01-31T18:00+01:00"


def until_us(until: str | None, hours: float | None, now_us: int) -> int:
    """Return when it ends, in microseconds since 1970; 0 where neither was said.

    A time without an offset is this machine's own.
    """
    if until is not None and hours is not None:
        raise Stop(USAGE, "error: --until and --hours say the same thing; one of them is enough")
    if hours is not None:
        if not 0 < hours <= _MOST_HOURS:
            raise Stop(USAGE, f"error: --hours {hours:g} is not more than 0 and at most {_MOST_HOURS}")
        return now_us + round(hours * 3_600_000_000)
    if until is None:
        return 0
    try:
        ends = datetime.fromisoformat(until).astimezone()
    except (ValueError, OverflowError):
        raise Stop(USAGE, f"error: --until {until!r} is no day and time, {_EXAMPLE}") from None
    ends_us = round(ends.timestamp() * 1_000_000)
    if ends_us <= now_us:
        raise Stop(USAGE, f"error: --until {until} is over already")
    return ends_us


def shown_until(ends_us: int) -> str:
    """Return it as people read it, in UTC."""
    return datetime.fromtimestamp(ends_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if ends_us else ""
