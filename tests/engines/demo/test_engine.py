"""The demo models, asked as the pipeline asks them."""

import asyncio
import json
import time

import pytest

from fakes import FakeClock
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path
from llm_gateway.engines.contract import Engine
from llm_gateway.engines.demo.engine import DemoEngine
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.upstream.answer import is_event_stream, read_whole
from llm_gateway.wire.headers import get

BODIES: dict[str, dict[str, object]] = {
    "chat/completions": {"messages": [{"role": "user", "content": "Guten Tag"}]},
    "completions": {"prompt": "Guten Tag"},
    "embeddings": {"input": "Guten Tag"},
}

CALL = CHAT.read_call(b'{"model":"m","stream":true}', Path("chat/completions"))


def ask(model: str, operation: str = "chat/completions", **fields: object) -> PreparedAnswer:
    body = json.dumps({"model": model, **BODIES.get(operation, {}), **fields}).encode()
    return asyncio.run(DemoEngine(FakeClock(), pause=0.001).answer(operation, body, model))


def body_of(answer: PreparedAnswer) -> dict[str, object]:
    body: dict[str, object] = json.loads(asyncio.run(read_whole(answer, 1 << 20)))
    return body


def test_is_an_engine_that_never_counts() -> None:
    engine: Engine = DemoEngine(FakeClock())
    assert (engine.name, engine.counts) == ("demo", False)
    assert list(engine.models) == ["echo", "slow", "error-429", "error-500"]
    asyncio.run(engine.close())


@pytest.mark.parametrize("model", ["echo", "slow"])
@pytest.mark.parametrize("operation", list(BODIES))
def test_answers_every_operation_under_its_full_name(model: str, operation: str) -> None:
    answer = ask(model, operation)
    assert answer.status == 200 and not is_event_stream(answer)
    body = body_of(answer)
    assert body["model"] == f"demo/{model}"
    assert body.get("created", 1) == FakeClock().now_us() // 1_000_000 or operation == "embeddings"


@pytest.mark.parametrize("model", ["echo", "slow"])
@pytest.mark.parametrize("operation", ["chat/completions", "completions"])
def test_streams_when_asked(model: str, operation: str) -> None:
    answer = ask(model, operation, stream=True)
    assert answer.status == 200 and is_event_stream(answer)
    meter = CHAT.meter(CALL, strip_usage=False)
    meter.feed(asyncio.run(read_whole(answer, 1 << 20)))
    assert meter.seen.complete


def test_the_slow_model_takes_its_time_over_every_word() -> None:
    async def first_pieces() -> list[bytes]:
        body = json.dumps({"stream": True, **BODIES["chat/completions"]}).encode()
        answer = await DemoEngine(FakeClock(), pause=0.005).answer("chat/completions", body, "slow")
        assert answer.take() == b""
        began = time.monotonic()
        pieces = [await answer.read(), await answer.read()]
        assert time.monotonic() - began >= 0.009
        return pieces

    assert all(piece.count(b"\n\n") == 1 for piece in asyncio.run(first_pieces()))


@pytest.mark.parametrize(
    ("model", "operation", "status", "kind", "code"),
    [
        ("error-429", "chat/completions", 429, "rate_limit_error", "rate_limit_exceeded"),
        ("error-500", "embeddings", 500, "server_error", "internal_error"),
        ("nothing", "completions", 404, "invalid_request_error", "model_not_found"),
        ("echo", "audio/speech", 404, "invalid_request_error", "not_found"),
    ],
)
def test_refusals_have_the_dialects_shape(
    model: str, operation: str, status: int, kind: str, code: str
) -> None:
    answer = ask(model, operation)
    assert answer.status == status
    assert get(answer.headers, b"retry-after") == (b"1" if status == 429 else None)
    error = body_of(answer)["error"]
    assert isinstance(error, dict)
    assert (error["type"], error["code"], error["param"]) == (kind, code, None)
    assert "demo" in error["message"]


def test_says_what_is_wrong_with_a_request() -> None:
    answer = ask("echo", messages=[])
    assert answer.status == 400
    assert body_of(answer)["error"] == {
        "message": "`messages` is empty: say something",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "invalid_request",
    }
