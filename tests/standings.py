"""How targets fare, put down beforehand: what a choice looks at, without anything having been asked."""

import msgspec

from llm_gateway.pipeline import choose

__all__ = ["Block", "Fares", "Standings"]


class Block(msgspec.Struct, frozen=True):
    """Why a target is not to be asked before a time."""

    kind: choose.Block
    until: float
    why: str = "it answered 429"


class Fares(msgspec.Struct, frozen=True):
    """How one target fares."""

    block: Block | None = None
    ttft: float | None = None

    def blocked(self, now: float) -> Block | None:
        """Return why it is not to be asked, whatever time it is."""
        return self.block


class Standings:
    """How targets fare, by their providers; the others fare well."""

    def __init__(self, **fares: Fares) -> None:
        self._fares = dict(fares)

    def put(self, provider: str, fares: Fares) -> None:
        """Let a provider fare like this from now on."""
        self._fares[provider] = fares

    def of(self, provider: str, dialect: str, model: str) -> Fares:
        """Return how a target fares."""
        return self._fares.get(provider, Fares())
