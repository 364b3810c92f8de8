"""What the ledger says at a glance: the sums of a time and of the time before, and what is drawn of it.

Each is one visit to the database, and reads sums that are kept; nothing goes through the turns.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from llm_gateway.ledger import queries
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.outcomes import DayMoney, HourOutcomes, by_day, by_hour, first_hour
from llm_gateway.ledger.records import Turn
from llm_gateway.ledger.spans import DAY_US, HOUR_US
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.usage import Asked, usage
from llm_gateway.ledger.window import sums_of, window
from llm_gateway.server.advice import Advice, advice
from llm_gateway.server.metrics_views import AvoidedLines

__all__ = [
    "LATEST",
    "SPANS",
    "DayView",
    "Glance",
    "HourView",
    "Numbers",
    "Strip",
    "before",
    "counsel",
    "day_views",
    "glance",
    "hour_views",
    "lately",
    "latest",
    "numbers_view",
    "strip",
]

SPANS: Mapping[str, int] = {"24h": 24, "7d": 7 * 24, "30d": 30 * 24, "90d": 90 * 24}
"""The times that can be chosen, in hours."""

LATEST = 10
_WHOSE = ("{0}.client", "coalesce(k.machine, '')")
_HOURS = 7 * 24
_DAYS = 30
_STRIP = 24
_SOME, _MOST = 0.1, 0.5


class HourView(msgspec.Struct, frozen=True):
    """How the requests of an hour ended."""

    at: str
    at_s: int
    ok: int
    cancelled: int
    failed: int


class DayView(msgspec.Struct, frozen=True):
    """What the requests of a day cost: paid, worth though nobody bills it, and avoided of what is billed."""

    day: str
    at_s: int
    paid_usd: float
    equivalent_usd: float
    avoided_usd: float


class Numbers(msgspec.Struct, frozen=True):
    """The figures of a time, beside those of the time of that length before it.

    These are None where it is not on record. Success is told of what ended and was not cancelled.
    `avoided_usd` is the API cost avoided, in `lines`: `route`, the API-equivalent value, is a part of it.
    """

    since: str
    requests: int
    requests_before: int | None
    success_rate: float | None
    cancelled: int
    failed: int
    tokens: int
    tokens_before: int | None
    tokens_in: int
    tokens_out: int
    paid_usd: float
    paid_usd_before: float | None
    avoided_usd: float
    avoided_usd_before: float | None
    lines: AvoidedLines
    removed: int
    removed_before: int | None
    removed_share: float | None
    compressed: int


class Glance(msgspec.Struct, frozen=True):
    """What is drawn whatever time is chosen. `by_client` are requests of a day, by client and machine."""

    hours: Sequence[HourOutcomes]
    days: Sequence[DayMoney]
    by_client: Mapping[tuple[str, str], int]


class Strip(msgspec.Struct, frozen=True):
    """The last 24 hours of a provider: each `none`, `ok`, `some` or `failed`.

    `some`: one in ten or more failed; `failed`: half or more did.
    """

    hours: Sequence[str]
    ok: int
    cancelled: int
    failed: int


def glance(rows: Rows, now_us: int) -> Glance:
    """Return what is drawn."""
    day = window(rows, now_us - DAY_US)
    return Glance(
        by_hour(rows, now_us // HOUR_US - _HOURS + 1),
        by_day(rows, now_us // DAY_US - _DAYS + 1),
        {(name, machine): sums.requests for (name, machine), sums in sums_of(rows, _WHOSE, day).items()},
    )


def latest(rows: Rows) -> list[Turn]:
    """Return the requests that began last, those that run among them."""
    return queries.page(rows, limit=LATEST)


def lately(rows: Rows, now_us: int, hours: int) -> Sums:
    """Return the sums of so many hours up to now."""
    return _sums(rows, now_us - hours * HOUR_US, None)


def before(rows: Rows, now_us: int, hours: int) -> Sums | None:
    """Return the sums of as many hours before those, None where there is no record of all of them."""
    since_us, first = now_us - 2 * hours * HOUR_US, first_hour(rows)
    if first is None or first * HOUR_US > since_us + HOUR_US:
        return None
    return _sums(rows, since_us, now_us - hours * HOUR_US)


def counsel(rows: Rows, now_us: int) -> list[Advice]:
    """Return what the figures of the last week advise."""
    asked = Asked(
        now_us - 7 * DAY_US, by=("client", "provider", "model"), where={"source": "routed"}, spreads=False
    )
    return advice(usage(rows, asked))


def numbers_view(now: Sums, before: Sums | None, since: str) -> Numbers:
    """Show the sums of a time beside those of the time before."""
    used = now.input + now.removed
    return Numbers(
        since=since,
        requests=now.requests,
        requests_before=before.requests if before else None,
        success_rate=now.success_rate,
        cancelled=now.cancelled,
        failed=now.failed,
        tokens=now.total,
        tokens_before=before.total if before else None,
        tokens_in=now.input,
        tokens_out=now.output,
        paid_usd=_usd(now.cost_nano),
        paid_usd_before=_usd(before.cost_nano) if before else None,
        avoided_usd=_usd(now.avoided_nano),
        avoided_usd_before=_usd(before.avoided_nano) if before else None,
        lines=AvoidedLines(
            _usd(now.route_nano),
            _usd(now.compression_nano),
            _usd(now.response_cache_nano),
            _usd(now.prompt_cache_ours_nano),
        ),
        removed=now.removed,
        removed_before=before.removed if before else None,
        removed_share=now.removed / used if used else None,
        compressed=now.compressed,
    )


def hour_views(found: Sequence[HourOutcomes], now_us: int) -> list[HourView]:
    """Show every hour of the last seven days, those without a request too."""
    sums: dict[int, list[int]] = {}
    for each in found:
        known = sums.setdefault(each.hour, [0, 0, 0])
        for place, number in enumerate((each.ok, each.cancelled, each.failed)):
            known[place] += number
    last = now_us // HOUR_US
    return [
        HourView(_iso(hour * HOUR_US), hour * 3600, *sums.get(hour, (0, 0, 0)))
        for hour in range(last - _HOURS + 1, last + 1)
    ]


def day_views(found: Sequence[DayMoney], now_us: int) -> list[DayView]:
    """Show every day of the last 30, those on which nothing was used too."""
    known = {each.day: each for each in found}
    last = now_us // DAY_US
    return [
        DayView(
            _iso(day * DAY_US)[:10],
            day * 86_400,
            _usd(each.cost_nano),
            _usd(each.equivalent_nano),
            _usd(each.avoided_nano),
        )
        for day in range(last - _DAYS + 1, last + 1)
        for each in (known.get(day, DayMoney(day, 0, 0, 0)),)
    ]


def strip(found: Sequence[HourOutcomes], now_us: int) -> dict[str, Strip]:
    """Return the last 24 hours of each provider that was asked."""
    last = now_us // HOUR_US
    by_provider: dict[str, dict[int, HourOutcomes]] = {}
    for each in found:
        if each.hour > last - _STRIP:
            by_provider.setdefault(each.provider, {})[each.hour] = each
    return {
        name: Strip(
            [_mark(hours.get(hour)) for hour in range(last - _STRIP + 1, last + 1)],
            sum(each.ok for each in hours.values()),
            sum(each.cancelled for each in hours.values()),
            sum(each.failed for each in hours.values()),
        )
        for name, hours in by_provider.items()
    }


def _mark(hour: HourOutcomes | None) -> str:
    if hour is None or not (hour.ok or hour.failed):
        return "none"
    share = hour.failed / (hour.ok + hour.failed)
    return "ok" if share < _SOME else "some" if share < _MOST else "failed"


def _sums(rows: Rows, since_us: int, until_us: int | None) -> Sums:
    found = sums_of(rows, ("{0}.purpose",), window(rows, since_us, until_us))
    return sum(found.values(), Sums())


def _iso(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _usd(nano: int) -> float:
    return float(dollars(nano))
