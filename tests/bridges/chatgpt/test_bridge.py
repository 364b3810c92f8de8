"""The bridge to a ChatGPT plan, whole, over HTTP against the fake vendor."""

import asyncio
import time
from pathlib import Path

import pytest
from msgspec import Raw

from bridges.chatgpt.chatgpt_stage import MODEL, Stage, ask, fault_of, lost, played, said_by, spoken, user
from bridges.chatgpt.fake_accounts import CANARY
from bridges.chatgpt.fake_vendor import STALE, Answer, namespaced
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.faults import FaultKind
from llm_gateway.canonical.events import (
    CallStarted,
    Finished,
    Measured,
    Sealed,
    Started,
    ThinkingDelta,
)
from llm_gateway.canonical.parts import Image, Inline, Text, ToolCall, ToolResult
from llm_gateway.canonical.request import FunctionTool, Message, Request, Sampling
from llm_gateway.canonical.usage import Usage
from llm_gateway.errors import ConfigError
from scripted import Close, Gate, Hang, Send
from scripted.responses import message, reasoning
from scripted.wording import LAST_CHUNK, response, stream_head

HELLO = Request((user("Say hello."),), stream=True)
LOOKUP = FunctionTool("lookup", schema=Raw(b'{"type":"object"}'))


# a turn


