"""The local provider through our own way out: real llama.cpp, a tiny model, the chat dialect."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion

from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.engines.contract import Engine
from llm_gateway.engines.local.engine import LocalEngine
from llm_gateway.engines.local.model import LocalModel, shipped
from llm_gateway.errors import UpstreamUnreachable
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.upstream.answer import is_event_stream, read_whole
from llm_gateway.upstream.client import Upstream
from tiny_model import make_tiny_model

HELLO = [{"role": "user", "content": "Guten Tag"}]
Ask = Callable[..., Awaitable[tuple[int, bytes]]]

CALL = CHAT.read_call(b'{"model":"m","stream":true}', CallPath("chat/completions"))


@asynccontextmanager
async def engine_of(*models: LocalModel) -> AsyncIterator[LocalEngine]:
    upstream = Upstream(Pool(connect_timeout=5), Patience(60, 60))
    engine = LocalEngine(models, upstream, os.environ)
    try:
        yield engine
    finally:
        await engine.close()
        upstream.close()


def play(model: LocalModel, scene: Callable[[Ask], Awaitable[None]]) -> None:
    """Run a scene in which the model can be asked."""

    async def run() -> None:
        async with engine_of(model) as engine:

            async def ask(operation: str, **fields: object) -> tuple[int, bytes]:
                body = json.dumps({"model": model.name, **fields}).encode()
                answer = await engine.answer(operation, body, model.name)
                try:
                    assert is_event_stream(answer) == bool(fields.get("stream"))
                    return answer.status, await read_whole(answer, 1 << 20)
                finally:
                    answer.release()

            await scene(ask)

    asyncio.run(run())


@pytest.fixture
def tiny(tmp_path: Path) -> LocalModel:
    return LocalModel("tiny", make_tiny_model(tmp_path / "tiny.gguf"))


def test_is_an_engine_that_counts(tiny: LocalModel) -> None:
    async def look() -> None:
        async with engine_of(tiny) as engine:
            like_any: Engine = engine
            assert (like_any.name, like_any.models, like_any.counts) == ("local", ("tiny",), True)

    asyncio.run(look())


def test_speaks_every_operation_of_the_dialect(tiny: LocalModel) -> None:
    async def scene(ask: Ask) -> None:
        status, body = await ask("chat/completions", messages=HELLO, max_tokens=8, ignore_eos=True)
        chat = ChatCompletion.model_validate_json(body)
        assert status == 200 and chat.model == "tiny"
        assert chat.usage is not None and chat.usage.completion_tokens == 8
        status, body = await ask("completions", prompt="Guten", max_tokens=4)
        assert status == 200 and Completion.model_validate_json(body).usage is not None
        status, body = await ask("embeddings", input=["Guten", "Tag"])
        vectors = CreateEmbeddingResponse.model_validate_json(body).data
        assert status == 200 and [len(vector.embedding) for vector in vectors] == [32, 32]

    play(tiny, scene)


def test_streams_and_reports_its_usage(tiny: LocalModel) -> None:
    async def scene(ask: Ask) -> None:
        options = {"include_usage": True}
        status, body = await ask(
            "chat/completions",
            messages=HELLO,
            max_tokens=8,
            ignore_eos=True,
            stream=True,
            stream_options=options,
        )
        meter = CHAT.meter(CALL, strip_usage=False)
        meter.feed(body)
        assert status == 200 and meter.seen.complete
        assert meter.seen.usage is not None and meter.seen.usage.output == 8

    play(tiny, scene)


def test_passes_its_refusals_on(tiny: LocalModel) -> None:
    async def scene(ask: Ask) -> None:
        for operation, fields, status in (
            ("audio/speech", {}, 404),
            ("chat/completions", {"messages": "none"}, 400),
            ("chat/completions", {"messages": [{"role": "user", "content": "x" * 5000}]}, 400),
        ):
            answered, body = await ask(operation, **fields)
            assert (answered, json.loads(body)["error"]["code"]) == (status, status)

    play(tiny, scene)


def test_a_client_that_leaves_stops_the_model() -> None:
    async def leave_and_return() -> None:
        one_at_a_time = msgspec.structs.replace(shipped()[0], slots=1)
        async with engine_of(one_at_a_time) as engine:
            wish = {"messages": HELLO, "stream": True, "max_tokens": 3000, "ignore_eos": True}
            answer = await engine.answer("chat/completions", json.dumps(wish).encode(), "smollm2")
            assert b"chunk" in await answer.read()
            answer.release()
            short = json.dumps({"messages": HELLO, "max_tokens": 1}).encode()
            async with asyncio.timeout(10):  # the whole answer would take half a minute
                answer = await engine.answer("chat/completions", short, "smollm2")
            assert answer.status == 200
            answer.release()

    asyncio.run(leave_and_return())


def test_a_model_that_it_does_not_have_is_refused(tiny: LocalModel) -> None:
    async def ask() -> tuple[int, bytes]:
        async with engine_of(tiny) as engine:
            answer = await engine.answer("chat/completions", b"{}", "other")
            return answer.status, await answer.read()

    status, body = asyncio.run(ask())
    assert status == 404
    assert json.loads(body)["error"]["message"] == "there is no local/other, but local/tiny"


def test_missing_weights_are_a_fault_that_another_target_can_mend(tmp_path: Path) -> None:
    async def ask() -> None:
        async with engine_of(LocalModel("gone", tmp_path / "gone.gguf")) as engine:
            with pytest.raises(UpstreamUnreachable, match=r"local/gone did not start: .*gone\.gguf"):
                await engine.answer("chat/completions", b"{}", "gone")

    asyncio.run(ask())


def test_the_shipped_model_speaks() -> None:
    async def scene(ask: Ask) -> None:
        status, body = await ask("chat/completions", messages=HELLO, max_tokens=4, temperature=0)
        assert status == 200
        assert ChatCompletion.model_validate_json(body).choices[0].message.content

    play(shipped()[0], scene)
