"""The bridge as the pipeline meets it: behind its engine, with the abilities of its row in the catalog."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw

from bridges.chatgpt.chatgpt_stage import MODEL, Stage, played, said_by, user
from bridges.chatgpt.fake_accounts import Refusal
from bridges.chatgpt.fake_vendor import Answer, namespaced, sharing
from llm_gateway.bridges.chatgpt.bridge import ChatgptBridge
from llm_gateway.bridges.engine import Bounds, BridgeEngine
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.canonical.parts import Text, ToolCall
from llm_gateway.canonical.request import FunctionTool, Request, Sampling
from llm_gateway.canonical.response import Response
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.bridge import BRIDGE, PATH
from llm_gateway.dialects.bridge.errors import decode_error
from llm_gateway.dialects.bridge.stream import decode_response
from llm_gateway.dialects.contract import Target
from llm_gateway.errors import UpstreamTruncated
from llm_gateway.providers.catalog import load_catalog
from llm_gateway.upstream.answer import read_whole
from scripted.responses import message

HELLO = Request((user("Say hello."),), stream=True)


def abilities() -> Abilities:
    (row,) = (row for row in load_catalog() if row.name == "chatgpt")
    assert row.bridge is not None
    return row.bridge.abilities


def engine_of(stage: Stage, bridge: ChatgptBridge) -> BridgeEngine:
    return BridgeEngine("chatgpt", lambda: bridge, abilities(), Bounds(), stage.around())


async def asked(engine: BridgeEngine, request: Request = HELLO) -> tuple[Response, list[str]]:
    """Ask as the pipeline does; return the answer, and what was lost on both ways."""
    encoded = BRIDGE.encode_request(request, Target(MODEL, abilities=engine.abilities))
    answer = await engine.answer(PATH, encoded.body, MODEL)
    assert answer.status == 200
    read = decode_response(await read_whole(answer, 1 << 20))
    return read.response, [loss.what for loss in (*encoded.losses, *read.losses)]


def test_an_answer_proves_the_login_and_its_usage_is_what_the_vendor_counted(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        engine = engine_of(stage, await stage.logged_in())
        assert (await engine.look()).verified == "login_seen"
        assert list(engine.models) == ["gpt-5.6", "gpt-5.6-mini"]
        request = Request(
            (said_by("system", "Be brief."), user("Hi.")), sampling=Sampling(temperature=0.1, max_tokens=5)
        )
        response, losses = await asked(engine, request)
        assert response.parts == (Text("Hello."),)
        assert response.usage == Usage(uncached=32, cache_read=8, output=12, reasoning=2)
        assert losses == ["max_tokens", "temperature", "response.x_unknown"]
        await asyncio.sleep(0)
        assert (await engine.look()).verified == "turn_succeeded"

    played(scene, tmp_path)


def test_a_call_comes_back_by_the_clients_name(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        engine = engine_of(stage, await stage.logged_in())
        stage.vendor.turns.append(Answer((namespaced("lookup", {"city": "Köln"}),)))
        lookup = FunctionTool("lookup", schema=Raw(b'{"type":"object"}'))
        response, _ = await asked(engine, Request((user("Hi."),), tools=(lookup,)))
        (call,) = response.parts
        assert isinstance(call, ToolCall)
        assert (call.name, msgspec.json.decode(call.arguments)) == ("lookup", {"city": "Köln"})

    played(scene, tmp_path)


@pytest.mark.parametrize(
    ("answer", "status", "state"),
    [
        (sharing("user_not_eligible"), 403, "not_entitled"),
        (sharing("usage_limit_exceeded"), 429, "rate_limited"),
        (Answer((), "failed", failure={"code": "subscription_sharing_invalid_user"}), 200, "auth_required"),
        (sharing("unsupported_capability", "input"), 400, "ok"),
        (sharing("usage_unavailable"), 502, "ok"),
        (Refusal(401, {"detail": {"error_code": "invalid_token"}}), 401, "auth_required"),
    ],
)
def test_a_refusal_is_an_answer_and_a_state(
    tmp_path: Path, answer: Answer | Refusal, status: int, state: str
) -> None:
    async def scene(stage: Stage) -> None:
        engine = engine_of(stage, await stage.logged_in())
        stage.vendor.turns.append(answer)
        told = await engine.answer(PATH, msgspec.json.encode(HELLO), MODEL)
        assert told.status == status
        if status == 200:
            with pytest.raises(UpstreamTruncated, match="invalid_user"):
                await read_whole(told, 1 << 20)
        else:
            failure = decode_error(status, await read_whole(told, 1 << 20))
            assert failure.kind == (state if state != "ok" else failure.kind)
        if status == 429:
            assert (b"x-should-retry", b"false") in told.headers
        assert (await engine.look(fresh=True)).state == state

    played(scene, tmp_path)


def test_three_failures_in_a_row_are_told_and_one_success_ends_them(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        engine = engine_of(stage, await stage.logged_in())
        for _ in range(3):
            failure = {"code": "server_error", "message": "no"}
            stage.vendor.turns.append(Answer((message("Hel"),), "failed", failure=failure))
            answer = await engine.answer(PATH, msgspec.json.encode(HELLO), MODEL)
            with pytest.raises(UpstreamTruncated, match="server_error"):
                await read_whole(answer, 1 << 20)
        assert (await engine.look(fresh=True)).state == "degraded"
        await asked(engine)
        assert (await engine.look(fresh=True)).state == "ok"

    played(scene, tmp_path)