def test_an_answer_is_told_as_it_comes(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.vendor.turns.append(Answer((reasoning(), message("Hello."))))
        said = await ask(bridge)
        assert said[0] == Started("resp_scripted_1", MODEL)
        assert spoken(said) == "Hello."
        assert any(isinstance(each, ThinkingDelta) for each in said)
        assert any(isinstance(each, Sealed) for each in said)
        assert Measured(Usage(uncached=32, cache_read=8, output=12, reasoning=2)) in said
        assert said[-1] == Finished("stop", native="completed")
        assert lost(said) == ["response.x_unknown"]  # what the scripted answers have of their own
        (asked,) = stage.asked()
        assert (asked.header("user-agent") or "").startswith("llm_gateway/")
        assert (asked.header("authorization") or "").startswith(f"Bearer {CANARY}-access")

    played(scene, tmp_path)


def test_a_conversation_with_tools_and_pictures_goes_along(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.vendor.turns += [Answer((namespaced("lookup", {"city": "Köln"}),)), Answer()]
        first = await ask(bridge, request=Request((user("How warm is it?"),), tools=(LOOKUP,), stream=True))
        assert CallStarted(0, "call_scripted_1", "lookup") in first
        assert first[-1] == Finished("tool_calls", native="completed")
        messages = (
            said_by("system", "Be brief."),
            Message("user", (Text("How warm is it?"), Image(Inline("aGk=", "image/png")))),
            Message("assistant", (ToolCall("call_scripted_1", "lookup", '{"city":"Köln"}'),)),
            Message("user", (ToolResult("call_scripted_1", (Text("9 °C"),)),)),
        )
        assert spoken(await ask(bridge, request=Request(messages, tools=(LOOKUP,), stream=True))) == "Hello."
        body = stage.asked()[-1].json()
        assert body["instructions"] == "Be brief."
        items = body["input"]
        assert isinstance(items, list)
        assert [item["type"] for item in items] == ["message", "function_call", "function_call_output"]

    played(scene, tmp_path)


def test_what_a_plan_does_not_take_is_lost_and_said_so(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        said = await ask(bridge, request=Request((user("Hi."),), sampling=Sampling(max_tokens=99)))
        assert lost(said)[0] == "max_tokens"
        assert isinstance(said[0], Started) and isinstance(said[-1], Finished)

    played(scene, tmp_path)


def test_connections_are_used_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        for _ in range(3):
            await ask(bridge)
        assert len({request.connection.number for request in stage.asked()}) == 1

    played(scene, tmp_path)


def test_an_end_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        for end in ((Hang(),), (Close(),)):
            stage.vendor.turns.append(Answer(end=end))
            began = time.monotonic()
            assert spoken(await ask(bridge)) == "Hello."
            assert time.monotonic() - began < 1

    played(scene, tmp_path)


def test_who_stops_reading_stops_the_vendor(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        for how in ("closed", "cancelled"):
            stage.vendor.turns.append(Answer(before=(Gate(how),), end=(Hang(),)))
            turn = bridge.turn(Ask(MODEL, HELLO))
            reading = asyncio.ensure_future(anext(turn))
            await asyncio.to_thread(stage.upstream.wait_gate, how)
            if how == "cancelled":
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            else:
                stage.upstream.open(how)
                await reading
            began = time.monotonic()
            await turn.aclose()
            closed = await asyncio.to_thread(stage.upstream.wait_closed, stage.asked()[-1].connection)
            assert closed - began < 0.5  # a tenth of it, on a machine that has nothing else to do

    played(scene, tmp_path)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(only=3), "bridge_disconnected"),
        (Answer(only=3, end=(Close(),)), "bridge_disconnected"),
        (Answer(ending="incomplete"), "bridge_failed"),
        (Answer(ending="failed", failure={"code": "server_error", "message": CANARY}), "bridge_failed"),
        ((Send(stream_head()), Send(LAST_CHUNK)), "bridge_disconnected"),
        ((Send(response(200, b'{"id":"resp_1"}')),), "bridge_failed"),
        ((Send(response(302, b"", (("location", "https://example.org"),))),), "bridge_failed"),
        ((Close(),), "bridge_failed"),
    ],
)
def test_an_answer_that_is_not_completed_is_no_success(
    tmp_path: Path, answer: Answer | tuple[Send, ...], kind: FaultKind
) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.vendor.turns.append(answer)
        assert (await fault_of(ask(bridge))).kind == kind
        assert len(stage.asked()) == 1

    played(scene, tmp_path)


# tokens


def test_a_token_that_is_too_old_is_renewed_and_the_turn_asked_once_more(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.advance(3300)  # good by its own account
        stage.vendor.turns.append(STALE)
        assert spoken(await ask(bridge)) == "Hello."
        first, second = stage.asked()
        assert first.body == second.body
        assert first.header("authorization") != second.header("authorization")
        assert stage.accounts.renewed == 1

    played(scene, tmp_path)


def test_a_turn_is_asked_no_third_time(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.advance(3300)
        stage.vendor.turns += [STALE, STALE]
        assert (await fault_of(ask(bridge))).kind == "auth_required"
        assert (len(stage.asked()), stage.accounts.renewed) == (2, 1)

    played(scene, tmp_path)


def test_a_refused_token_is_not_renewed_before_that_is_allowed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.vendor.turns.append(STALE)
        for _ in range(2):  # and not tried again meanwhile
            assert (await fault_of(ask(bridge))).kind == "auth_required"
        assert (len(stage.asked()), stage.accounts.renewed, stage.accounts.spent()) == (1, 0, [])
        health = await bridge.health()
        assert (health.state, "wait" in health.reason) == ("auth_required", True)
        stage.advance(3300)
        assert spoken(await ask(bridge)) == "Hello."
        assert (await bridge.health()).state == "ok"

    played(scene, tmp_path)


@pytest.mark.fault("P21")
def test_fifty_turns_with_tokens_that_end_spend_one_refresh_token(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.advance(3601)
        answers = await asyncio.gather(*(ask(bridge) for _ in range(50)))
        assert {spoken(said) for said in answers} == {"Hello."}
        assert (stage.accounts.renewed, len(stage.accounts.spent())) == (1, 1)
        stage.advance(3300)
        stage.vendor.turns += [STALE] * 50
        answers = await asyncio.gather(*(ask(bridge) for _ in range(50)))
        assert {spoken(said) for said in answers} == {"Hello."}
        assert (stage.accounts.renewed, len(stage.accounts.spent())) == (2, 2)

    played(scene, tmp_path)


def test_an_address_that_is_none_is_told_at_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.environ["CHATGPT_API_URL"] = "http://api.example.org/v1"
        with pytest.raises(ConfigError, match="CHATGPT_API_URL"):
            stage.open()

    played(scene, tmp_path)


def test_what_is_pasted_reaches_the_sign_in(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert "no sign-in" in (await fault_of(stage.open().answered("hello"))).message

    played(scene, tmp_path)
