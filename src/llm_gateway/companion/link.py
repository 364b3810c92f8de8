"""A link that is open: a channel on a socket, with whoever asks and answers on it, and signs of life.

The same on both sides. It ends when the socket does, when the other side breaks the rules, or when nothing
was heard of it for seconds: then every call fails at once and every answer is stopped.
"""

import asyncio
from collections.abc import Callable, Coroutine

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.companion.channel import (
    Came,
    Cancelled,
    Channel,
    ChannelBroken,
    Draining,
    Ended,
    Failed,
    Happening,
    Headed,
    Heard,
    Opened,
    Roomier,
)
from llm_gateway.companion.flows import Call, Visit
from llm_gateway.companion.frames import Head, Open, Wrong
from llm_gateway.companion.socket import Socket
from llm_gateway.tasks import Tasks

__all__ = ["Link", "Patience", "Serve"]

Serve = Callable[[Visit], Coroutine[object, object, None]]
"""Answer a stream that the other side has opened. Cancelled when nobody wants the answer any more."""

_MOST_UNREAD = 4096  # messages written to who reads nothing


class Patience(msgspec.Struct, frozen=True):
    """Seconds of silence after which a sign of life is asked for, and after which nobody is there."""

    asks: float = 1.2
    ends: float = 4.0


class Link:
    """One open link. `heard` is told how the other side says that it is."""

    def __init__(
        self,
        socket: Socket,
        channel: Channel,
        serve: Serve,
        heard: Callable[[bytes], None],
        owned: tuple[Tasks, Clock],
        patience: Patience | None = None,
    ) -> None:
        self._socket = socket
        self._channel = channel
        self._serve = serve
        self._heard = heard
        self._tasks, self._clock = owned
        self._patience = patience or Patience()
        self._calls: dict[int, Call] = {}
        self._visits: dict[int, tuple[Visit, asyncio.Task[None]]] = {}
        self._over: asyncio.Future[Wrong] = asyncio.get_running_loop().create_future()
        self._idle = asyncio.Event()
        self._last = self._clock.monotonic()
        self._sound = asyncio.Event()
        self._unread = 0
        self.drains = False
        """Whether the other side takes nothing new."""

    # for whoever has it

    @property
    def alive(self) -> bool:
        """Whether it is open."""
        return not self._over.done()

    @property
    def streams(self) -> int:
        """Return how many streams are open."""
        return self._channel.streams

    async def run(self) -> Wrong:
        """Carry everything until the link ends, and return why it did."""
        receiving = self._tasks.start("hear a companion's link", self._receive())
        watching = self._tasks.start("watch a companion's link", self._watch())
        try:
            return await asyncio.shield(self._over)
        finally:
            receiving.cancel()
            watching.cancel()
            self.end(Wrong("bridge_disconnected", "the link was closed"))

    def open(self, what: Open) -> Call:
        """Open a stream; ChannelFull when there are too many."""
        stream = self._channel.open(what)
        call = self._calls[stream] = Call(self, stream)
        self._flush()
        return call

    def tell(self, news: bytes) -> None:
        """Say how one is."""
        self._channel.tell(news)
        self._flush()

    async def answers(self, most: float) -> bool:
        """Whether the other side is heard within so many seconds, when it is asked for a sign of life."""
        self._sound.clear()
        self._channel.ping()
        self._flush()
        try:
            async with asyncio.timeout(most):
                await self._sound.wait()
        except TimeoutError:
            return False
        return self.alive

    async def drain(self, most: float) -> None:
        """Take nothing new, and wait until what runs has ended, for so many seconds at most."""
        self._channel.drain()
        self._flush()
        try:
            async with asyncio.timeout(most):
                while self._channel.streams and self.alive:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            pass

    def end(self, wrong: Wrong) -> None:
        """End it: calls fail with this, answers stop."""
        if self._over.done():
            return
        self._over.set_result(wrong)
        for call in self._calls.values():
            call.broke(wrong)
        for visit, task in self._visits.values():
            visit.broke(wrong)
            task.cancel()
        self._calls.clear()
        self._idle.set()
        self._sound.set()

    # for its streams

    def put(self, stream: int, data: memoryview) -> int:
        """Send of these bytes what there is credit for, and return how many that was."""
        size = self._channel.send(stream, data)
        self._flush()
        return size

    async def room(self) -> None:
        """Wait while the socket takes nothing."""
        while self._socket.blocked and self.alive:
            await self._socket.drain()

    def begin(self, stream: int, head: Head) -> None:
        """Send the head of an answer."""
        self._channel.head(stream, head)
        self._flush()

    def finish(self, stream: int) -> None:
        """Say that all is said."""
        self._channel.end(stream)
        self._flush()

    def fail(self, stream: int, wrong: Wrong) -> None:
        """End an answer before its end."""
        self._channel.fail(stream, wrong)
        self._flush()

    def cancel(self, stream: int) -> None:
        """Want no more of a call."""
        self._channel.cancel(stream)
        self._calls.pop(stream, None)
        self._flush()

    def consumed(self, stream: int, size: int) -> None:
        """Take note of what was read."""
        self._channel.consumed(stream, size)
        self._flush()

    # details

    async def _receive(self) -> None:
        try:
            while (message := await self._socket.receive()) is not None:
                self._last = self._clock.monotonic()
                self._sound.set()
                for happening in self._channel.receive(message):
                    self._take(happening)
                self._flush()
        except ChannelBroken as error:
            self.end(Wrong("broken", str(error)))
        self.end(Wrong("bridge_disconnected", "the other side closed the link"))

    async def _watch(self) -> None:
        """Notice that nobody is there, but not by a time in which this side itself stood still."""
        patience = self._patience
        step = patience.asks / 2
        before = self._clock.monotonic()
        while self.alive:
            await asyncio.sleep(step)
            now = self._clock.monotonic()
            if now - before > 4 * step:  # this machine slept, and what came meanwhile was not read
                self._last = max(self._last, now - patience.ends + patience.asks)
            before = now
            silent = now - self._last
            if silent >= patience.ends:
                self.end(Wrong("bridge_disconnected", f"nothing was heard for {patience.ends:g} seconds"))
            elif silent >= patience.asks:
                self._channel.ping()
                self._flush()

    def _take(self, happening: Happening) -> None:
        match happening:
            case Opened(stream, open_):
                self._visited(stream, open_)
            case Came(stream, data):
                if (flow := self._flow(stream)) is not None:
                    flow.came(data)
            case Headed(stream, head):
                if (call := self._calls.get(stream)) is not None:
                    call.headed(head)
            case Ended(stream):
                if (flow := self._flow(stream)) is not None:
                    flow.ended()
                self._calls.pop(stream, None)
            case Failed(stream, wrong):
                if (call := self._calls.pop(stream, None)) is not None:
                    call.broke(wrong)
            case Cancelled(stream):
                if stream in self._visits:
                    visit, task = self._visits[stream]
                    visit.broke(Wrong("cancelled"))
                    task.cancel()
            case Roomier(stream):
                if (flow := self._flow(stream)) is not None:
                    flow.roomier()
            case Heard(data):
                self._heard(data)
            case Draining():
                self.drains = True

    def _flow(self, stream: int) -> Call | Visit | None:
        if stream in self._visits:
            return self._visits[stream][0]
        return self._calls.get(stream)

    def _visited(self, stream: int, open_: Open) -> None:
        visit = Visit(self, stream, open_)
        task = self._tasks.start(f"answer {open_.operation[:20]} on a link", self._serve(visit))
        self._visits[stream] = visit, task
        task.add_done_callback(lambda _: self._left(stream))

    def _left(self, stream: int) -> None:
        """Take note that nobody answers a stream any more; what was not ended by then has failed."""
        del self._visits[stream]
        self.fail(stream, Wrong("failed", "it failed on the other side, whose log says why"))

    def _flush(self) -> None:
        out = self._channel.outgoing()
        if self._over.done():
            return
        for message in out:
            self._socket.send(message)
        if not self._socket.blocked:
            self._unread = 0
        else:
            self._unread += len(out)
            if self._unread > _MOST_UNREAD:
                self.end(Wrong("broken", "the other side asks and does not read the answers"))
        if not self._channel.streams:
            self._idle.set()
