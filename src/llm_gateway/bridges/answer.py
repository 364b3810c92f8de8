"""The answer of a bridge's turn as an upstream's: lines of events, no faster than they are read."""

import asyncio
from collections.abc import Callable

from llm_gateway.bridges.contract import Turn
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.events import Failed, Finished
from llm_gateway.dialects.bridge.stream import Said, encode_event
from llm_gateway.errors import UpstreamTruncated
from llm_gateway.wire.headers import Headers

__all__ = ["Deadlines", "TurnAnswer", "TurnRun"]

_MOST_WAITING = 64  # events that nobody has read yet; then the vendor's program is not read, either
_MOST_BYTES = 64 * 1024 * 1024  # of an answer: no model says a hundredth of it
_STREAM: Headers = [(b"content-type", b"application/x-ndjson"), (b"cache-control", b"no-cache")]


class Deadlines:
    """Seconds until a turn's first event, between two, and for all of it."""

    __slots__ = ("between", "first", "total")

    def __init__(self, first: float, between: float, total: float) -> None:
        self.first = first
        self.between = between
        self.total = total


class TurnRun:
    """A turn that runs, and its events that wait to be read. `run` is the body of the task that owns it.

    `told` is called when it is over, before whoever reads it can know.
    """

    def __init__(self, turn: Turn, deadlines: Deadlines, told: Callable[["TurnRun"], None]) -> None:
        self._turn = turn
        self._told = told
        self._deadlines = deadlines
        self._ready: list[bytes] = []
        self._heard = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._left = _MOST_BYTES
        self.fault: BridgeFault | None = None
        """Why it ended before its end."""
        self.begun = False
        self.complete = False
        self.over = False

    async def run(self) -> None:
        """Read the turn to its end, within its deadlines."""
        try:
            async with asyncio.timeout(self._deadlines.total):
                await self._read()
        except BridgeFault as fault:
            self.fault = fault
        except TimeoutError:
            self.fault = _late(f"its answer took longer than {self._deadlines.total:g} seconds in all")
        finally:
            self.over = True
            self._told(self)
            self._heard.set()
            await self._turn.aclose()

    async def heard(self) -> None:
        """Wait until there is something to read, or nothing more will come."""
        while not self._ready and not self.over:
            self._heard.clear()
            await self._heard.wait()

    def take(self) -> bytes:
        """Return the lines that wait."""
        data = b"".join(self._ready)
        self._ready.clear()
        self._room.set()
        return data

    @property
    def waits(self) -> bool:
        """Whether lines wait."""
        return bool(self._ready)

    async def _read(self) -> None:
        wait, what = self._deadlines.first, "it did not begin to answer"
        while True:
            try:
                async with asyncio.timeout(wait):
                    said = await anext(self._turn)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise _late(f"{what} within {wait:g} seconds") from None
            self._keep(said)
            wait, what = self._deadlines.between, "it fell silent and said nothing more"
            if len(self._ready) >= _MOST_WAITING:
                self._room.clear()
                await self._room.wait()

    def _keep(self, said: Said) -> None:
        self.begun = True
        if isinstance(said, Finished):
            self.complete = True
        elif isinstance(said, Failed):
            self.fault = BridgeFault("bridge_failed", said.message)
        line = encode_event(said)
        self._left -= len(line)
        if self._left < 0:
            raise BridgeFault(
                "bridge_failed", f"the bridge's answer was cut off: it is over {_MOST_BYTES} bytes"
            )
        self._ready.append(line)
        self._heard.set()


def _late(what: str) -> BridgeFault:
    return BridgeFault("upstream_timeout", f"the bridge gave up on its vendor: {what}")


class TurnAnswer:
    """The answer of a turn that has begun. `let_go` is called once, when nobody reads it any more."""

    status = 200

    def __init__(self, run: TurnRun, let_go: Callable[[], None]) -> None:
        self.headers: Headers = list(_STREAM)
        self._run = run
        self._let_go: Callable[[], None] | None = let_go

    async def read(self) -> bytes:
        """Return the next lines; b"" at the proper end, UpstreamTruncated when the turn ended before it."""
        await self._run.heard()
        data = self._run.take()
        if not data:
            self._check_end()
        return data

    async def arrive(self) -> None:
        """Wait until something is here, or its end."""
        await self._run.heard()

    def take(self) -> bytes:
        """Return the lines that are here already."""
        return self._run.take()

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand on lines as they come, until `sink` says False or at the proper end."""
        while (data := await self.read()) and sink(data):
            pass

    @property
    def ended(self) -> bool:
        """Whether nothing is left to read."""
        return self._run.over and not self._run.waits and self._run.complete

    def release(self) -> None:
        """Let go of it: a turn that still runs is stopped."""
        let_go, self._let_go = self._let_go, None
        if let_go is not None:
            let_go()

    def _check_end(self) -> None:
        if self._run.complete:
            return
        fault = self._run.fault
        raise UpstreamTruncated(
            fault.message if fault is not None else "the bridge ended its answer before it was complete"
        )
