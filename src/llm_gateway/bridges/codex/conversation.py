"""One turn with the app server: a thread of its own, begun, listened to, and ended however it ends.

What it says is understood in `reading.py`. Beginning is a task of its own: whoever is no longer interested
need not wait until Codex has said how the turn is called that is to be stopped.
"""

import asyncio
from collections.abc import AsyncGenerator

from msgspec import Raw

from llm_gateway.bridges.codex.protocol import Empty, ThreadStarted, TurnStarted
from llm_gateway.bridges.codex.reading import Reading
from llm_gateway.bridges.codex.recipe import Recipe
from llm_gateway.bridges.codex.refusals import failed, refused
from llm_gateway.bridges.codex.server import Running
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import METHOD_NOT_FOUND, RpcRefused
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.events import Started
from llm_gateway.dialects.bridge.stream import Lost, Said

__all__ = ["Conversation"]

_OVERLOADED = -32001  # "Server overloaded; retry later", by the vendor's README
_INVALID = -32600

_LONG = 60.0  # for a conversation of many megabytes
_PARTING = 5.0
# A program without raw events does not say that the model has called its last tool.
_QUIET = 0.5
_MOST_UNREAD = 500_000

_OWN_FILE = Lost("messages.system", "Codex puts the person's own AGENTS.md before it; a `home` ends that")


class Conversation:
    """A turn; `name` is the bridge's, for what a person may have to do."""

    def __init__(self, running: Running, recipe: Recipe, around: Surroundings, name: str) -> None:
        self._running = running
        self._recipe = recipe
        self._tasks = around.tasks
        self._lost: list[Said] = [Lost(loss.what, loss.why) for loss in recipe.losses]
        self._reading = Reading(
            str(recipe.thread["model"]),
            recipe.names,
            lambda failure: failed(failure, running.limits, around.clock.now_us(), name),
        )
        self._changed = asyncio.Event()
        self._thread = ""
        self._left = False

    async def events(self) -> AsyncGenerator[Said, None]:
        """Ask, and yield what is answered; BridgeFault when it is not."""
        beginning = self._tasks.start("a turn of codex begins", self._begin())
        reading = self._reading
        try:
            while True:
                self._changed.clear()
                while reading.events:
                    event = reading.events.popleft()
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
        self._reading.notice(method, params)
        if len(self._reading.events) > _MOST_UNREAD:
            self._reading.broken(BridgeFault("bridge_failed", "nobody reads the answer: it is given up"))
        self._changed.set()

    def called(self, params: Raw) -> None:
        """Take the request to run a tool of the client's."""
        self._reading.called(params)
        self._changed.set()

    def broken(self, fault: BridgeFault) -> None:
        """Learn that nothing more will come."""
        self._reading.broken(fault)
        self._changed.set()

    # details

    async def _wait(self) -> None:
        quiet = _QUIET if self._reading.waits_for_more_calls else None
        try:
            async with asyncio.timeout(quiet):
                await self._changed.wait()
        except TimeoutError:
            self._reading.enough()

    async def _begin(self) -> None:
        """Open the thread, say what was said so far, and have the model answer."""
        try:
            await self._open()
        except BridgeFault as fault:
            self.broken(fault)
        except RpcRefused as refusal:
            self.broken(_fault_of(refusal))
        if self._left:
            await self._part()

    async def _open(self) -> None:
        rpc, recipe = self._running.rpc, self._recipe
        started = await rpc.ask("thread/start", recipe.thread, ThreadStarted, within=_LONG)
        self._thread = started.thread.id
        self._running.threads[self._thread] = self
        if started.instruction_sources:
            self._lost.append(_OWN_FILE)
        if not self._left:
            items = {"threadId": self._thread, "items": recipe.items}
            await rpc.ask("thread/inject_items", items, Empty, within=_LONG)
        if not self._left and not self._reading.over:
            turn = {"threadId": self._thread, **recipe.turn}
            begun = await rpc.ask("turn/start", turn, TurnStarted, within=_LONG)
            self._reading.turn = begun.turn.id

    async def _part(self) -> None:
        """Have Codex stop what it still does, and forget the thread."""
        self._running.threads.pop(self._thread, None)
        rpc = self._running.rpc
        turn = self._reading.turn if not self._reading.ended else ""
        for method, params in (
            ("turn/interrupt", {"threadId": self._thread, "turnId": turn} if turn else None),
            ("thread/unsubscribe", {"threadId": self._thread} if self._thread else None),
        ):
            if params is None:
                continue
            try:
                await rpc.ask(method, params, Empty, within=_PARTING)
            except (RpcRefused, BridgeFault):
                continue  # the turn is over already, or the program is


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
