"""The chain of every result: a digest of all that decides how it is encoded, from the first words on.

Equal beginnings have equal chains, in every process. What was read and digested of a conversation lately is
remembered, so that of a request only what is new in it costs more than a comparison.
"""

import hashlib
import re
from collections.abc import Sequence

import msgspec

from llm_gateway.canonical.slots import Slot, Slots, Told
from llm_gateway.compression.memory import Memory

__all__ = ["Chained", "Chains"]

_MEMORY = 48 * 1024 * 1024
_SIZE = 16
_HEAD = 128  # bytes by which conversations are told from others at first
_FIRST = 3  # messages by which they are told then
_ALIKE = 128  # conversations that begin with the same bytes: those of an application often do
_WEIGHT = 4  # bytes of memory for a byte of a body
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
    """A request as it was looked at: its slots, their chains, and the digest at its end."""

    slots: Slots
    chains: Sequence[bytes]
    seed: bytes
    digest: "hashlib.blake2b"


class Chains:
    """The conversations that went by lately. It belongs to one thread."""

    def __init__(self, most: int = _MEMORY) -> None:
        self._trails: Memory[tuple[str, bytes], _Trail] = Memory(most)
        self._beginnings: Memory[tuple[str, bytes], tuple[bytes, ...]] = Memory(most // 4)

    def recall(self, dialect: str, body: bytes, start: int) -> Slots | None:
        """Return the last request of a dialect whose messages began like those at a place of a body."""
        trail = self._trail(dialect, body, start)
        return None if trail is None else trail.slots

    def of(self, slots: Slots, scope: bytes) -> Chained:
        """Return the chains of a request of somebody."""
        messages = slots.messages
        seed = _seed(scope, slots.opening)
        trail = self._trail(slots.dialect, slots.body, slots.start)
        chains: list[bytes] = []
        digest = hashlib.blake2b(seed, digest_size=_SIZE)
        first = old = 0
        changed = False
        if trail is not None and trail.seed == seed:
            before = trail.slots.messages
            changed = _is_changed(before, messages)
            first = _same(before, messages)
            old = len(slots.starts) if first == len(messages) else _count(messages[:first])
            if first == len(before):
                chains, digest = list(trail.chains), trail.digest.copy()
            elif old == len(slots.starts):
                return Chained(trail.chains[:old], old, changed)
            else:
                first = 0
        for message in messages[first:]:
            for entry in message.entries:
                digest.update(_kind(entry) if isinstance(entry, Slot) else b"c")
                digest.update(entry.literal)
                if isinstance(entry, Slot):
                    chains.append(digest.copy().digest())
        self._keep(slots, chains, seed, digest)
        return Chained(chains, old, changed)

    def _trail(self, dialect: str, body: bytes, start: int) -> _Trail | None:
        known = self._beginnings.find((dialect, body[start : start + _HEAD])) or ()
        beginning = max((each for each in known if body.startswith(each, start)), key=len, default=b"")
        return self._trails.find((dialect, beginning))

    def _keep(self, slots: Slots, chains: Sequence[bytes], seed: bytes, digest: "hashlib.blake2b") -> None:
        body, start = slots.body, slots.start
        beginning = body[start : slots.ends[:_FIRST][-1]]
        head = slots.dialect, body[start : start + _HEAD]
        others = [each for each in self._beginnings.find(head) or () if not beginning.startswith(each)]
        beginnings = (beginning, *others[: _ALIKE - 1])
        self._beginnings.keep(head, beginnings, sum(map(len, beginnings)))
        trail = _Trail(slots, chains, seed, digest)
        self._trails.keep((slots.dialect, beginning), trail, _WEIGHT * len(body))


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


def _count(messages: Sequence[Told]) -> int:
    return sum(len(message.places) for message in messages)
