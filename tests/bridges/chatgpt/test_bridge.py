"""The bridge to a ChatGPT plan, whole, over HTTP against the fake vendor."""

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest
from msgspec import Raw

from bridges.chatgpt.chatgpt_stage import MODEL, Stage, ask, lost, played, said_by, spoken, user
from bridges.chatgpt.fake_accounts import CANARY, PLAN, SCOPES, Refusal
from bridges.chatgpt.fake_vendor import STALE, Answer, namespaced, sharing
from llm_gateway.bridges.chatgpt.bridge import ChatgptBridge
from llm_gateway.bridges.chatgpt.refusals import MANAGE_USAGE
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.faults import BridgeFault, FaultKind
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
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Said
from llm_gateway.errors import ConfigError
from scripted import Close, Gate, Hang, Send
from scripted.responses import error_event, events, message, reasoning
from scripted.wording import LAST_CHUNK, chunk, response, stream_head

HELLO = Request((user("Say hello."),), stream=True)
LOOKUP = FunctionTool("lookup", schema=Raw(b'{"type":"object"}'))


def begun() -> bytes:
    """Return the event with which an answer begins."""
    return events(MODEL)[0]


async def fault_of(wanted: Awaitable[object]) -> BridgeFault:
    with pytest.raises(BridgeFault) as raised:
        await wanted
    assert CANARY not in raised.value.message
    return raised.value


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


# refusals


@pytest.mark.parametrize(
    ("refusal", "kind", "param"),
    [
        (sharing("user_not_eligible"), "not_entitled", ""),
        (sharing("usage_unavailable"), "bridge_failed", ""),
        (sharing("user_unavailable"), "bridge_failed", ""),
        (sharing("route_not_supported"), "not_entitled", ""),
        (sharing("invalid_user"), "auth_required", ""),
        (sharing("unsupported_capability", "input[0].content"), "refused", "input[0].content"),
        (Refusal(403, {"detail": f"{CANARY} is not allowed in this region"}), "not_entitled", ""),
        (Refusal(400, {"detail": "Unsupported parameter: text"}), "refused", "text"),
        (Refusal(403, {"error": {"code": "chatpass_v2_scope_not_authorized"}}), "auth_required", ""),
        (Refusal(429, {"detail": "slow down"}, (("retry-after", "3"),)), "bridge_busy", ""),
        (Refusal(500, {}), "bridge_failed", ""),
    ],
)
def test_a_refusal_is_told_and_nobody_asks_again(
    tmp_path: Path, refusal: Refusal, kind: FaultKind, param: str
) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.vendor.turns.append(refusal)
        fault = await fault_of(ask(bridge))
        assert (fault.kind, fault.param) == (kind, param)
        assert len(stage.asked()) == 1 and stage.accounts.renewed == 0

    played(scene, tmp_path)


LIMIT = {"code": "subscription_sharing_usage_limit_exceeded", "message": CANARY}


async def heard_of(bridge: ChatgptBridge) -> tuple[list[Said], BridgeFault]:
    """Return what was heard of a turn, and how it failed."""
    heard: list[Said] = []
    try:
        async for said in bridge.turn(Ask(MODEL, HELLO)):
            heard += [said]
    except BridgeFault as fault:
        return heard, fault
    raise AssertionError


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (sharing("usage_limit_exceeded"), ""),
        ((Send(stream_head()), Send(chunk(begun())), Send(chunk(error_event(CANARY, LIMIT["code"])))), ""),
        (Answer((message("Hi."),), "failed", failure=LIMIT), "Hi."),
    ],
)
def test_a_limit_is_a_limit_whenever_it_comes(
    tmp_path: Path, answer: Answer | Refusal | tuple[Send, ...], told: str
) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.vendor.turns.append(answer)
        heard, fault = await heard_of(bridge)
        assert fault.kind == "rate_limited" and MANAGE_USAGE in fault.message
        assert (spoken(heard), bool(heard)) == (told, bool(told))
        health = await bridge.health()
        assert (health.state, health.verified) == ("rate_limited", "login_seen")
        assert health.action is not None and health.action.url == MANAGE_USAGE
        assert (await fault_of(ask(bridge))).kind == "rate_limited"
        assert len(stage.asked()) == 1  # nobody asked for it
        stage.advance(31)
        assert (await bridge.health()).state == "rate_limited"
        assert spoken(await ask(bridge)) == "Hello."
        assert (await bridge.health()).state == "ok"

    played(scene, tmp_path)


