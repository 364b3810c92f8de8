"""Sessions with a vendor's program that are kept for the next turn of their conversation.

A turn tells its conversation by what was said so far: the model, the system text and all messages but the
new ones. A session that nobody comes back to is closed after a while, and the longest unused when there are
many.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from llm_gateway.canonical.request import Message, Request
from llm_gateway.clock import Clock

__all__ = ["Kept", "conversation"]

S = TypeVar("S")

_HOLDS = 600.0


def conversation(model: str, request: Request, messages: tuple[Message, ...]) -> str:
    """Return what tells a conversation that begins with these messages; its tools are a part of it."""
    said = msgspec.json.encode((model, request.tools, request.format, request.reasoning, messages))
    return hashlib.blake2b(said, digest_size=16).hexdigest()


class Kept(Generic[S]):
    """Sessions by the conversation that they are in. `drop` closes one; it must not wait."""

    def __init__(
        self, clock: Clock, drop: Callable[[S], None], *, most: int = 8, holds: float = _HOLDS
    ) -> None:
        self._clock = clock
        self._drop = drop
        self._most = most
        self._holds = holds
        self._kept: OrderedDict[str, tuple[float, S]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def take(self, key: str) -> S | None:
        """Return the session of a conversation, which is the caller's from now on; None without one."""
        self.tidy()
        found = self._kept.pop(key, None)
        return found[1] if found is not None else None

    def keep(self, key: str, session: S) -> None:
        """Keep a session for the turn that goes on from `key`."""
        before = self._kept.pop(key, None)
        if before is not None:
            self._drop(before[1])
        self._kept[key] = (self._clock.monotonic(), session)
        self.tidy()

    def tidy(self) -> None:
        """Close what nobody came back to."""
        now = self._clock.monotonic()
        while self._kept:
            key, (since, session) = next(iter(self._kept.items()))
            if len(self._kept) <= self._most and now - since < self._holds:
                return
            del self._kept[key]
            self._drop(session)

    def clear(self) -> None:
        """Close all of them."""
        while self._kept:
            self._drop(self._kept.popitem()[1][1])
