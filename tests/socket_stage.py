"""The WebSocket form of Responses with real parts, from the listener to an upstream of each dialect.

A provider stands for each dialect and has its name, so that `chat/m` is a model that is asked for in `chat`.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
from msgspec import Raw

from fakes import FakeClock
from llm_gateway.config import Server
from llm_gateway.content.content import Content
from llm_gateway.dialects.contract import Call
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.records import Turn
from llm_gateway.pipeline.handle import Admit, Admitted
from llm_gateway.pipeline.sender import Sender
from llm_gateway.server.access import Access
from llm_gateway.server.dialect_routes import dialect_at
from llm_gateway.server.edge import Edge
from llm_gateway.server.guard import Guard
from llm_gateway.server.kept_responses import KeptResponses
from llm_gateway.server.responses_socket import responses_sockets
from llm_gateway.server.routes import Answering, Routes
from llm_gateway.telemetry.log import Log
from llm_gateway.upstream.client import Line
from pipeline_stage import Stage, closed_port, endpoint, on_stage
from upstream_answers import UPSTREAMS
from websocket_peer import WebSocketPeer, opening, websocket

__all__ = ["Place", "talking"]

_PATHS = {"gemini": "/v1beta", "ollama": "/api"}


class Place:
    """A listener that speaks Responses over WebSockets, and what is behind it."""

    def __init__(self, stage: Stage, listener: Listener, logged: io.StringIO) -> None:
        self.stage = stage
        self.scripted = stage.scripted
        self.listener = listener
        self.logged = logged
        self.port = 0
        self.content: Content | None = None

    def open(self, *fields: str, target: str = "/v1/responses") -> AbstractAsyncContextManager[WebSocketPeer]:
        """Return a WebSocket that is opened with the key."""
        return websocket(self.port, opening(target, *fields, key=self.stage.key))

    async def say(self, data: bytes) -> bytes:
        """Send bytes and return all that comes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        told = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return told

    async def turns(self) -> list[Turn]:
        """Return the turns on record, the oldest first."""
        return list(await self.stage.ledger.read(page))[::-1]

    async def settled(self, count: int = 1) -> list[Turn]:
        """Return the turns once so many of them have ended: where the client has left, nobody tells it."""
        async with asyncio.timeout(5):
            while len(self.stage.settlements()) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return await self.turns()


class _Admitting(KeptResponses):
    """Keep nothing, and admit what somebody else does."""

    def __init__(self, stage: Stage, admit: Admit) -> None:
        super().__init__(stage.gateway)
        self._admits = admit

    def admit(
        self, call: Call, sender: Sender, previous: Raw | None = None
    ) -> Coroutine[object, object, Admitted] | None:
        return self._admits(call, sender)


@asynccontextmanager
async def _served(stage: Stage, limits: Limits, sockets: Mapping[bytes, Answering]) -> AsyncIterator[Place]:
    before = asyncio.all_tasks()
    logged = io.StringIO()
    edge = Edge(
        Routes(()),
        Guard(Server()),
        Access(b"", b""),
        dialect_at,
        (Log(FakeClock(), "debug", logged), stage.metrics),
        sockets,
    )
    listener = Listener(edge.serve, edge.refusal, limits, on_refused=edge.refused)
    place = Place(stage, listener, logged)
    place.port = await listener.listen("127.0.0.1", 0)
    try:
        yield place
    finally:
        await listener.close(0.2)
        await asyncio.sleep(0.01)
    assert asyncio.all_tasks() <= before, "a task is left"


def talking(
    home: Path,
    scene: Callable[[Place], Awaitable[None]],
    *,
    limits: Limits | None = None,
    default_provider: str = "",
    admit: Admit | None = None,
    keeps: int = 0,
) -> None:
    """Play a scene with a provider for each dialect, and one that is down.

    With `admit`, that decides instead of the default provider what may be asked for. The key keeps its
    content for so many days as `keeps` says.
    """

    async def play(stage: Stage) -> None:
        stage.lines.clear()
        for name in DIALECTS:
            made = endpoint(name, stage.scripted.port)
            made = msgspec.structs.replace(made, dialect=name, base_path=_PATHS.get(name, "/v1"))
            stage.lines[name, name] = Line(made)
        stage.lines["down", "chat"] = Line(endpoint("down", closed_port()))
        stage.plan_by({})
        content = stage.keep(home, keeps) if keeps else None
        kept = KeptResponses(stage.gateway, content, default_provider)
        sockets = responses_sockets(stage.gateway, kept if admit is None else _Admitting(stage, admit))
        try:
            async with _served(stage, limits or Limits(), sockets) as place:
                place.content = content
                await scene(place)
        finally:
            if content is not None:
                await content.close()

    on_stage(home, play, responders=[each.responder for each in UPSTREAMS.values()])
