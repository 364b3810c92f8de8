"""What was drawn on an account this month, by whom, and what it is worth at public prices. Pure.

The month is the subscription's own, from the day on which it is renewed. Where a caller has had several
accounts in it, all that the caller used is counted to the one that was told of last, and that is said.
"""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.quota_samples import Draw
from llm_gateway.ledger.records import Confidence
from llm_gateway.ledger.sums import Sums
from llm_gateway.pipeline.pools import Pool
from llm_gateway.server.views import iso
from llm_gateway.wire.ready import ready

__all__ = ["Drawn", "ShareView", "Worth", "renewed_us", "worths"]

_TENTH = 10


class Drawn(msgspec.Struct, frozen=True):
    """What a client of a caller used of a provider since a subscription was renewed."""

    provider: str
    caller: str
    client: str
    sums: Sums


@ready
class ShareView(msgspec.Struct, frozen=True):
    """Which part of what was drawn a client of a caller drew: of the value, else of the tokens."""

    client: str
    caller: str
    provider: str
    requests: int
    tokens: int
    value_usd: float
    share: float


@ready
class Worth(msgspec.Struct, frozen=True):
    """What was drawn on an account since `since`, and its API-equivalent value, and how sure that is."""

    since: str = ""
    requests: int = 0
    tokens_month: int = 0
    value_usd_month: float = 0.0
    value_nano_month: int = 0
    confidence: Confidence = ""
    clients: tuple[ShareView, ...] = ()
    notes: tuple[str, ...] = ()


def renewed_us(now_us: int, renews: int | None) -> int:
    """Return when a month began that begins on this day, or the last one of a shorter month; in UTC."""
    now = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    day = renews or 1
    year, month = now.year, now.month
    if now.day < min(day, calendar.monthrange(year, month)[1]):
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    begin = datetime(year, month, min(day, calendar.monthrange(year, month)[1]), tzinfo=UTC)
    return int(begin.timestamp()) * 1_000_000


def worths(pools: Sequence[Pool], drawn: Mapping[int, Sequence[Drawn]], now_us: int) -> dict[str, Worth]:
    """Return what each account is worth, by its id; `drawn` is by when the month began."""
    latest: dict[tuple[str, str], Draw] = {}
    several: set[tuple[str, str]] = set()
    for pool in pools:
        own: dict[tuple[str, str], Draw] = {}
        for draw in pool.draws:
            name = (draw.provider, draw.caller)
            if name not in own or own[name].last_us < draw.last_us:
                own[name] = draw
        for name, draw in own.items():
            if name in latest:
                several.add(name)
            if name not in latest or latest[name].last_us < draw.last_us:
                latest[name] = draw
    found = {}
    for pool in pools:
        since_us = renewed_us(now_us, pool.settings.renews if pool.settings is not None else None)
        mine = [draw for draw in pool.draws if latest[draw.provider, draw.caller].pool in pool.names]
        used = [each for each in drawn.get(since_us, ()) if _is_of(each, mine)]
        shared = sorted({each.caller or each.provider for each in pool.draws} & _names(several))
        found[pool.id] = _worth(iso(since_us), used, shared)
    return found


def _is_of(used: Drawn, draws: Iterable[Draw]) -> bool:
    return any(
        used.provider == draw.provider and (draw.route == "bridge" or used.caller == draw.caller)
        for draw in draws
    )


def _names(several: Iterable[tuple[str, str]]) -> set[str]:
    return {caller or provider for provider, caller in several}


def _worth(since: str, used: Sequence[Drawn], shared: Sequence[str]) -> Worth:
    sums = Sums()
    for each in used:
        sums += each.sums
    value = sums.route_nano
    notes = [
        f"{name} has had several accounts lately; all of its use is counted to the latest" for name in shared
    ]
    if sums.total and not value:
        notes.append("no public price is known for what was drawn: `prices.reference` can name one")
    shares = [
        ShareView(
            each.client,
            each.caller,
            each.provider,
            each.sums.requests,
            each.sums.total,
            float(dollars(each.sums.route_nano)),
            each.sums.route_nano / value if value else each.sums.total / max(sums.total, 1),
        )
        for each in sorted(used, key=lambda each: (-each.sums.route_nano, -each.sums.total, each.client))
    ]
    return Worth(
        since,
        sums.requests,
        sums.total,
        float(dollars(value)),
        value,
        _confidence(sums) if value else "",
        tuple(shares),
        tuple(notes),
    )


def _confidence(sums: Sums) -> Confidence:
    """Return how sure a value is: as its least sure tenth."""
    if sums.low_nano * _TENTH >= sums.route_nano:
        return "low"
    return "medium" if (sums.low_nano + sums.medium_nano) * _TENTH >= sums.route_nano else "high"
