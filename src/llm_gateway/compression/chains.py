"""The chain of every result: a digest of all that decides how it is encoded, from the first words on.

Equal beginnings have equal chains, in every process. What was read and digested of a conversation lately is
remembered, so that of a request only what is new in it costs more than a comparison.
"""

import hashlib
import re
from collections.abc import Sequence

import msgspec

from llm_gateway.canonical.gather import BEGINNING
from llm_gateway.canonical.slots import Slot, Slots, Told
from llm_gateway.compression.memory import Memory

__all__ = ["Chained", "Chains"]

_MEMORY = 96 * 1024 * 1024
_SIZE = 16
_VERSION = b"1"
_NAMED = rb'"(?:cache_control|cachePoint|prompt_cache_breakpoint)": ?\{[^{}]*\}'
_MARK = re.compile(rb", ?%b|%b,? ?" % (_NAMED, _NAMED))


class Chained(msgspec.Struct, frozen=True):
    """The chains of a request's slots, and how many of them are those of the request before.

    `changed` is whether a message of the request before is another one now, but for marks: then there is
    nothing of it in a provider's prompt cache from there on.
    """

    chains: Sequence[bytes]
    old: int
    changed: bool = False


class _Trail(msgspec.Struct, frozen=True):
    """A request as it was looked at: its messages, its chains, and the digest at its end."""

    messages: Sequence[Told]
    chains: Sequence[bytes]
    seed: bytes
    digest: "hashlib.blake2b"


class Chains:
    """The conversations that went by lately."""

    def __init__(self, most: int = _MEMORY) -> None:
        self._trails: Memory[tuple[str | bytes, ...], _Trail] = Memory(most)

    def recall(self, dialect: str, beginning: Sequence[bytes]) -> Sequence[Told]:
        """Return the messages of the last request of a dialect that began with these."""
        trail = self._trails.find((dialect, *beginning))
        return () if trail is None else trail.messages

    def of(self, slots: Slots, scope: bytes) -> Chained:
        """Return the chains of a request of somebody."""
        messages = slots.messages
        beginning: tuple[str | bytes, ...] = (
            slots.dialect,
            *(message.raw for message in messages[:BEGINNING]),
        )
        seed = _seed(scope, slots.opening)
        trail = self._trails.find(beginning)
        chains: list[bytes] = []
        digest = hashlib.blake2b(seed, digest_size=_SIZE)
        first = old = 0
        changed = False
        if trail is not None and trail.seed == seed:
            same = _same(trail.messages, messages)
            changed = _is_changed(trail.messages, messages)
            old = sum(len(message.places) for message in messages[:same])
            if same == len(trail.messages) or old == len(slots.starts):
                chains = list(trail.chains[:old])
                digest, first = trail.digest.copy(), same
        if old < len(slots.starts) or trail is None:
            for message in messages[first:]:
                for entry in message.entries:
                    digest.update(_kind(entry) if isinstance(entry, Slot) else b"c")
                    digest.update(entry.literal)
                    if isinstance(entry, Slot):
                        chains.append(digest.copy().digest())
            size = 2 * len(slots.body)
            self._trails.keep(beginning, _Trail(messages, chains, seed, digest), size)
        return Chained(chains, old, changed)


def _seed(scope: bytes, opening: Sequence[bytes]) -> bytes:
    """Return what a conversation begins with. JSON strings end by themselves: nothing runs together."""
    return b"%b%d %b%b" % (_VERSION, len(scope), scope, b"".join(opening))


def _kind(slot: Slot) -> bytes:
    return b"%d%d" % (slot.shell, slot.error)


def _same(before: Sequence[Told], now: Sequence[Told]) -> int:
    """Return how many messages have the same calls and results from the beginning on."""
    count = 0
    for one, other in zip(before, now, strict=False):
        if one is not other and one.entries != other.entries:
            break
        count += 1
    return count


def _is_changed(before: Sequence[Told], now: Sequence[Told]) -> bool:
    return any(
        one is not other and one.raw != other.raw and _MARK.sub(b"", one.raw) != _MARK.sub(b"", other.raw)
        for one, other in zip(before, now, strict=False)
    )
