"""The one Copilot CLI that runs for a bridge: started when it is needed first, and again when it has ended.

A running one does not learn that somebody has logged in meanwhile, so it can be had anew, too.
"""

import asyncio

from llm_gateway.bridges.copilot.program import CLI, Program
from llm_gateway.bridges.copilot.runtime import Runtime
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.clock import Clock
from llm_gateway.tasks import Tasks

__all__ = ["Server"]

_STALE_AFTER = 45.0

_Started = Runtime | BridgeFault


class Server:
    """Whoever needs the process asks here."""

    def __init__(self, program: Program, tasks: Tasks, clock: Clock) -> None:
        self._program = program
        self._tasks = tasks
        self._clock = clock
        self._starting: asyncio.Task[_Started] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._since = 0.0

    async def get(self) -> Runtime:
        """Return the running process; BridgeFault when there can be none. Its start goes on without us."""
        known = self._starting
        if known is None or (known.done() and not _is_alive(known)):
            if known is not None and not known.cancelled():
                self._bury(known.result())
            known = self._starting = self._tasks.start("start the Copilot CLI", self._start())
        await asyncio.wait((known,))
        if known.cancelled():
            raise BridgeFault("bridge_failed", f"{CLI} was stopped; ask again")
        started = known.result()
        if isinstance(started, BridgeFault):
            raise started.with_traceback(None)
        return started

    def renew_soon(self) -> None:
        """Have another process take its place when it is up, if this one is not a new one itself."""
        idle = self._renewing is None or self._renewing.done()
        if idle and self._clock.monotonic() - self._since > _STALE_AFTER:
            self._renewing = self._tasks.start("start the Copilot CLI anew", self._renew())

    async def end(self) -> None:
        """End the process; the next who needs one gets another."""
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

    async def _start(self) -> _Started:
        self._since = self._clock.monotonic()
        try:
            return await Runtime.start(self._program, self._tasks)
        except BridgeFault as fault:
            return fault

    async def _renew(self) -> None:
        fresh = self._tasks.start("start the Copilot CLI", self._start())
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

    async def _stopped(self, start: asyncio.Task[_Started]) -> None:
        """End what was started, or is being started yet."""
        start.cancel()
        await asyncio.wait((start,))
        if not start.cancelled() and isinstance(started := start.result(), Runtime):
            await started.close()

    def _bury(self, started: _Started) -> None:
        if isinstance(started, Runtime):
            ending = self._tasks.start("end the Copilot CLI", started.close())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)


def _is_alive(start: asyncio.Task[_Started]) -> bool:
    if start.cancelled():
        return False
    started = start.result()
    return isinstance(started, Runtime) and started.alive
