"""One turn with the app server: begun in a thread, listened to, and left however it ends.

What it says is understood in `reading.py`. Where the conversation has a thread already, the turn goes on in
it: calls of tools that wait there are answered, or what is new is said. Beginning is a task of its own:
whoever leaves need not wait until Codex has said how the turn is called that is to be stopped.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial

from msgspec import Raw

from llm_gateway.bridges.codex.affinity import answer_items, key_of, split, tool_results
from llm_gateway.bridges.codex.protocol import Breakdown, Empty, ThreadStarted, TurnFailure, TurnStarted
from llm_gateway.bridges.codex.reading import Reading, more
from llm_gateway.bridges.codex.recipe import Recipe
from llm_gateway.bridges.codex.refusals import failed, refused
from llm_gateway.bridges.codex.server import Running
from llm_gateway.bridges.codex.thread import Thread
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import METHOD_NOT_FOUND, Asked, RpcRefused
from llm_gateway.bridges.sessions import Kept
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.events import Finished, Started
from llm_gateway.canonical.response import Folding
from llm_gateway.clock import Clock
from llm_gateway.dialects.bridge.stream import Lost, Said
from llm_gateway.dialects.responses.names import legal_id

__all__ = ["Conversation"]

_OVERLOADED = -32001  # "Server overloaded; retry later", by the vendor's README
_INVALID = -32600

_LONG = 60.0  # for a conversation of many megabytes
_GRACE = 0.2  # for requests to run tools that are told after the model has ended
# A program without raw events does not say that the model has called its last tool.
_QUIET = 0.5
_MOST_UNREAD = 500_000

_OWN_FILE = Lost("messages.system", "Codex puts the person's own AGENTS.md before it; a `home` ends that")


class Conversation:
    """A turn. `name` is the bridge's, for what a person may have to do; `kept` are the threads that rest."""

    def __init__(
        self, running: Running, recipe: Recipe, around: Surroundings, name: str, kept: Kept[Thread]
    ) -> None:
        self._running = running
        self._recipe = recipe
        self._kept = kept
        self._tasks = around.tasks
        self._lost: list[Said] = [Lost(loss.what, loss.why) for loss in recipe.losses]
        self._judge = partial(_judged, running, around.clock, name)
        self._thread: Thread | None = None
        self._reading = self._listening(Breakdown())
        self._answer = Folding()
        self._changed = asyncio.Event()
        self._left = False
        self._rested = False

    async def events(self) -> AsyncGenerator[Said, None]:
        """Ask, and yield what is answered; BridgeFault when it is not."""
        beginning = self._tasks.start("a turn of codex begins", self._begin())
        try:
            while True:
                self._changed.clear()
                reading = self._reading
                while reading.events:
                    event = reading.events.popleft()
                    self._answer.take(event)
                    if isinstance(event, Finished):
                        await self._keep()  # before the client can come back
                    yield event
                    if isinstance(event, Started):
                        for lost in self._lost:
                            yield lost
                if reading.fault is not None:
                    raise reading.fault
                if reading.over:
                    return
                await self._wait()
        finally:
            self._left = True
            if beginning.done():
                self._tasks.start("a turn of codex ends", self._part())

    # what the server tells

    def notice(self, method: str, params: Raw) -> None:
        """Take a notification about the thread."""
        if method == "turn/completed" and self._thread is not None and self._thread.open:
            self._thread.lost = True
        self._reading.notice(method, params)
        if len(self._reading.events) > _MOST_UNREAD:
            self._reading.broken(BridgeFault("bridge_failed", "nobody reads the answer: it is given up"))
        self._changed.set()

    def called(self, asked: Asked) -> None:
        """Take the request to run a tool of the client's."""
        call = self._reading.called(asked.params)
        if call and self._thread is not None:
            self._thread.open[legal_id(call)] = asked
        self._changed.set()

    def broken(self, fault: BridgeFault) -> None:
        """Learn that nothing more will come."""
        self._reading.broken(fault)
        self._changed.set()

    # details

    def _listening(self, before: Breakdown) -> Reading:
        return Reading(str(self._recipe.thread["model"]), self._recipe.names, self._judge, before)

    async def _wait(self) -> None:
        quiet = _QUIET if self._reading.waits_for_more_calls else None
        try:
            async with asyncio.timeout(quiet):
                await self._changed.wait()
        except TimeoutError:
            self._reading.enough()

    async def _begin(self) -> None:
        """Find the thread or open one, say what is new, and have the model answer."""
        try:
            if not await self._go_on():
                await self._say(self._in(await self._open()), self._recipe.items)
        except BridgeFault as fault:
            self.broken(fault)
        except RpcRefused as refusal:
            self.broken(_fault_of(refusal))
        if self._left:
            await self._part()

    async def _go_on(self) -> bool:
        """Go on in the thread where the conversation is; False when there is none, or it does not fit."""
        before, new = split(self._recipe.items)
        thread = self._kept.take(key_of(self._recipe, before)) if before and new else None
        if thread is None or not thread.alive(self._running):
            return False
        fits = not thread.lost and (not thread.open or tool_results(new, thread.open) is not None)
        if fits:
            try:
                await self._say(self._in(thread), new)
                return True
            except RpcRefused:
                pass  # Codex has forgotten it
        self._tasks.start("a thread of codex ends", thread.end())
        return False

    def _in(self, thread: Thread) -> Thread:
        """Listen to a thread."""
        self._thread = thread
        self._reading = self._listening(thread.told)
        self._running.threads[thread.id] = self
        if thread.own_file:
            self._lost.append(_OWN_FILE)
        return thread

    async def _open(self) -> Thread:
        started = await self._running.rpc.ask(
            "thread/start", self._recipe.thread, ThreadStarted, within=_LONG
        )
        return Thread(self._running, started.thread.id, own_file=bool(started.instruction_sources))

    async def _say(self, thread: Thread, said: Sequence[Mapping[str, object]]) -> None:
        if self._gone():
            return
        rpc = self._running.rpc
        if thread.open:
            self._reading.turn = thread.turn
            await thread.answer(tool_results(said, thread.open) or {})
            return
        items = {"threadId": thread.id, "items": said}
        await rpc.ask("thread/inject_items", items, Empty, within=_LONG)
        if not self._gone():
            turn = {"threadId": thread.id, **self._recipe.turn}
            begun = await rpc.ask("turn/start", turn, TurnStarted, within=_LONG)
            self._reading.turn = begun.turn.id

    def _gone(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return self._left or self._reading.over

    # how it is left

    async def _keep(self) -> None:
        """Keep the thread for the next turn of its conversation, if nothing goes on in it."""
        thread, reading = self._thread, self._reading
        if thread is not None and await self._rests(thread):
            thread.turn = "" if reading.ended else reading.turn
            thread.told = more(thread.told, reading.used)
            said = (*self._recipe.items, *answer_items(self._answer.response().parts, self._recipe))
            self._kept.keep(key_of(self._recipe, said), thread)
            self._rested = True

    async def _part(self) -> None:
        """End the thread, unless it is kept."""
        thread, reading = self._thread, self._reading
        if thread is not None and not self._rested:
            if reading.turn or reading.ended:
                thread.turn = "" if reading.ended else reading.turn
            await thread.end()

    async def _rests(self, thread: Thread) -> bool:
        """Whether nothing goes on in the thread: the turn has ended, or waits for its tools alone."""
        reading = self._reading
        if not reading.calls:
            return reading.ended
        wanted = {legal_id(call) for call in reading.calls}
        try:
            async with asyncio.timeout(_GRACE):
                while thread.open.keys() != wanted and not reading.itself and not reading.ended:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return thread.open.keys() == wanted and not reading.itself and not reading.ended


def _judged(running: Running, clock: Clock, name: str, failure: TurnFailure) -> BridgeFault:
    return failed(failure, running.limits, clock.now_us(), name)


def _fault_of(refusal: RpcRefused) -> BridgeFault:
    """Return the fault of a request that the app server itself refused."""
    if refusal.code == _OVERLOADED:
        return BridgeFault("bridge_busy", "codex has as much to do as it takes; try again", retry_after=1)
    if refusal.code == METHOD_NOT_FOUND:
        return BridgeFault(
            "version_mismatch",
            f"codex does not know `{refusal.method}`; update whichever of it and the gateway is older",
        )
    if refusal.code == _INVALID:
        return refused(*_what(refusal))
    return BridgeFault("bridge_failed", f"codex could not do `{refusal.method}`; ask again")


def _what(refusal: RpcRefused) -> tuple[str, str]:
    said = refusal.message.lower()
    if "tool" in said:
        return "a tool's name or schema is none that it knows", "tools"
    if "image" in said:
        return "a picture is not in a form that it reads", "messages.image"
    if refusal.method == "thread/inject_items":
        return "there is something in the conversation that it cannot read", "messages"
    return f"it refuses `{refusal.method}`", ""