def test_a_limit_is_over_when_the_vendor_says_so_or_after_a_while(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        limit = sharing("usage_limit_exceeded")
        stage.vendor.turns.append(Refusal(limit.status, limit.body, (("retry-after", "600"),)))
        ends_us = (await fault_of(ask(bridge))).resets_us
        assert ends_us == stage.clock.now_us() + 600 * 1_000_000
        stage.advance(599)
        assert (await bridge.health()).resets_us == ends_us
        assert (await fault_of(ask(bridge))).retry_after == 1.0
        stage.advance(2)
        assert (await bridge.health()).state == "ok"
        stage.vendor.turns.append(limit)
        await fault_of(ask(bridge))
        stage.advance(899)
        assert (await bridge.health()).state == "rate_limited"
        stage.advance(2)
        assert (await bridge.health()).state == "ok"

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


# how it is


def test_how_it_is_from_the_first_day_to_the_last(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open()
        health = await bridge.health()
        assert (health.state, health.verified) == ("auth_required", "none")
        assert health.action is not None and health.action.command == "llm-gateway login chatgpt"
        assert await bridge.models() == ()
        await stage.log_in(bridge)
        health = await bridge.health()
        assert (health.state, health.verified, health.account) == ("ok", "login_seen", "ChatGPT plan")
        assert [model.id for model in await bridge.models()] == ["gpt-5.6", "gpt-5.6-mini"]
        assert stage.asked() == []  # nothing of it was a turn
        stage.advance(31 * 86_400)
        health = await bridge.health()
        assert (health.state, "30 days" in health.reason) == ("auth_required", True)
        await stage.log_in(bridge)
        assert (await bridge.health()).state == "ok"
        await bridge.logout()
        assert (await bridge.health()).state == "auth_required"
        assert await bridge.models() == ()
        await bridge.close()

    played(scene, tmp_path)


def test_without_consent_it_is_not_ready(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open()
        stage.accounts.granted = [scope for scope in SCOPES if scope != PLAN]
        with pytest.raises(BridgeFault, match="consent"):
            await stage.log_in(bridge)
        health = await bridge.health()
        assert (health.state, "consent" in health.reason) == ("auth_required", True)
        assert (await fault_of(ask(bridge))).kind == "auth_required"
        assert stage.asked() == []

    played(scene, tmp_path)


@pytest.mark.parametrize(
    ("refusal", "state"),
    [
        (sharing("user_not_eligible"), "not_entitled"),
        (sharing("usage_unavailable"), "degraded"),
        (sharing("invalid_user"), "auth_required"),
        (Refusal(500, {}), "degraded"),
    ],
)
def test_what_the_list_of_models_says_of_the_plan_is_known_without_a_turn(
    tmp_path: Path, refusal: Refusal, state: str
) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.vendor.lists.append(refusal)
        assert (await bridge.health()).state == state
        stage.advance(30)
        assert (await bridge.health()).state == "ok"

    played(scene, tmp_path)


@pytest.mark.parametrize("slow", ["oauth/token", "models"])
def test_it_says_how_it_is_within_two_seconds(tmp_path: Path, slow: str) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in()
        stage.advance(3601)
        stage.vendor.hangs = slow
        began = time.monotonic()
        health = await bridge.health()
        assert time.monotonic() - began < 2
        assert health.state == ("unreachable" if slow == "oauth/token" else "ok")
        stage.upstream.open("hangs")
        stage.vendor.hangs = ""
        await bridge.close()
        assert (await bridge.health()).state == "ok"
        assert [model.id for model in await bridge.models()] == ["gpt-5.6", "gpt-5.6-mini"]

    played(scene, tmp_path)


def test_models_that_are_configured_are_not_asked_for(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in(BridgeSettings("chatgpt", models=("mine",)))
        assert [model.id for model in await bridge.models()] == ["mine"]

    played(scene, tmp_path)


def test_there_is_nothing_to_share(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = await stage.logged_in(BridgeSettings("chatgpt", share_with=("grace",)))
        health = await bridge.health()
        assert (health.state, "share_with" in health.reason) == ("disabled", True)
        assert (await fault_of(ask(bridge))).kind == "bridge_disabled"
        assert stage.asked() == []

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
