"""A vendor's program that stays: started when it is needed first, again when it has ended, anew on request.

One that runs does not learn that somebody has logged in meanwhile; another one does. What the program says
is its bridge's business.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Generic, Protocol, TypeVar

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.clock import Clock
from llm_gateway.tasks import Tasks

__all__ = ["Resident", "Running"]

_STALE_AFTER = 45.0


class Running(Protocol):
    """A program that runs."""

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        ...

    async def close(self) -> None:
        """End it and wait for its end."""
        ...


P = TypeVar("P", bound=Running)


class Resident(Generic[P]):
    """Whoever needs the program asks here; `start` starts one, `name` is what messages call it."""

    def __init__(
        self, name: str, start: Callable[[], Coroutine[object, object, P]], tasks: Tasks, clock: Clock
    ) -> None:
        self._name = name
        self._begin = start
        self._tasks = tasks
        self._clock = clock
        self._starting: asyncio.Task[P | BridgeFault] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._since = 0.0

    async def get(self) -> P:
        """Return the running program; BridgeFault when there can be none.

        Its start goes on when nobody waits for it any more.
        """
        known = self._starting
        if known is None or (known.done() and not _is_alive(known)):
            if known is not None and not _is_broken(known):
                self._bury(known.result())
            known = self._starting = self._tasks.start(f"start {self._name}", self._start())
        await asyncio.wait((known,))
        if known.cancelled():
            raise BridgeFault("bridge_failed", f"{self._name} was stopped; ask again")
        started = known.result()
        if isinstance(started, BridgeFault):
            raise started.with_traceback(None)
        return started

    def renew_soon(self) -> None:
        """Have another take its place when it is up, if this one is not a new one itself."""
        idle = self._renewing is None or self._renewing.done()
        if idle and self._clock.monotonic() - self._since > _STALE_AFTER:
            self._renewing = self._tasks.start(f"start {self._name} anew", self._renew())

    async def end(self) -> None:
        """End the program; the next who needs one gets another."""
        known, self._starting = self._starting, None
        if known is not None:
            await self._stopped(known)

    async def close(self) -> None:
        """End all of it."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait((self._renewing,))
        await self.end()
        if self._ending:
            await asyncio.wait(self._ending)

    async def _start(self) -> P | BridgeFault:
        self._since = self._clock.monotonic()
        try:
            return await self._begin()
        except BridgeFault as fault:
            return fault

    async def _renew(self) -> None:
        fresh = self._tasks.start(f"start {self._name}", self._start())
        try:
            started = await asyncio.shield(fresh)
        except asyncio.CancelledError:
            await self._stopped(fresh)
            raise
        if isinstance(started, BridgeFault):
            return
        known, self._starting = self._starting, fresh
        if known is not None:
            self._bury(await known)

    async def _stopped(self, start: asyncio.Task[P | BridgeFault]) -> None:
        """End what was started, or is being started yet."""
        start.cancel()
        await asyncio.wait((start,))
        if not _is_broken(start) and not isinstance(started := start.result(), BridgeFault):
            await started.close()

    def _bury(self, started: P | BridgeFault) -> None:
        if not isinstance(started, BridgeFault):
            ending = self._tasks.start(f"end {self._name}", started.close())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)


def _is_alive(start: asyncio.Task[P | BridgeFault]) -> bool:
    if _is_broken(start):
        return False
    started = start.result()
    return not isinstance(started, BridgeFault) and started.alive


def _is_broken(start: asyncio.Task[P | BridgeFault]) -> bool:
    """Whether a start was stopped, or ended by a defect, which was logged then."""
    return start.cancelled() or start.exception() is not None
