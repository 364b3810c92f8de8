"""Responses that are kept, with real parts: a key of `ada` that keeps content, and a provider `first`."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from fakes import FakeIncoming
from llm_gateway.content.content import Content
from llm_gateway.dialects.contract import Call
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.pipeline.authenticate import Credential, Identity
from llm_gateway.pipeline.handle import Admitted, handle
from llm_gateway.pipeline.sender import Sender
from llm_gateway.pipeline.turn import Caller
from llm_gateway.server.kept_responses import KIND, KeptResponse, KeptResponses
from llm_gateway.upstream.client import Line
from pipeline_stage import Stage, endpoint, on_stage
from scripted import responses

__all__ = [
    "ADA",
    "BOB",
    "NOBODY",
    "RESPONSES",
    "admitted",
    "answer",
    "call",
    "keeping",
    "kept_one",
    "speaking",
]

RESPONSES = DIALECTS["responses"]
ADA, BOB = Identity("key_1", "ada", 7), Identity("key_2", "bob", 7)
NOBODY = Identity("key_3", "eve")


def call(**fields: object) -> Call:
    body = json.dumps({"model": "first/m", "input": "hi", **fields}).encode()
    return RESPONSES.read_call(body, CallPath("responses"))


async def admitted(kept: KeptResponses, asked: Call, who: Identity = NOBODY) -> Admitted | None:
    sender = Sender(Caller(who, "test"), Credential(who, b""), 0, b"", b"")
    admitting = kept.admit(asked, sender)
    return None if admitting is None else await admitting


def speaking(stage: Stage) -> Stage:
    """Let the provider `first` speak `responses` alone."""
    made = msgspec.structs.replace(endpoint("first", stage.scripted.port), dialect="responses")
    del stage.lines["first", "chat"]
    stage.lines["first", "responses"] = Line(made)
    stage.plan_by({})
    return stage


def keeping(home: Path, scene: Callable[[Stage, Content, KeptResponses], Awaitable[None]]) -> None:
    """Play a scene in which the key of `ada` keeps its content."""

    async def play(stage: Stage) -> None:
        content = stage.keep(home, 7)
        try:
            await scene(speaking(stage), content, KeptResponses(stage.gateway, content))
        finally:
            await content.close()

    on_stage(home, play, responders=[responses.respond])


async def answer(stage: Stage, kept: KeptResponses, **fields: object) -> FakeIncoming:
    body = json.dumps({"model": "first/m", "input": "hi", **fields}).encode()
    incoming = stage.incoming(body)
    await handle(incoming, stage.gateway, RESPONSES, CallPath("responses"), kept.admit)
    return incoming


async def kept_one(content: Content, who: Identity = ADA, said: str = "first") -> None:
    told = {"id": "resp_1", "status": "completed", "output": [{"type": "message", "text": "answer"}]}
    item = json.dumps([{"role": "user", "content": said}])
    payload = KeptResponse(json.dumps(told).encode(), item.encode())
    assert await content.keep(who.kept_under, KIND, "resp_1", msgspec.msgpack.encode(payload), 7)
