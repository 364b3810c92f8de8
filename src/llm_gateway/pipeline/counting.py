"""What a turn asks of whoever counts tokens where its provider did not: a guess at once, better ones later.

The guess is made from bytes and is all that the request path does; what learns from providers' own counts,
and counts again after the answer, is `recount.py`.
"""

from typing import Protocol

import msgspec

from llm_gateway.canonical.usage import Usage, estimate_tokens
from llm_gateway.ledger.accounting import Basis
from llm_gateway.ledger.records import Counted, Outcome, Removed

__all__ = ["Counting", "Estimate", "Extents", "Missed", "Unlearned"]


class Extents(msgspec.Struct, frozen=True):
    """How large a turn was, in bytes: the request's body, and the content of the answer as UTF-8."""

    provider: str
    model: str
    request_bytes: int
    content_bytes: int


class Estimate(msgspec.Struct, frozen=True):
    """What was probably used, by what that is told, and how far off it may be: nine of ten are within it."""

    usage: Usage
    counted: Counted
    error_permille: int


class Missed(msgspec.Struct, frozen=True):
    """A turn that ended and that its provider did not count, and what a better count is made from.

    `body` is the request as its client sent it, in `dialect`; it is kept in memory until it is counted, and
    nowhere else. With `usage` the provider did count it: then our own count is held against that, and the
    turn stays as it is. `removed` and `retried_nano` are part of how it is reckoned (`ledger/accounting.py`).
    """

    turn_id: str
    extents: Extents
    dialect: str
    body: bytes
    basis: Basis
    outcome: Outcome
    counts: bool
    usage: Usage | None = None
    removed: Removed | None = None
    retried_nano: int | None = None


class Counting(Protocol):
    """Whoever counts. Every call is O(1): nothing is counted on the request path."""

    def estimate(self, extents: Extents) -> Estimate:
        """Return what a turn of these extents probably used."""
        ...

    def learn(self, extents: Extents, usage: Usage) -> None:
        """Learn from what a provider counted of a turn of these extents."""
        ...

    def later(self, missed: Missed) -> None:
        """Count a turn again, after its answer, and put that on record."""
        ...

    def curious(self, extents: Extents) -> bool:
        """Whether a turn that its provider counted is worth counting, too, to learn how the two compare.

        True for the first turns of a model and for few after that; then `later` is to be called with `usage`.
        """
        return False


class Unlearned(Counting):
    """Guesses from bytes, without ever learning or counting."""

    def estimate(self, extents: Extents) -> Estimate:
        """Return a quarter of the bytes, as tokens."""
        usage = Usage(
            uncached=estimate_tokens(extents.request_bytes),
            output=estimate_tokens(extents.content_bytes),
            estimated=True,
        )
        return Estimate(usage, "bytes", 1000)

    def learn(self, extents: Extents, usage: Usage) -> None:
        """Learn nothing."""

    def later(self, missed: Missed) -> None:
        """Count nothing."""
