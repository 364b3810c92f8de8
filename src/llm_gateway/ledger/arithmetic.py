"""What an amount is made of: for every class of tokens how many, at which price, and what that comes to.

For people who add it up. What is put on record comes from `tariff.py`, in whole numbers; the exact sum of the
parts, rounded once to the nanodollar, half to even, is the same.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import msgspec

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.ledger.queries import turn
from llm_gateway.ledger.records import Turn
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.tariff import Card, Tariff, TokenClass, read_card

__all__ = ["Part", "cards_of", "parts", "rounded", "turn_and_cards"]

_MILLION = 1_000_000
_NONE = Special()
# Absurd counts have many digits, and none of them may be lost.
_DIGITS = 100

_CARD = "SELECT text FROM price_cards WHERE id = ?"


class Part(msgspec.Struct, frozen=True):
    """So many of a class, at so many dollars `per` so many of them, and the dollars that they come to."""

    of: str
    count: int
    price: Decimal
    per: int
    amount: Decimal


def parts(tariff: Tariff, usage: Usage) -> tuple[Part, ...]:
    """Return what a usage costs, part by part; what there is nothing of is left out."""
    rates, card = tariff.rates(usage.input), tariff.card
    found = [_part(name, count, rates[name], _MILLION) for name, count in _counts(usage).items() if count]
    searches = usage.special.searches if usage.special is not None else 0
    if searches:
        found.append(_part("searches", searches, card.search, 1000))
    if card.request:
        found.append(_part("request", 1, card.request, 1))
    return tuple(found)


def rounded(sum_of: tuple[Part, ...]) -> int:
    """Return what parts come to, in nanodollars, rounded once."""
    with localcontext() as context:
        context.prec = _DIGITS
        whole = sum((part.amount for part in sum_of), Decimal(0)) * 10**9
        return int(whole.to_integral_value(ROUND_HALF_EVEN))


def turn_and_cards(rows: Rows, turn_id: str) -> tuple[Turn | None, Mapping[str, Card]]:
    """Return one turn, None when there is none of this id, and the cards that it was reckoned with."""
    found = turn(rows, turn_id)
    return found, cards_of(rows, found)


def cards_of(rows: Rows, found: Turn | None) -> Mapping[str, Card]:
    """Return the cards that a turn was reckoned with, by their ids; one that is not on record is left out."""
    if found is None or found.settlement is None:
        return {}
    money, attempts = found.settlement.money, found.settlement.attempts
    wanted = {each.tariff for each in attempts} | ({money.tariff, money.reference} if money else set())
    return {
        name: read_card(str(text)) for name in sorted(wanted) if name for (text,) in rows.rows(_CARD, (name,))
    }


def _part(name: str, count: int, price: Decimal, per: int) -> Part:
    with localcontext() as context:
        context.prec = _DIGITS
        return Part(name, count, price, per, count * price / per)


def _counts(usage: Usage) -> dict[TokenClass, int]:
    """Return how many tokens of each class there are; none is in two of them."""
    special = usage.special or _NONE
    return {
        "input": usage.uncached - special.audio_in - special.image_in,
        "cache_read": usage.cache_read - special.audio_read - special.image_read,
        "cache_write": usage.cache_write - usage.cache_write_1h,
        "cache_write_1h": usage.cache_write_1h,
        "output": usage.output - usage.reasoning - special.audio_out - special.image_out,
        "reasoning": usage.reasoning,
        "audio_in": special.audio_in,
        "audio_read": special.audio_read,
        "audio_out": special.audio_out,
        "image_in": special.image_in,
        "image_read": special.image_read,
        "image_out": special.image_out,
    }
