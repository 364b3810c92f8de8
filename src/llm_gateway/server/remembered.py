"""What is dear to find out, remembered for a moment: whoever asks at the same time gets the same.

Not a cache of answers to requests; that is the pipeline's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from llm_gateway.clock import Clock

__all__ = ["Remembered"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Remembered(Generic[K, T]):
    """Remember what `make` found out, for so many seconds; it is asked once at a time for each key."""

    def __init__(self, clock: Clock, seconds: float, make: Callable[[K], Awaitable[T]]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._make = make
        self._known: dict[K, tuple[float, T]] = {}
        self._asking: dict[K, asyncio.Lock] = {}

    async def get(self, key: K) -> T:
        """Return what is known, found out anew where that is too long ago."""
        async with self._asking.setdefault(key, asyncio.Lock()):
            known = self._known.get(key)
            if known is not None and self._clock.monotonic() - known[0] < self._seconds:
                return known[1]
            found = await self._make(key)
            self._known.pop(key, None)
            self._known[key] = (self._clock.monotonic(), found)
            return found
