"""What somebody chose to see of the usage, as it stands in the address of the page, and what that asks.

The words are those of `/api/dashboard/usage`; beside them a time may be days `from` and `to`, and an account
may be chosen to break down `by`. What is not understood is refused with what would be.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import msgspec

from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.usage import Dimension
from llm_gateway.pipeline.windows import span
from llm_gateway.server.usage_query import FILTERS, PERIODS, Question, instant, question, refuse_unknown
from llm_gateway.server.views import iso

__all__ = ["BY", "MEASURES", "MOST_PERIODS", "TIMES", "Choice", "choice_of", "starts"]

BY: dict[str, tuple[Dimension, ...]] = {
    "client": ("client",),
    "model": ("model",),
    "provider": ("provider",),
    "key": ("key",),
    "subscription": ("provider", "key"),
    "caller": ("caller",),
    "machine": ("machine",),
}
"""What the page breaks down by, and what the ledger is asked for it."""

MEASURES = ("cost", "worth", "tokens", "requests")
"""What the chart is of."""

TIMES = {
    "24h": "24 hours",
    "48h": "48 hours",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "365d": "a year",
}
"""Times that are chosen by a word."""

MOST_PERIODS = 200
"""More bars than these cannot be told apart: the next longer period is shown then."""

_LONGER = {"hourly": "daily", "daily": "weekly", "weekly": "monthly"}
_HOURS = {"hourly": 1, "daily": 24, "weekly": 7 * 24, "monthly": 28 * 24}
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_WORDS = ("period", "by", "source", "since", "from", "to", "measure")
_OF_THE_PAGE = ("rows", "prices", "part")
_NAMED = tuple(name for name in FILTERS if name != "source")


class Choice(msgspec.Struct, frozen=True):
    """What was chosen. `where` is what alone is looked at; `first` and `last` are days or instants."""

    period: str
    by: str
    source: str
    since: str
    first: str
    last: str
    measure: str
    where: dict[str, str]

    def address(self, changes: Mapping[str, str | None] = {}) -> str:
        """Return where the page is with some words changed; a word that is None is left out."""
        told: dict[str, str | None] = {
            "period": self.period,
            "by": self.by,
            "source": self.source if self.source != "routed" else None,
            "since": self.since or None,
            "from": self.first or None,
            "to": self.last or None,
            "measure": self.measure or None,
            **self.where,
            **changes,
        }
        return "/usage?" + urlencode({name: value for name, value in told.items() if value is not None})

    def question(self, now_us: int, period: str, by: tuple[Dimension, ...] = ()) -> Question:
        """Return what is asked of the ledger, by this period and broken down so."""
        words = {**self.words(now_us), "period": period, "by": ",".join(by)}
        return question(words, now_us, period=self.period)

    def words(self, now_us: int) -> dict[str, str]:
        """Return the words of `/api/dashboard/usage` that ask for the same."""
        words = {"period": self.period, "source": self.source, **self.where}
        since, until = self._since(now_us), self._until(now_us)
        return words | ({"since": since} if since else {}) | ({"until": until} if until else {})

    def suited(self, now_us: int) -> str:
        """Return the period that is shown: the chosen one, or the next of which there are not too many."""
        period = self.period
        while period in _LONGER:
            asked = self.question(now_us, period)
            if (asked.until_us - asked.asked.since_us) // (_HOURS[period] * _HOUR_US) <= MOST_PERIODS:
                break
            period = _LONGER[period]
        return period

    def _since(self, now_us: int) -> str:
        if self.first:
            return iso(instant(self.first, now_us, "from"))
        if self.since[-1:] in ("d", "w") and self.period != "hourly":
            # Whole days, today with them: the first bar would seem a quiet day else.
            return iso((instant(self.since, now_us) // _DAY_US + 1) * _DAY_US)
        return iso(instant(self.since, now_us)) if self.since else ""

    def _until(self, now_us: int) -> str:
        if not self.last:
            return ""
        at_us = instant(self.last, now_us, "to")
        if len(self.last) == len("2026-11-27"):
            day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us, days=1)
            return day.isoformat()
        return iso(at_us)


def choice_of(query: Mapping[str, str]) -> Choice:
    """Return what the address says; MalformedRequest says what is wrong with it."""
    refuse_unknown(query, (*_WORDS, *_NAMED, *_OF_THE_PAGE))
    by = query.get("by", "client") or "client"
    measure = query.get("measure", "")
    if by not in BY:
        raise MalformedRequest(f"by={by[:30]!r} is none of {', '.join(BY)}", param="by")
    if measure not in ("", *MEASURES):
        raise MalformedRequest(f"measure={measure[:20]!r} is none of {', '.join(MEASURES)}", param="measure")
    period = query.get("period", "") or "daily"
    if period not in PERIODS:
        raise MalformedRequest(f"period={period[:20]!r} is none of {', '.join(PERIODS)}", param="period")
    return Choice(
        period,
        by,
        query.get("source", "") or "routed",
        query.get("since", ""),
        query.get("from", ""),
        query.get("to", ""),
        measure,
        {name: query[name] for name in _NAMED if name in query},
    )


def starts(asked: Question) -> list[int]:
    """Return when each period of a question begins, in microseconds; those in which nothing was as well."""
    period = asked.asked.period
    if period == "all":
        return [asked.asked.since_us]
    found = []
    at_us = asked.asked.since_us
    while at_us < asked.until_us:
        if period == "hour":
            begin, end = at_us // _HOUR_US * _HOUR_US, (at_us // _HOUR_US + 1) * _HOUR_US
        else:
            whole = span(period, at_us)
            begin, end = whole.start, whole.end
        found.append(begin)
        at_us = end
    return found
