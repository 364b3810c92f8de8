"""What clients' logs said in all, client by client: answers, tokens, their time, their worth. Pure.

The worth is what the same answers cost by the public price of their model, where one is known.
"""

from collections.abc import Callable

import msgspec

from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.sightings import Sighting
from llm_gateway.wire.ready import ready

__all__ = ["ImportFailed", "PastUse", "Pricing", "Progress", "Tally", "Wish", "pricing"]

Pricing = Callable[[Sighting], int | None]
"""Return what an answer is worth, in nanodollars; None where no public price of its model is known."""

# Whose own models have a price: a log names the model, and often not who was asked.
_MAKERS = (
    "anthropic",
    "openai",
    "google",
    "x-ai",
    "mistral",
    "deepseek",
    "moonshotai",
    "zai",
    "minimax",
    "cohere",
)


class ImportFailed(Exception):
    """What was asked for cannot be imported; the message says why, and what helps."""


@ready
class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to import: of which clients, none for all; since when; `dry_run` only says what there is."""

    clients: tuple[str, ...] = ()
    since_us: int = 0
    dry_run: bool = False


class Progress(msgspec.Struct, frozen=True):
    """How far an import is: the client that was read last, how many answers so far, and what is done now."""

    client: str = ""
    answers: int = 0
    doing: str = "reading"


@ready
class PastUse(msgspec.Struct, frozen=True):
    """What a client's logs said. `answers` are `new` or were known, and `routed` of them came through here.

    Tokens and value are of those that did not. `unpriced` of these have no public price. `problems` say what
    could not be read.
    """

    client: str
    answers: int = 0
    new: int = 0
    routed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    first_us: int = 0
    last_us: int = 0
    value_nano: int = 0
    unpriced: int = 0
    problems: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """Return all tokens."""
        return self.tokens_in + self.tokens_out


class Tally:
    """The sums of one client while they are made."""

    def __init__(self, client: str, price: Pricing) -> None:
        self.use = PastUse(client)
        self._price = price

    def add(self, sighting: Sighting, *, new: bool = False, routed: bool = False) -> None:
        """Add one answer."""
        use = self.use
        worth = None if routed else self._price(sighting)
        counted = 0 if routed else 1
        self.use = msgspec.structs.replace(
            use,
            answers=use.answers + 1,
            new=use.new + new,
            routed=use.routed + routed,
            tokens_in=use.tokens_in + counted * sighting.usage.input,
            tokens_out=use.tokens_out + counted * sighting.usage.output,
            first_us=min(use.first_us or sighting.at_us, sighting.at_us),
            last_us=max(use.last_us, sighting.at_us),
            value_nano=use.value_nano + (worth or 0),
            unpriced=use.unpriced + (not routed and worth is None),
        )


def pricing(book: PriceBook) -> Pricing:
    """Return what answers are worth by these prices."""

    def price(sighting: Sighting) -> int | None:
        model, at_us = sighting.model, sighting.at_us
        if not model:
            return None
        tariff, _ = book.reference(sighting.asked, model, at_us)
        for name in (sighting.asked, *_MAKERS):
            if tariff is None and name:
                tariff = book.tariff(name, model, at_us)
        return tariff.cost(sighting.usage) if tariff is not None else None

    return price
