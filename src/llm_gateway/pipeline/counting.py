"""What a turn asks of whoever counts tokens where its provider did not: a guess at once, better ones later.

The guess is made from bytes and is all that the request path does; what learns from providers' own counts,
and counts again after the answer, is `recount.py`.
"""

from typing import Protocol

import msgspec

from llm_gateway.canonical.usage import Usage, estimate_tokens
from llm_gateway.compression.removal import Removal
from llm_gateway.ledger.accounting import Basis
from llm_gateway.ledger.records import Compressed, Counted, Outcome, Removed, Settlement

__all__ = ["Counting", "Estimate", "Extents", "Missed", "Shorter", "Took", "Unlearned", "classed"]


# What compression takes out, such as numbers, has more tokens than other text of so many bytes: nine of ten
# requests of recorded sessions had up to twice as many as that.
_REMOVED_PERMILLE = 1000


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


class Took(msgspec.Struct, frozen=True, gc=False):
    """How many tokens compression took out of a request, and of them what no model had read before."""

    tokens: int = 0
    new: int = 0
    counted: Counted = ""
    error_permille: int | None = None

    def told(self, compressed: Compressed) -> Compressed:
        """Return what is told of compression with this."""
        return msgspec.structs.replace(
            compressed, tokens=self.tokens, counted=self.counted, error_permille=self.error_permille
        )


class Shorter(msgspec.Struct, frozen=True):
    """A turn that was sent shorter, as it ended: how much is to be counted."""

    removal: Removal
    end: Settlement


class Missed(msgspec.Struct, frozen=True):
    """A turn that ended and that its provider did not count, and what a better count is made from.

    `body` is the request as its client sent it, in `dialect`; it is kept in memory until it is counted, and
    nowhere else. With `usage` the provider did count it: then our own count is held against that, and the
    turn stays as it is. `removed` and `retried_nano` are part of how it is reckoned (`ledger/accounting.py`).
    With `shorter` what compression took out is to be counted, too, or alone, where there is no body.
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
    shorter: Shorter | None = None


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

    def took_out(self, extents: Extents, removal: Removal) -> Took:
        """Return what compression took out of a request: guessed from bytes, where nobody knows."""
        read, whole = removal.reaches()
        guessed = self._guessed(extents, whole.saved)
        new = self._guessed(extents, whole.saved - read.saved).usage.uncached
        tokens = guessed.usage.uncached
        error = max(guessed.error_permille, _REMOVED_PERMILLE)
        return Took(tokens, min(new, tokens), guessed.counted, error)

    def _guessed(self, extents: Extents, size: int) -> Estimate:
        return self.estimate(msgspec.structs.replace(extents, request_bytes=size, content_bytes=0))


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


def classed(took: Took, usage: Usage, missed: int) -> Removed:
    """Return tokens that were not sent, by the class that they would have had.

    What is new was to be written to a cache, or to be read as it is; what was there before would have been
    read as the rest of it was. What a cache `missed` with nothing to explain it is taken for compression's
    doing.
    """
    fresh = usage.cache_write or usage.uncached
    old = took.tokens - took.new
    # No class can have had fewer tokens than none.
    read = (old if usage.cache_read else 0) + min(missed, fresh)
    rest = max(took.tokens - read, -fresh)
    if usage.cache_write:
        return Removed(cache_read=read, cache_write=rest)
    return Removed(uncached=rest, cache_read=read)
