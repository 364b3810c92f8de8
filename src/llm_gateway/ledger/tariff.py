"""What a model's tokens cost, on a card that is kept with the turns it priced; and reckoning with it.

A card says where its prices stand and how the model was matched, so that every amount can be reckoned again
from the ledger alone. A tariff is a card made ready: whole numbers, exact, rounded once, half to even. Which
card holds for whom is `prices.py`.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.wire.ready import ready

__all__ = ["Card", "Match", "Steps", "Tariff", "TokenClass", "card_id", "read_card", "uncached"]

Match = Literal["exact", "pattern", "stated", "wildcard", "assumed"]
"""How a model was found: by its name in the table, by one of the table's patterns, in the configuration by
its name or by `provider/*`; or not at all, and a dear price is assumed."""

TokenClass = Literal[
    "input",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_in",
    "audio_read",
    "audio_out",
    "image_in",
    "image_read",
    "image_out",
]

Steps = tuple[tuple[int, Decimal], ...]
"""Dollars for a million tokens, by how many tokens went in: a step holds for all of them, once passed."""

# What a class costs where the card does not say: as the first one that it says something of. Sound and images
# that are read from a cache cost what reading costs, and where that is not said, what they cost themselves.
_ELSE: Mapping[TokenClass, tuple[TokenClass, ...]] = {
    "cache_read": ("input",),
    "cache_write": ("input",),
    "cache_write_1h": ("cache_write", "input"),
    "reasoning": ("output",),
    "audio_in": ("input",),
    "audio_read": ("cache_read", "audio_in", "input"),
    "audio_out": ("output",),
    "image_in": ("input",),
    "image_read": ("cache_read", "image_in", "input"),
    "image_out": ("output",),
}
_OUT: tuple[TokenClass, ...] = ("output", "reasoning", "audio_out", "image_out")
_INTO: tuple[TokenClass, ...] = ("input", *(name for name in _ELSE if name not in _OUT))
# Attodollars: every price that anybody states, a ten-billionth of a cent for a token, is a whole number of
# them for a million. A sum is in attodollars for a million times what was counted.
_ATTO = 10**18
_MILLION = 1_000_000
_NANO = 10**9 * _MILLION
_NOTHING_SPECIAL = Special()


@ready
class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    """The price of a model and where it stands.

    `source`, `version` and `sha256` name the table; `provider` and `model` are the row in it. `since` is the
    day from which the price holds, `hours` the time of day in UTC (`06:00-10:00`), "" for always. `tier` is
    the service tier it is for (`batch`, `flex`, `priority`), "" for the usual one. `other` says what another
    source says, where they differ by more than a hundredth. `search` is dollars for a thousand searches,
    `request` dollars for each request.
    """

    source: str
    provider: str
    model: str
    match: Match
    rates: dict[TokenClass, Steps]
    version: str = ""
    sha256: str = ""
    since: str = ""
    hours: str = ""
    tier: str = ""
    other: str = ""
    search: Decimal = Decimal(0)
    request: Decimal = Decimal(0)


_encoder = msgspec.json.Encoder(order="deterministic")
_card = msgspec.json.Decoder(Card)


def read_card(text: str | bytes) -> Card:
    """Return a card as it is kept; raise msgspec.DecodeError for what is none."""
    return _card.decode(text)


def card_id(text: str) -> str:
    """Return the id of a card that is kept as this text: it says whether the text was altered."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Tariff:
    """A card that is reckoned with. `id` is the same for the same card, wherever it is made."""

    __slots__ = ("_flat", "_most", "_rates", "_request", "_search", "_starts", "card", "id", "text")

    def __init__(self, card: Card) -> None:
        self.card = card
        self.text = _encoder.encode(card).decode()
        self.id = card_id(self.text)
        self._starts = sorted({start for steps in card.rates.values() for start, _ in steps} | {0})
        self._rates = [_rates(card, start) for start in self._starts]
        self._most = list(_highest(self._rates))
        self._flat = self._rates[0] if len(self._rates) == 1 else None
        self._search = _whole(card.search) * 1000
        self._request = _whole(card.request)

    def cost(self, usage: Usage) -> int:
        """Return what a usage costs, in nanodollars."""
        rates = self._flat or self._at(usage.input)
        sum_ = usage.uncached * rates["input"] + usage.output * rates["output"] + self._request * _MILLION
        if usage.cache_read:
            sum_ += usage.cache_read * rates["cache_read"]
        if usage.cache_write:
            sum_ += (usage.cache_write - usage.cache_write_1h) * rates["cache_write"]
            sum_ += usage.cache_write_1h * rates["cache_write_1h"]
        if usage.reasoning:
            sum_ += usage.reasoning * (rates["reasoning"] - rates["output"])
        if usage.special is not None:
            sum_ += self._beyond(usage.special, rates)
        return _nano(sum_)

    def bare(self, usage: Usage) -> int:
        """Return what the same tokens cost where nothing is read from a cache or written to one."""
        return self.cost(uncached(usage))

    def rates(self, tokens_in: int) -> dict[TokenClass, Decimal]:
        """Return dollars for a million tokens of each class, in a request with so many input tokens."""
        return {name: Decimal(rate) / _ATTO for name, rate in (self._flat or self._at(tokens_in)).items()}

    def most(self, tokens_in: int, tokens_out: int) -> int:
        """Return the most that no more than so many tokens can cost, in nanodollars, whatever they are.

        Searches of the provider's own are not in it: nobody knows how many there will be.
        """
        into, out = self._most[self._step(tokens_in)]
        return _nano(tokens_in * into + tokens_out * out + self._request * _MILLION)

    def _at(self, tokens_in: int) -> dict[TokenClass, int]:
        """Return the rates for a request with so many input tokens, in attodollars for a million."""
        return self._rates[0 if self._flat else self._step(tokens_in)]

    def _step(self, tokens_in: int) -> int:
        """Return which step so many input tokens have passed: a step begins above its start."""
        return max(bisect_left(self._starts, tokens_in) - 1, 0)

    def _beyond(self, special: Special, rates: Mapping[TokenClass, int]) -> int:
        """Return what audio and images cost more than text does, and the searches."""
        text_in, text_read, text_out = rates["input"], rates["cache_read"], rates["output"]
        return (
            special.audio_in * (rates["audio_in"] - text_in)
            + special.image_in * (rates["image_in"] - text_in)
            + special.audio_read * (rates["audio_read"] - text_read)
            + special.image_read * (rates["image_read"] - text_read)
            + special.audio_out * (rates["audio_out"] - text_out)
            + special.image_out * (rates["image_out"] - text_out)
            + special.searches * self._search
        )


