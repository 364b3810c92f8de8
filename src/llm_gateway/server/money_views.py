"""How the money of one request was reckoned, as values that anybody can add up: counts, prices, cards, lines.

Amounts in dollars are texts, with every digit that they have; in nanodollars they are whole numbers, as on
record. What a line means is in `ledger/accounting.py`; sums over many requests are in `savings_views.py`.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.accounting import restored
from llm_gateway.ledger.arithmetic import Part, parts, rounded
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.records import Money, Settlement
from llm_gateway.ledger.tariff import Card, Tariff, uncached
from llm_gateway.wire.ready import ready

__all__ = [
    "CardView",
    "LinesView",
    "MoneyView",
    "PartView",
    "SumView",
    "exact_usd",
    "money_view",
]


@ready
class CardView(msgspec.Struct, frozen=True):
    """A card of prices: where it stands (`source`, `version`, `sha256`), whose it is, how it was matched.

    `match` is exact, pattern, stated, wildcard or assumed; `other` what another source says.
    """

    id: str
    source: str
    version: str
    sha256: str
    provider: str
    model: str
    match: str
    tier: str
    since: str
    hours: str
    other: str


@ready
class PartView(msgspec.Struct, frozen=True):
    """So many `of` a class at so many dollars `per` so many of them: what that comes to, exactly."""

    of: str
    count: int
    usd_each: str
    per: int
    usd: str


@ready
class SumView(msgspec.Struct, frozen=True):
    """Parts and what they come to, rounded once.

    `what` they are: what was `used`; what would have been `sent` without compression; the same `bare`, with
    nothing read from a cache or written to one; or what was `saved`, because the answer was kept.
    """

    what: str
    parts: list[PartView]
    usd: str
    nano: int


@ready
class LinesView(msgspec.Struct, frozen=True):
    """The lines in nanodollars, null where there is no such line: `baseline` is all others together.

    `retried` is what other attempts cost, in no other amount. `prompt_cache_ours`: the gateway placed the
    marks of the provider's cache.
    """

    baseline: int | None
    cost: int | None
    route: int | None
    compression: int | None
    response_cache: int | None
    prompt_cache: int | None
    prompt_cache_ours: bool
    retried: int | None


@ready
class MoneyView(msgspec.Struct, frozen=True):
    """How the money of a request was reckoned.

    `card` is what was paid by, `reference` what an answer is worth by that nobody bills. `reproduces` is
    whether the sums, added up anew, are the amounts on record; null where a card is not there any more.
    """

    formula: int
    confidence: str
    card: CardView | None
    reference: CardView | None
    sums: list[SumView]
    lines: LinesView
    reproduces: bool | None


def money_view(end: Settlement, cards: Mapping[str, Card]) -> MoneyView | None:
    """Show how the money of a turn was reckoned; None where it was not, or before there were cards."""
    money = end.money
    if money is None:
        return None
    paid, worth = cards.get(money.tariff), cards.get(money.reference)
    card = paid or worth
    sums = _sums(end, Tariff(card)) if card is not None else []
    named = bool(money.tariff or money.reference)
    return MoneyView(
        formula=money.formula,
        confidence=money.confidence,
        card=_card_view(money.tariff, paid),
        reference=_card_view(money.reference, worth),
        sums=sums,
        lines=LinesView(
            baseline=money.baseline_nano,
            cost=end.cost_nano,
            route=money.route_nano,
            compression=money.compression_nano,
            response_cache=end.saved_nano if end.cached_from else None,
            prompt_cache=money.prompt_cache_nano,
            prompt_cache_ours=money.prompt_cache_ours,
            retried=money.retried_nano,
        ),
        reproduces=_comes_out(end, money, sums) if card is not None or not named else None,
    )


def exact_usd(nano: int) -> str:
    """Return nanodollars as dollars, with the digits that they have."""
    return _text(dollars(nano))


# details


def _sums(end: Settlement, tariff: Tariff) -> list[SumView]:
    """Return what the lines of a turn are the differences of."""
    money, usage = end.money, end.usage
    if end.cached_from:
        return [_sum("saved", tariff, end.saved)] if end.saved is not None else []
    if money is None or usage is None:
        return []
    sums = [_sum("used", tariff, usage)]
    if not money.tariff or money.baseline_nano is None:
        return sums
    if end.removed is not None:
        usage = restored(usage, end.removed)
        sums.append(_sum("sent", tariff, usage))
    if usage.cache_read or usage.cache_write:
        sums.append(_sum("bare", tariff, uncached(usage)))
    return sums


def _sum(what: str, tariff: Tariff, usage: Usage) -> SumView:
    found = parts(tariff, usage)
    nano = rounded(found)
    return SumView(what, [_part_view(part) for part in found], exact_usd(nano), nano)


def _comes_out(end: Settlement, money: Money, sums: list[SumView]) -> bool:
    """Whether the amounts on record are the sums, and their differences."""
    by_what = {each.what: each.nano for each in sums}
    used = by_what.get("used")
    if not money.tariff:
        return (money.route_nano, money.baseline_nano) == (used, used)
    if end.cached_from:
        return by_what.get("saved") == end.saved_nano == money.baseline_nano
    if used is None or used != end.cost_nano:
        return False
    if money.baseline_nano is None:
        return (money.compression_nano, money.prompt_cache_nano) == (None, None)
    sent = by_what.get("sent", used)
    bare = by_what.get("bare", sent)
    compression = sent - used if "sent" in by_what else None
    prompt_cache = bare - sent if "bare" in by_what else None
    expected = (bare, compression, prompt_cache)
    return (money.baseline_nano, money.compression_nano, money.prompt_cache_nano) == expected


def _card_view(name: str, card: Card | None) -> CardView | None:
    if card is None:
        return None
    return CardView(
        name,
        card.source,
        card.version,
        card.sha256,
        card.provider,
        card.model,
        card.match,
        card.tier,
        card.since,
        card.hours,
        card.other,
    )


def _part_view(part: Part) -> PartView:
    return PartView(part.of, part.count, _text(part.price), part.per, _text(part.amount))


def _text(number: Decimal) -> str:
    """Return a number with the digits that it has, and no exponent."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
