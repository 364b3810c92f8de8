"""How the bridge is: what it says without a turn, and within two seconds."""

import time
from pathlib import Path

import pytest

from bridges.chatgpt.chatgpt_stage import Stage, ask, fault_of, played
from bridges.chatgpt.fake_accounts import PLAN, SCOPES, Refusal
from bridges.chatgpt.fake_vendor import sharing
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.config.bridges import BridgeSettings


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
