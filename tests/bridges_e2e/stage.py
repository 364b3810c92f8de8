"""A bridge as the gateway opens it, with the vendor's real program behind it and a scripted provider.

The provider speaks Responses, Messages and Chat Completions on loopback; what else a program asks of the
world ends at a proxy that refuses. A test says what the provider does next by `scripted.queue`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from clients_e2e.running import RefusingProxy
from llm_gateway.bridges.engine import BridgeEngine
from llm_gateway.bridges.opening import open_bridges
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.events import Event, Failed
from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.parts import Image, Inline, Part, Text
from llm_gateway.canonical.request import Message, Request
from llm_gateway.canonical.response import Folding, Response
from llm_gateway.clock import SystemClock
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.errors import Refused
from llm_gateway.dialects.bridge.request import encode_request
from llm_gateway.dialects.bridge.stream import Decoder
from llm_gateway.dialects.contract import Target
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.answer import Answer
from llm_gateway.upstream.client import Upstream
from llm_gateway.upstream.fleet import Fleet
from real_clients import Installation
from scripted import Hang, Script, ScriptedUpstream, Send, chat, messages, responses
from scripted.wording import response

__all__ = [
    "PIXEL",
    "SILENT",
    "Heard",
    "Stage",
    "asks",
    "environ",
    "failing",
    "heard",
    "picture",
    "played",
    "provider",
]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A picture of one pixel, PNG in base64."""

_NO_RESPONSE = Response()

# So that it ends at all: programs that start in three seconds take a minute for it on a machine that is busy.
_LONGEST_S = 150.0

SILENT: Script = (Hang(),)
"""The provider takes the request and says nothing."""


def provider(models: Sequence[str] = ("scripted-model",)) -> ScriptedUpstream:
    """Return a provider that speaks all three languages."""
    return ScriptedUpstream(models, (responses.respond, messages.respond, chat.respond))


def failing(status: int, dialect: str = "responses", **fields: str) -> Script:
    """Return an answer with an error, as the API of a dialect has it; `fields` are those of its header."""
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "api_error")
    words = f"scripted {status}"
    bodies = {
        "responses": responses.error(words, kind, "scripted"),
        "messages": messages.error(words, kind),
        "chat": chat.error(words, kind, "scripted"),
    }
    told = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return (Send(response(status, bodies[dialect], told)),)


def environ(installation: Installation, home: Path, proxy: RefusingProxy, **more: str) -> dict[str, str]:
    """Return the environment of somebody at home in `home` who has the vendors' programs."""
    way = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy.url)
    loopback = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    return {"PATH": installation.path, "HOME": str(home), **way, **loopback, **more}


def picture() -> Image:
    """Return a picture of one pixel."""
    return Image(Inline(PIXEL, "image/png"))


def asks(*said: str | tuple[Part, ...], system: str = "") -> Request:
    """Return a request: what the user and the assistant said in turn, the user first and last."""
    parts = [(Text(each),) if isinstance(each, str) else each for each in said]
    talk = [Message("assistant" if place % 2 else "user", each) for place, each in enumerate(parts)]
    return Request((*([Message("system", (Text(system),))] if system else []), *talk))


@dataclass(frozen=True)
class Heard:
    """What became of a turn: its events, what they make, what was lost, or why it was refused."""

    status: int
    events: tuple[Event, ...] = ()
    losses: tuple[Loss, ...] = ()
    response: Response = _NO_RESPONSE
    refused: Refused | None = None
    failed: Failed | None = None

    @property
    def text(self) -> str:
        """Return all of its text."""
        return "".join(part.text for part in self.response.parts if isinstance(part, Text))

    @property
    def kind(self) -> str:
        """Return the kind of fault it was refused with."""
        return self.refused.kind if self.refused is not None else ""


@dataclass(frozen=True)
class Stage:
    """A bridge's engine, as the gateway has it."""

    name: str
    engine: BridgeEngine
    tasks: Tasks

    def begin(self, request: Request, model: str) -> Coroutine[object, object, Answer]:
        """Ask, as the pipeline does."""
        body = encode_request(request, Target(model, abilities=self.engine.abilities)).body
        return self.engine.answer("turn", body, model)

    async def hear(self, request: Request, model: str) -> Heard:
        """Ask, and listen to the end."""
        return await heard(await self.begin(request, model))


async def heard(answer: Answer) -> Heard:
    """Listen to an answer to its end."""
    decoder, folding, events = Decoder(), Folding(), list[Event]()
    try:
        if answer.status != 200:
            body = msgspec.json.decode(await answer.read())
            return Heard(answer.status, refused=msgspec.convert(body["error"], Refused))
        while data := await answer.read():
            events += decoder.feed(data)
    finally:
        answer.release()
    for event in events:
        folding.take(event)
    return Heard(
        answer.status, tuple(events), tuple(decoder.losses), folding.response(), failed=folding.failed
    )


def played(
    settings: BridgeSettings,
    variables: dict[str, str],
    folder: Path,
    scene: Callable[[Stage], Coroutine[object, object, None]],
) -> None:
    """Open a bridge as the gateway does, play a scene with it, and close it."""

    async def play() -> None:
        failures: list[BaseException] = []
        tasks = Tasks(lambda _, error: failures.append(error))
        clock = SystemClock()
        upstream = Upstream(Pool(connect_timeout=5.0, max_idle=1), Patience(30.0, 30.0, 60.0))
        around = Surroundings(variables, clock, tasks, upstream, folder / "bridges")
        fleet = Fleet(upstream, clock, lambda: None)
        bridges = open_bridges([settings], around, lambda: fleet)
        engine = bridges.engines[settings.name]
        try:
            async with asyncio.timeout(_LONGEST_S):
                await scene(Stage(settings.name, engine, tasks))
        finally:
            await engine.close()
            await tasks.close()
        assert not failures, failures

    asyncio.run(play())
