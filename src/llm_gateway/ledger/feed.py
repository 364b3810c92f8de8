"""Turns as they begin and end, for whoever looks on: `requests --follow`, the dashboard's live view.

Nobody is waited for: one who reads too slowly misses the oldest events and is told how many.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

from llm_gateway.ledger.records import Turn

__all__ = ["BACKLOG", "Feed", "Subscription"]

BACKLOG = 1024


class Feed:
    """Hand each event to everyone who has subscribed."""

    def __init__(self) -> None:
        self.listeners: list[Subscription] = []

    def publish(self, turn: Turn) -> None:
        """Tell that a turn has begun, or with its settlement that it has ended."""
        for subscription in self.listeners:
            subscription.put(turn)

    def subscribe(self, backlog: int = BACKLOG) -> "Subscription":
        """Return a subscription; it is `async with`, then `async for`."""
        return Subscription(self.listeners, backlog)

    def close(self) -> None:
        """End every subscription after what it has yet to read."""
        for subscription in tuple(self.listeners):
            subscription.end()


class Subscription:
    """One listener's events, from `async with` on."""

    def __init__(self, among: list["Subscription"], backlog: int) -> None:
        self._among = among
        self._events: deque[Turn] = deque(maxlen=backlog)
        self._ready = asyncio.Event()
        self._ended = False
        self.missed = 0

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._among.append(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        if self in self._among:
            self._among.remove(self)

    def __aiter__(self) -> Self:
        """Return the events to come."""
        return self

    async def __anext__(self) -> Turn:
        """Return the next event."""
        while not self._events:
            if self._ended:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self._events.popleft()

    def rest(self) -> list[Turn]:
        """Return what has yet to be read, without waiting for more."""
        rest = list(self._events)
        self._events.clear()
        return rest

    def put(self, turn: Turn) -> None:
        """Take an event, at the cost of the oldest one when nobody reads."""
        if len(self._events) == self._events.maxlen:
            self.missed += 1
        self._events.append(turn)
        self._ready.set()

    def end(self) -> None:
        """Give no more than what is here."""
        self._ended = True
        self._among.remove(self)
        self._ready.set()
