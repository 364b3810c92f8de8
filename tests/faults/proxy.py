"""A proxy that does damage: between the gateway and an upstream it delays, throttles, corrupts and cuts.

It knows bytes only. What it does to a connection is a plan, chosen by the test or drawn from a seeded source;
what the upstream answers goes through it, what it is asked passes untouched.
"""

import asyncio
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Literal, Self

__all__ = ["FaultProxy", "Plan", "drawn"]

_PIECE = 16 * 1024
_SLICE_S = 0.02

Ending = Literal["", "cut", "reset", "hang"]


@dataclass(frozen=True)
class Plan:
    """What happens to the answers of one connection."""

    delay: float = 0.0
    """Seconds before the first byte."""
    rate: int = 0
    """Bytes a second, 0 for as fast as they come."""
    after: int = 0
    """Bytes that pass before `ending` comes."""
    ending: Ending = ""
    """Close in order (`cut`), with a reset, or not at all but silently (`hang`)."""
    corrupt: frozenset[int] = frozenset()
    """Offsets of bytes whose bits are turned over."""

    def harmless(self) -> bool:
        """Whether every byte arrives, if late."""
        return not self.ending and not self.corrupt


def drawn(random: Random, size: int, *, corrupting: bool = False) -> Plan:
    """Return a plan by chance, for an answer of about `size` bytes."""
    at = random.randrange(size)
    kinds = ("cut", "reset", "hang", "slow", "late", "nothing")
    match random.choice((*kinds, "corrupt") if corrupting else kinds):
        case "cut":
            return Plan(after=at, ending="cut")
        case "reset":
            return Plan(after=at, ending="reset")
        case "hang":
            return Plan(after=at, ending="hang")
        case "corrupt":
            return Plan(corrupt=frozenset(random.sample(range(size), 3)))
        case "slow":
            return Plan(rate=8 * size)
        case "late":
            return Plan(delay=random.uniform(0.01, 0.1))
        case _:
            return Plan()


class FaultProxy:
    """A proxy to a port on loopback. Use as a context manager; public methods are for the test's thread."""

    def __init__(self, port: int) -> None:
        self.behind = port
        self.port = 0
        self.connections = 0
        self.openings: list[bytes] = []
        """The first bytes that each connection sent."""
        self.played: list[Plan] = []
        self._plans: deque[Plan] = deque()
        self._usual = Plan()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fault proxy did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Return the base URL, without a version path."""
        return f"http://127.0.0.1:{self.port}"

    def queue(self, *plans: Plan) -> None:
        """Play these plans for the next connections, in order."""
        self._plans.extend(plans)

    def usually(self, plan: Plan) -> None:
        """Play this plan when none is queued."""
        self._usual = plan

    # details

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accepted, "127.0.0.1", 0, backlog=512)
        )
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        plan = self._plans.popleft() if self._plans else self._usual
        self.played.append(plan)
        try:
            await self._carry(plan, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one of the two sides has gone, or the test is over
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _carry(self, plan: Plan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", self.behind)
        sending = self._loop.create_task(self._pass_on(reader, there))
        try:
            whole = await _spoil(plan, there_reader, writer)
            if whole or plan.ending == "cut":
                writer.write_eof()
            elif plan.ending == "reset":
                _reset_at_close(writer)
            else:
                await sending  # until the gateway gives up
        finally:
            sending.cancel()
            there.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = True
        while data := await reader.read(65536):
            if first:
                self.openings.append(data[:16])
                first = False
            writer.write(data)
            await writer.drain()


async def _spoil(plan: Plan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Pass an upstream's bytes on as planned; True at their own end, False where the plan ends them."""
    passed = 0
    late = plan.delay
    piece = max(1, int(plan.rate * _SLICE_S)) if plan.rate else _PIECE
    while data := await reader.read(piece):
        await asyncio.sleep(late)
        late = _SLICE_S if plan.rate else 0.0
        if plan.ending:
            data = data[: plan.after - passed]
        if plan.corrupt:
            data = bytes(byte ^ 0xFF if passed + at in plan.corrupt else byte for at, byte in enumerate(data))
        writer.write(data)
        await writer.drain()
        passed += len(data)
        if plan.ending and passed >= plan.after:
            return False
    return True


def _reset_at_close(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