def uncached(usage: Usage) -> Usage:
    """Return the same tokens, as if none were read from a cache or written to one."""
    special = usage.special
    if special is not None and (special.audio_read or special.image_read):
        special = msgspec.structs.replace(
            special,
            audio_in=special.audio_in + special.audio_read,
            image_in=special.image_in + special.image_read,
            audio_read=0,
            image_read=0,
        )
    return Usage(usage.input, 0, 0, usage.output, usage.reasoning, special=special)


def _rates(card: Card, start: int) -> dict[TokenClass, int]:
    """Return the rate of every class for requests beyond `start`."""
    told = {name: _step(steps, start) for name, steps in card.rates.items() if steps}
    rates: dict[TokenClass, int] = {"input": told.get("input", 0), "output": told.get("output", 0)}
    for name, others in _ELSE.items():
        rates[name] = next((told[each] for each in (name, *others) if each in told), 0)
    return rates


def _highest(rates: Iterable[Mapping[TokenClass, int]]) -> Iterator[tuple[int, int]]:
    """Yield for each step the highest rates, in and out, that it has or one below it."""
    into = out = 0
    for each in rates:
        into = max(into, *(each[name] for name in _INTO))
        out = max(out, *(each[name] for name in _OUT))
        yield into, out


def _step(steps: Steps, start: int) -> int:
    rate = steps[0][1]
    for begin, above in steps:
        if begin <= start:
            rate = above
    return _whole(rate)


def _whole(amount: Decimal) -> int:
    """Return an amount in attodollars; what is smaller is rounded away."""
    return round(amount * _ATTO)


def _nano(sum_: int) -> int:
    """Return a sum in nanodollars, half to even."""
    whole, rest = divmod(sum_, _NANO)
    if 2 * rest > _NANO or (2 * rest == _NANO and whole % 2):
        whole += 1
    return whole
