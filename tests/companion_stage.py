"""What tests of the companion's link stand on: two ends of a socket in memory, a registry in a ledger."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from fakes import FakeClock
from ledger_samples import Failures
from llm_gateway.clock import SystemClock
from llm_gateway.companion.channel import Bounds, Channel
from llm_gateway.companion.enrolment import Registry
from llm_gateway.companion.flows import Visit
from llm_gateway.companion.frames import Frame, Head, Wrong, read_frame, write_frame
from llm_gateway.companion.link import Link, Patience, Serve
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.tasks import Tasks

__all__ = ["PEPPER", "MemorySocket", "linked", "sockets", "with_registry"]

T = TypeVar("T")

PEPPER = bytes(range(32))


class MemorySocket:
    """One end: what it sends, the other receives. `capacity` is how many messages wait before it blocks."""

    def __init__(self, capacity: int = 10_000) -> None:
        self.other: MemorySocket = self
        self.capacity = capacity
        self.closed: tuple[int, str] | None = None
        self.sent: list[bytes] = []
        self._came: deque[bytes] = deque()
        self._moved = asyncio.Event()

    def send(self, message: bytes) -> None:
        self.sent.append(message)
        if self.closed is None and self.other.closed is None:
            self.other._came.append(message)
            self.other._moved.set()

    @property
    def blocked(self) -> bool:
        return len(self.other._came) >= self.capacity

    async def drain(self) -> None:
        while self.blocked and self.closed is None and self.other.closed is None:
            self._moved.clear()
            await self._moved.wait()

    async def receive(self) -> bytes | None:
        while not self._came:
            if self.closed is not None or self.other.closed is not None:
                return None
            self._moved.clear()
            await self._moved.wait()
        message = self._came.popleft()
        self.other._moved.set()
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self.closed is None:
            self.closed = (code, reason)
        self._moved.set()
        self.other._moved.set()

    def say(self, frame: Frame, stream: int = 0) -> None:
        """Send a frame."""
        self.send(write_frame(stream, frame))

    async def frame(self) -> Frame:
        """Return the next frame that comes."""
        async with asyncio.timeout(5):
            message = await self.receive()
        assert message is not None, "it was closed"
        return read_frame(message)[1]


def sockets(capacity: int = 10_000) -> tuple[MemorySocket, MemorySocket]:
    """Return both ends of a socket."""
    one, two = MemorySocket(capacity), MemorySocket(capacity)
    one.other, two.other = two, one
    return one, two


def linked(
    scene: Callable[[Link, Link], Awaitable[None]],
    serve: Serve,
    *,
    bounds: Bounds | None = None,
    patience: Patience | None = None,
    capacity: int = 10_000,
) -> list[tuple[str, BaseException]]:
    """Play with both ends of a link: the companion's, who answers with `serve`, and the gateway's.

    Return the failures of tasks.
    """
    failures = Failures()

    async def nothing(visit: Visit) -> None:
        visit.begin(Head(204))
        visit.finish()

    async def run() -> None:
        owned = Tasks(failures), SystemClock()
        here, there = sockets(capacity)
        companion = Link(here, Channel(dials=True, bounds=bounds), serve, _deaf, owned, patience)
        gateway = Link(there, Channel(dials=False, bounds=bounds), nothing, _deaf, owned, patience)
        running = [owned[0].start("link", each.run()) for each in (companion, gateway)]
        try:
            async with asyncio.timeout(20):
                await scene(companion, gateway)
        finally:
            companion.end(Wrong("over"))
            gateway.end(Wrong("over"))
            await asyncio.gather(*running)
            await owned[0].close()
        assert len(asyncio.all_tasks()) == 1, "a task is left"

    asyncio.run(run())
    return failures


def _deaf(news: bytes) -> None:
    """Hear nothing."""


def with_registry(home: Path, play: Callable[[Registry, FakeClock], Awaitable[T]]) -> T:
    """Play with the companions that a gateway knows, on a clock that the test moves."""

    async def run() -> T:
        clock = FakeClock()
        ledger = await Ledger.open(home, clock, on_failure=Failures())
        try:
            registry = Registry(ledger, PEPPER, clock)
            await registry.load()
            return await play(registry, clock)
        finally:
            await ledger.close()

    return asyncio.run(run())
