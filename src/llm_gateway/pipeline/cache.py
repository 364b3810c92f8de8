"""Whole answers in memory, each under a name: bounded in bytes, those used last stay, none lives for ever.

Nothing is written down, so a restart forgets them all. What a name is made of, which answers are kept and who
gets one is decided in `replay.py`.
"""

from collections import OrderedDict

import msgspec

from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.usage import Usage
from llm_gateway.clock import Clock

__all__ = ["Cache", "Entry", "Found"]

# What an answer takes beside its bytes: names, numbers, the objects that hold them.
_BESIDE = 1024


class Entry(msgspec.Struct, frozen=True):
    """An answer as its client got it, and what the turn `turn_id` that asked for it told of it."""

    turn_id: str
    status: int
    content_type: bytes
    stream: bool
    body: bytes
    usage: Usage | None = None
    content_bytes: int = 0
    response_id: str = ""
    finish_reason: str = ""
    losses: tuple[Loss, ...] = ()
    tier: str = ""
    model: str = ""
    """What the answer calls its model: it may be priced by that."""

    @property
    def size(self) -> int:
        """Return about how many bytes of memory it takes."""
        return _BESIDE + len(self.body) + sum(len(loss.what) + len(loss.why) for loss in self.losses)


class Found(msgspec.Struct, frozen=True):
    """An answer that is kept, and for how many seconds it has been."""

    entry: Entry
    age: float


class Cache:
    """The answers that are kept."""

    def __init__(self, clock: Clock) -> None:
        self._monotonic = clock.monotonic
        self._entries: OrderedDict[bytes, tuple[float, Entry]] = OrderedDict()
        self._ttl = 0.0
        self._most = 0
        self.size = 0

    def __len__(self) -> int:
        """Return how many answers are kept."""
        return len(self._entries)

    def use(self, ttl: float, most: int) -> None:
        """Keep answers for `ttl` seconds from now on, and at most `most` bytes of them; the rest goes."""
        self._ttl = ttl
        self._most = most
        self._make_room(0)

    def find(self, name: bytes, oldest: float | None = None) -> Found | None:
        """Return the answer of this name unless it is older than allowed, or than `oldest` seconds."""
        known = self._entries.get(name)
        if known is None:
            return None
        kept_at, entry = known
        age = self._monotonic() - kept_at
        if age >= self._ttl:
            self._drop(name)
            return None
        if oldest is not None and age >= oldest:
            return None
        self._entries.move_to_end(name)
        return Found(entry, age)

    def keep(self, name: bytes, entry: Entry) -> bool:
        """Keep an answer under a name, in place of what was there; False where it has no room."""
        if name in self._entries:
            self._drop(name)
        if entry.size > self._most:
            return False
        self._make_room(entry.size)
        self._entries[name] = self._monotonic(), entry
        self.size += entry.size
        return True

    def _make_room(self, size: int) -> None:
        """Let go of what has expired among those that were not used for longest, and of what is too much."""
        now = self._monotonic()
        while self._entries:
            name, (kept_at, _) = next(iter(self._entries.items()))
            if self.size + size <= self._most and now - kept_at < self._ttl:
                return
            self._drop(name)

    def _drop(self, name: bytes) -> None:
        _, entry = self._entries.pop(name)
        self.size -= entry.size
