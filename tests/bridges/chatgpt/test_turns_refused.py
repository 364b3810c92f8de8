"""Turns that OpenAI refuses: told by kind, never asked again, and what a limit does to the next ones."""

from pathlib import Path

import pytest

from bridges.chatgpt.chatgpt_stage import MODEL, Stage, ask, fault_of, played, spoken, user
from bridges.chatgpt.fake_accounts import CANARY, Refusal
from bridges.chatgpt.fake_vendor import Answer, sharing
from llm_gateway.bridges.chatgpt.bridge import ChatgptBridge
from llm_gateway.bridges.chatgpt.refusals import MANAGE_USAGE
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.faults import BridgeFault, FaultKind
from llm_gateway.canonical.request import Request
from llm_gateway.dialects.bridge.stream import Said
from scripted import Send
from scripted.responses import error_event, events, message
from scripted.wording import chunk, stream_head

HELLO = Request((user("Say hello."),), stream=True)


def begun() -> bytes:
    """Return the event with which an answer begins."""
    return events(MODEL)[0]


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
        stage.advance(3300)  # the tokens could be renewed
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
