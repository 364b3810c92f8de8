"""What somebody wants to know of the usage, read from the words of a query: the API's and the command line's.

Whatever is not understood is refused with what would be. Nothing is asked of the ledger here.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec

from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.usage import Asked, Dimension, Period
from llm_gateway.pipeline.windows import span

__all__ = ["FILTERS", "PERIODS", "Question", "instant", "question", "refuse_unknown"]

PERIODS: dict[str, Period] = {
    "hourly": "hour",
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "all": "all",
}
"""How periods are called, and what they are in the ledger."""

FILTERS: tuple[Dimension, ...] = get_args(Dimension)
"""What can be asked for alone, by its name, and broken down by."""

_SOURCES = ("routed", "seen", "all")
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_LONGEST_AMOUNT = 6
_LONGEST_NAME = 200
_DAY_US = 86_400_000_000
# Of what is further ahead nothing is on record, and its months would fill pages.
_AHEAD_US = 400 * _DAY_US
_HOUR_US = 3_600_000_000


class Question(msgspec.Struct, frozen=True):
    """What is asked, and how it was called."""

    asked: Asked
    period: str
    source: str

    def whole(self, *by: Dimension, source: str) -> Asked:
        """Return the same in one piece, broken down otherwise, of one source."""
        where: dict[Dimension, str] = {**self.asked.where, "source": source}
        return Asked(self.asked.since_us, self.asked.until_us, "all", by, where, spreads=False)

    @property
    def until_us(self) -> int:
        """Return where its time ends."""
        return self.asked.until_us or 0


def question(query: Mapping[str, str], now_us: int, *, period: str = "daily") -> Question:
    """Return what a query asks; MalformedRequest says what is wrong with it.

    `period` is what counts where the query has none. Without a time it is the last 48 hours, 30 days, 12
    weeks or 12 months. With `source=all` what was routed and what was seen are never one sum. With
    `latency=no` it is not told how long things took.
    """
    refuse_unknown(query, ("period", "by", "since", "until", "latency", *FILTERS))
    if query.get("latency", "yes") not in ("yes", "no"):
        raise MalformedRequest(f"latency={query['latency'][:20]!r} is neither yes nor no", param="latency")
    told = query.get("period", "") or period
    if told not in PERIODS:
        raise MalformedRequest(f"period={told[:20]!r} is none of {', '.join(PERIODS)}", param="period")
    source = query.get("source", "") or "routed"
    if source not in _SOURCES:
        raise MalformedRequest(f"source={source[:20]!r} is none of {', '.join(_SOURCES)}", param="source")
    by = _dimensions(query.get("by", ""))
    where: dict[Dimension, str] = {
        name: _name(query, name) for name in FILTERS if name in query and name != "source"
    }
    if source == "all":
        by = by if "source" in by else ("source", *by)
    else:
        where["source"] = source
    since_us, until_us = _time(query, PERIODS[told], now_us)
    spreads = query.get("latency") != "no"
    return Question(Asked(since_us, until_us, PERIODS[told], by, where, spreads), told, source)


def instant(text: str, now_us: int, name: str = "since") -> int:
    """Return the time that a text means: `24h` ago, a day, or an instant; UTC where it does not say.

    What is more than 400 days ahead is taken for that.
    """
    amount, unit = text[:-1], text[-1:]
    if unit in _UNITS and amount.isdecimal() and amount.isascii() and len(amount) <= _LONGEST_AMOUNT:
        return max(0, now_us - int(amount) * _UNITS[unit] * 1_000_000)
    try:
        told = datetime.fromisoformat(text)
        at = told if told.tzinfo is not None else told.replace(tzinfo=UTC)
        at_us = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        return min(max(0, at_us), now_us + _AHEAD_US)
    except (ValueError, OverflowError):
        raise MalformedRequest(
            f"{name}={text[:30]!r} is no time such as 24h, 7d, 2026-11-27 or 2026-11-27T18:00", param=name
        ) from None


def refuse_unknown(query: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse a parameter that nobody reads: it would be left out in silence."""
    for name in query:
        if name not in known:
            raise MalformedRequest(
                f"there is no parameter {name[:30]!r} here; there are {', '.join(known)}", param=name[:30]
            )


def _dimensions(text: str) -> tuple[Dimension, ...]:
    found: list[Dimension] = []
    for word in filter(None, (each.strip() for each in text.split(","))):
        named = next((each for each in FILTERS if each == word), None)
        if named is None:
            raise MalformedRequest(f"by={word[:30]!r} is none of {', '.join(FILTERS)}", param="by")
        if named not in found:
            found.append(named)
    return tuple(found)


def _name(query: Mapping[str, str], name: str) -> str:
    """Return a name that is asked for; the empty one is that of what has none."""
    if len(query[name]) > _LONGEST_NAME:
        raise MalformedRequest(f"{name} is over {_LONGEST_NAME} characters long", param=name)
    return query[name]


def _time(query: Mapping[str, str], period: Period, now_us: int) -> tuple[int, int]:
    until_us = instant(query["until"], now_us, "until") if query.get("until") else now_us + 1
    since_us = instant(query["since"], now_us) if query.get("since") else _usual(period, until_us - 1)
    if since_us >= until_us:
        raise MalformedRequest("since is not before until, so nothing is in between", param="since")
    # Sums are kept by the hour: what is told is of the hours that the time touches, and says so.
    return since_us // _HOUR_US * _HOUR_US, -(-until_us // _HOUR_US) * _HOUR_US


def _usual(period: Period, last_us: int) -> int:
    """Return from when on periods are shown: whole ones, or the first would seem a quiet one."""
    match period:
        case "hour":
            return max(0, last_us // _HOUR_US - 47) * _HOUR_US
        case "day" | "all":
            return max(0, last_us // _DAY_US - 29) * _DAY_US
        case "week":
            return max(0, span("week", last_us).start - 11 * 7 * _DAY_US)
        case "month":
            first = span("month", last_us).start
            for _ in range(11):
                first = span("month", max(0, first - 1)).start
            return first
