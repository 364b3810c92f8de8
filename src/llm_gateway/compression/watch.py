"""Whether a provider's prompt cache still takes to what is sent: what it read, against what it had to have.

Not a count of anything and not a remedy: two misses that nothing explains are told, with the reason, and the
conversation's new results go as they come from then on (`decisions.py`, STOPPED). Pure: time is passed in.
"""

from collections.abc import Sequence

import msgspec

from llm_gateway.compression.memory import Memory

__all__ = ["MOST_MISSES", "Seen", "Watch", "Watched", "looked_at"]

MOST_MISSES = 2
"""Misses that nothing explains, after which a conversation is left alone."""

_SLACK = 0.9  # of what was cached: providers cut to blocks (of 128 tokens, say) and count in their own ways
_LEAST = 1024  # tokens below which providers cache nothing, or something


class Seen(msgspec.Struct, frozen=True):
    """An answered request: what of it was read from the cache and what is in there since, and where.

    `where` is whatever else a cache depends on, as one text: provider, model, tools, system prompt. `changed`
    is whether the client took back what it had said. `ttl_us` is how long an entry lives that nobody reads.
    `until_us` is when it was answered: a request that was asked before then may have come too early for what
    it wrote. `marked` is how many results stand at or before the client's last mark for the cache.
    """

    at_us: int
    read: int
    written: int
    where: str
    encoded: bool
    changed: bool
    ttl_us: int
    until_us: int = 0
    marked: int = 0


class Watched(msgspec.Struct, frozen=True):
    """A conversation as it is watched: its last request, and its misses so far."""

    last: Seen
    misses: int = 0
    reason: str = ""
    """Why it is left alone; "" while it is not."""

    @property
    def stopped(self) -> bool:
        """Whether its new results go as they come."""
        return bool(self.reason)


def looked_at(before: Watched | None, seen: Seen) -> Watched:
    """Return a conversation after another request of it, which goes on from the one before."""
    if before is None:
        return Watched(seen)
    if before.stopped or not _is_missed(before.last, seen):
        return msgspec.structs.replace(before, last=seen)
    misses = before.misses + 1
    reason = ""
    if misses >= MOST_MISSES:
        expected = before.last.read + before.last.written
        reason = (
            f"the provider read {seen.read} tokens from its prompt cache where {expected} were cached "
            f"{(seen.at_us - before.last.at_us) // 1_000_000} s before; that was miss {misses}"
        )
    return Watched(seen, misses, reason)


def _is_missed(before: Seen, now: Seen) -> bool:
    """Whether a prefix should have been read and was not, and nothing that we know of explains it."""
    expected = before.read + before.written
    if expected < _LEAST or now.read >= expected * _SLACK:
        return False
    if not before.encoded and not now.encoded:  # the bytes are the client's own
        return False
    return (
        not now.changed
        and now.where == before.where
        and now.marked >= before.marked  # a cache is read up to a mark
        and now.at_us > before.until_us
        and now.at_us - before.at_us < min(before.ttl_us, now.ttl_us)
    )


class Watch:
    """The conversations that are watched, each by the chain of the last result of its last request."""

    def __init__(self, most: int = 4 * 1024 * 1024) -> None:
        self._watched: Memory[bytes, Watched] = Memory(most)

    def find(self, chains: Sequence[bytes]) -> Watched | None:
        """Return the conversation that a request goes on with, by the chains of its results."""
        for chain in reversed(chains):
            found = self._watched.find(chain)
            if found is not None:
                return found
        return None

    def look(self, chains: Sequence[bytes], seen: Seen) -> Watched:
        """Take in how a request was answered."""
        watched = looked_at(self.find(chains), seen)
        if chains:
            self._watched.keep(chains[-1], watched, len(watched.reason))
        return watched
