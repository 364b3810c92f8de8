"""A witness sees what the client gets, before it has the end of it, and changes nothing."""

from collections.abc import Coroutine
from pathlib import Path

import pytest

from fakes import FakeIncoming
from llm_gateway.dialects.contract import Call
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.pipeline.handle import Admitted, handle
from llm_gateway.pipeline.sender import Sender
from pipeline_stage import Stage, on_stage, request
from scripted import Close, Script, Send, chat, wording
from scripted.wording import response

CHAT = DIALECTS["chat"]


class Eye:
    """A witness that remembers, and what was settled when it was told of the end."""

    def __init__(self, stage: Stage, incoming: list[FakeIncoming]) -> None:
        self.stage = stage
        self.incoming = incoming
        self.seen = b""
        self.ends: list[tuple[int, bool]] = []

    def whole(self, body: bytes) -> None:
        self.seen += body

    def piece(self, data: bytes) -> None:
        self.seen += data

    async def ended(self) -> None:
        had_end = self.seen[-20:] in self.incoming[0].sent
        self.ends.append((len(self.stage.settlements()), had_end))


async def witnessed(stage: Stage, body: bytes) -> tuple[Eye, FakeIncoming]:
    made: list[FakeIncoming] = [stage.incoming(body)]
    eye = Eye(stage, made)

    async def let_in(call: Call) -> Admitted:
        return call, eye

    def admit(call: Call, sender: Sender) -> Coroutine[object, object, Admitted]:
        assert sender.caller.identity.caller == "ada"
        return let_in(call)

    await handle(made[0], stage.gateway, CHAT, CallPath("chat/completions"), admit)
    return eye, made[0]


@pytest.mark.parametrize("stream", [False, True])
def test_it_sees_what_the_client_gets_and_ends_before_it(tmp_path: Path, stream: bool) -> None:
    async def scene(stage: Stage) -> None:
        body = request(stream=True) if stream else request()
        eye, incoming = await witnessed(stage, body)
        assert incoming.status == 200
        assert eye.seen == incoming.sent and eye.seen
        assert eye.ends == [(1, False)], "the turn is settled, and the client has not the end"

    on_stage(tmp_path, scene)


SCRIPTS: list[Script] = [
    (Send(response(500, b'{"error":{"message":"broken"}}')),),
    (Send(wording.stream_head()), Send(wording.chunk(chat.events("m")[0])), Close()),
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_hears_of_no_end_that_was_none(tmp_path: Path, script: Script) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(script)
        eye, incoming = await witnessed(stage, request(stream=True))
        assert eye.ends == []
        assert incoming.done or incoming.abandoned

    on_stage(tmp_path, scene)
