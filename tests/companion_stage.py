"""What tests of the companion's link stand on: two ends of a socket in memory, a registry in a ledger."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from fakes import FakeClock
from ledger_samples import Failures
from llm_gateway.companion.enrolment import Registry
from llm_gateway.companion.frames import Frame, read_frame, write_frame
from llm_gateway.ledger.ledger import Ledger

__all__ = ["PEPPER", "MemorySocket", "sockets", "with_registry"]

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
