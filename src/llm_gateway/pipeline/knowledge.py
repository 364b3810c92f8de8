"""What is known of providers and their models when targets are chosen: who pays, how much fits, the price.

Looked up when a plan is made, not with every request; where it comes from is the fleet and the price book.
"""

from collections.abc import Mapping
from decimal import Decimal

from llm_gateway.clock import Clock
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.tariff import Steps, TokenClass
from llm_gateway.pipeline.plan import Nature
from llm_gateway.upstream.fleet import Member

__all__ = ["FleetKnowledge"]

_NOTHING = Decimal(0)
_FREE: Steps = ((0, _NOTHING),)
_BOTH: tuple[TokenClass, TokenClass] = ("input", "output")


class FleetKnowledge:
    """What the providers of a fleet tell of themselves, and the price book of them."""

    def __init__(self, members: Mapping[str, Member], book: PriceBook, clock: Clock) -> None:
        self._members = members
        self._book = book
        self._clock = clock

    def nature(self, provider: str) -> Nature:
        """Return who pays for a provider's tokens."""
        member = self._members.get(provider)
        match member.row.kind if member is not None else "hosted":
            case "local" | "builtin":
                return "local"
            case "subscription":
                return "subscription"
            case _:
                return "hosted"

    def window(self, provider: str, model: str) -> int:
        """Return how many tokens a model takes: what its provider says, else the price book; 0 if neither."""
        member = self._members.get(provider)
        entries = member.entries if member is not None else ()
        listed = next((entry.context_length for entry in entries if entry.id == model), 0)
        return listed or self._book.window(provider, model) or 0

    def price(self, provider: str, model: str) -> Decimal | None:
        """Return US dollars for a million tokens, three quarters of them going in; None if not known."""
        if self.nature(provider) != "hosted":
            return _NOTHING
        tariff = self._book.tariff(provider, model, self._clock.now_us())
        if tariff is None:
            return None
        into, out = (tariff.card.rates.get(name, _FREE)[0][1] for name in _BOTH)
        return (3 * into + out) / 4
