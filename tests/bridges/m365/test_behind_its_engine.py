"""The bridge as the pipeline meets it: behind its engine, with the abilities of its row in the catalog."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from bridges.m365.fake_vendor import Answer, Refusal
from bridges.m365.m365_stage import Stage, assistant, played, system, user
from llm_gateway.bridges.engine import Bounds, BridgeEngine
from llm_gateway.bridges.m365.bridge import M365Bridge
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.canonical.parts import Image, Link, Text
from llm_gateway.canonical.request import Format, FunctionTool, Message, Request, Sampling
from llm_gateway.canonical.response import Response
from llm_gateway.dialects.bridge import BRIDGE, PATH
from llm_gateway.dialects.bridge.errors import decode_error
from llm_gateway.dialects.bridge.stream import decode_response
from llm_gateway.dialects.contract import Target
from llm_gateway.errors import UnsupportedByBridge
from llm_gateway.http.client import Patience
from llm_gateway.providers.catalog import load_catalog
from llm_gateway.upstream.answer import read_whole
from llm_gateway.upstream.client import Upstream
from scripted import Gate

HELLO = Request((user("Say hello."),), stream=True)


def abilities() -> Abilities:
    (row,) = (row for row in load_catalog() if row.name == "m365-copilot")
    assert row.bridge is not None
    return row.bridge.abilities


def engine_of(stage: Stage, bridge: M365Bridge, parallel: int = 4) -> BridgeEngine:
    around = Surroundings(
        {}, stage.clock, stage.tasks, Upstream(stage.pool, Patience(5.0, 5.0)), stage.folder
    )
    return BridgeEngine("m365-copilot", lambda: bridge, abilities(), Bounds(parallel=parallel), around)


async def asked(engine: BridgeEngine, request: Request = HELLO) -> tuple[Response, list[str]]:
    """Ask as the pipeline does; return the answer, and what was lost on both ways."""
    encoded = BRIDGE.encode_request(request, Target("m365-copilot", abilities=engine.abilities))
    answer = await engine.answer(PATH, encoded.body, "m365-copilot")
    assert answer.status == 200
    read = decode_response(await read_whole(answer, 1 << 20))
    return read.response, [loss.what for loss in (*encoded.losses, *read.losses)]


def test_an_answer_proves_the_login_and_says_what_was_lost(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        engine = engine_of(stage, stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token()))
        assert (await engine.look()).verified == "login_seen"
        assert list(engine.models) == ["m365-copilot"]
        request = Request(
            (system("Be brief."), user("One."), assistant("1"), user("Two.")),
            sampling=Sampling(temperature=0.1, max_tokens=5),
        )
        response, losses = await asked(engine, request)
        assert response.parts == (Text("Hello from Copilot."),)
        assert response.usage is not None and response.usage.estimated
        assert losses == ["max_tokens", "temperature", "messages.system", "messages"]
        await asyncio.sleep(0)
        assert (await engine.look()).verified == "turn_succeeded"

    played(scene, tmp_path)


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (Request((user("a"),), tools=(FunctionTool("f"),)), "tools"),
        (Request((user("a"),), format=Format("json")), "response_format"),
        (Request((Message("user", (Image(Link("https://example.org/a")),)),)), "images"),
    ],
)
def test_what_it_cannot_do_is_refused_before_anybody_is_asked(request_: Request, what: str) -> None:
    with pytest.raises(UnsupportedByBridge) as caught:
        BRIDGE.encode_request(request_, Target("m365-copilot", abilities=abilities()))
    assert caught.value.param == what


@pytest.mark.parametrize(
    ("refusal", "status", "state"),
    [
        (Refusal(403, "Forbidden"), 403, "not_entitled"),
        (Refusal(401, "x", "AADSTS65001"), 403, "consent_required"),
        (Refusal(429, "TooManyRequests", fields=(("retry-after", "7"),)), 429, "rate_limited"),
        (Refusal(504, "GatewayTimeout"), 504, "ok"),
        (Refusal(400, "BadRequest"), 400, "ok"),
    ],
)
def test_a_refusal_is_an_answer_and_a_state(
    tmp_path: Path, refusal: Refusal, status: int, state: str
) -> None:
    async def scene(stage: Stage) -> None:
        engine = engine_of(stage, stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token()))
        stage.vendor.turns.append(refusal)
        answer = await engine.answer(PATH, msgspec.json.encode(HELLO), "m365-copilot")
        assert answer.status == status
        failure = decode_error(status, await read_whole(answer, 1 << 20))
        health = await engine.look(fresh=True)
        assert health.state == state
        if state != "ok":
            assert (failure.kind, bool(health.reason)) == (state, True)
        if state == "rate_limited":
            assert health.resets_us == stage.clock.now_us() + 7_000_000

    played(scene, tmp_path)


def test_a_turn_that_nobody_reads_closes_its_connection_at_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        engine = engine_of(stage, stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token()))
        stage.vendor.turns.append(Answer(before=(Gate("held"),)))
        answer = await engine.answer(PATH, msgspec.json.encode(HELLO), "m365-copilot")
        (turn,) = stage.asked()
        left = time.monotonic()
        answer.release()
        closed = await asyncio.to_thread(stage.upstream.wait_closed, turn.connection)
        assert closed - left < 0.1

    played(scene, tmp_path)


def test_many_turns_at_a_time_do_not_mix(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        engine = engine_of(stage, stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token()), parallel=16)
        texts = [f"Answer {number}." for number in range(32)]
        stage.vendor.turns.extend(Answer(updates=(text[:4], text[:8]), text=text) for text in texts)
        answers = await asyncio.gather(*(asked(engine) for _ in texts))
        assert {answer.parts for answer, _ in answers} == {(Text(text),) for text in texts}
        assert len(stage.vendor.conversations) == 32

    played(scene, tmp_path)


def test_nothing_is_lost_of_a_plain_question(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        engine = engine_of(stage, stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token()))
        assert (await asked(engine))[1] == []

    played(scene, tmp_path)
