"""A request that failed, or whose client left, leaves nothing of itself to the garbage collector."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from leftovers import leftovers
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.pipeline.handle import handle
from llm_gateway.upstream.client import Line
from pipeline_stage import Stage, endpoint, on_stage, request
from scripted import Close, Hang, Pause, Reset, Script, Send, chat, faults
from scripted.wording import LAST_CHUNK, chunk, head, response, stream_head

JSON = ("content-type", "application/json")
HALF = (Send(head(200, (JSON, ("content-length", "99"))) + b"{"), Close())
BROKEN: dict[str, Script] = {
    "no answer": (Reset(),),
    "half an answer": HALF,
    "half a stream": faults.cut_stream("reset"),
    "a stream without an end": faults.cut_stream("polite"),
    "a stream that breaks after its end": (
        Send(stream_head()),
        *(Send(chunk(event)) for event in faults.EVENTS),
        Pause(0.02),
        Reset(),
    ),
    "an error": faults.failing(500),
    "half an error": (Send(head(500, (JSON, ("content-length", "99"))) + b"{"), Close()),
    "an answer": chat.plain("m"),
}


async def ask(stage: Stage, model: str, *, stream: bool) -> None:
    incoming = stage.incoming(request(model=model, stream=stream))
    await handle(incoming, stage.gateway, CHAT, CallPath("chat/completions"))
    assert incoming.status


@pytest.mark.parametrize("model", ["first/m", "pair"])
@pytest.mark.parametrize("name", BROKEN)
def test_whatever_an_upstream_does(tmp_path: Path, name: str, model: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.plan_by({"pair": ("down/m", "first/m")})
        stage.scripted.queue(*[BROKEN[name]] * 4)
        await ask(stage, model, stream="stream" in name)
        with leftovers() as found:
            for _ in range(3):
                await ask(stage, model, stream="stream" in name)
            await asyncio.sleep(0.01)
        assert not found

    on_stage(tmp_path, scene)


BROKEN_EVENT = b'data: {"broken": \n\n{"broken": \n'
# What has to be read to be translated, and cannot be: one error inside another, each with its frames.
UNREADABLE: dict[str, Script] = {
    "half a JSON": (Send(response(200, b'{"model": "m", ')),),
    "another JSON": (Send(response(200, b'[{"model": "m"}]')),),
    "a stream of broken events": (Send(stream_head()), Send(chunk(BROKEN_EVENT)), Send(LAST_CHUNK)),
    "a broken event later in a stream": (
        Send(stream_head()),
        Send(chunk(b"\n")),
        Pause(0.02),
        Send(chunk(BROKEN_EVENT)),
        Hang(),
    ),
}


@pytest.mark.parametrize("dialect", ["gemini", "messages", "ollama", "responses"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_an_answer_that_cannot_be_translated(tmp_path: Path, name: str, dialect: str) -> None:
    async def scene(stage: Stage) -> None:
        made = msgspec.structs.replace(endpoint("first", stage.scripted.port), dialect=dialect)
        stage.lines = {("first", dialect): Line(made)}
        stage.plan_by({})
        stage.scripted.queue(*[UNREADABLE[name]] * 4)
        await ask(stage, "first/m", stream="stream" in name)
        with leftovers() as found:
            for _ in range(3):
                await ask(stage, "first/m", stream="stream" in name)
            await asyncio.sleep(0.01)
        assert not found
        assert {each.outcome for each in stage.settlements()} == {"error"}

    on_stage(tmp_path, scene)


def test_another_target_answers(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.plan_by({"both": ("first/m", "second/m")})
        stage.scripted.queue(*[BROKEN["half an error"], BROKEN["an answer"]] * 4)
        await ask(stage, "both", stream=False)
        with leftovers() as found:
            for _ in range(3):
                await ask(stage, "both", stream=False)
            await asyncio.sleep(0.01)
        assert not found
        assert {each.outcome for each in stage.settlements()} == {"ok"}

    on_stage(tmp_path, scene)


def test_nobody_answers(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await ask(stage, "down/m", stream=False)
        with leftovers() as found:
            await ask(stage, "down/m", stream=False)
            await ask(stage, "nobody/m", stream=False)
        assert not found

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("begun", [False, True])
def test_the_client_leaves(tmp_path: Path, begun: bool) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(*[faults.hang_mid_stream() if begun else faults.never()] * 3)

        async def leave() -> None:
            asking = asyncio.ensure_future(ask(stage, "first/m", stream=True))
            await asyncio.wait({asking}, timeout=0.1)
            asking.cancel()
            await asyncio.wait({asking})
            assert asking.cancelled()

        await leave()
        with leftovers() as found:
            await leave()
            await leave()
        assert not found

    on_stage(tmp_path, scene)
