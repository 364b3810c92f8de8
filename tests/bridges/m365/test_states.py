"""How the bridge to Microsoft 365 Copilot says that it is, over HTTP against the fake vendor."""

import time
from pathlib import Path

import pytest

from bridges.m365.fake_vendor import jwt
from bridges.m365.m365_stage import Stage, ask, played, spoken
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.m365.refusals import NEEDS
from scripted import Hang


@pytest.mark.parametrize("expired", [False, True])
def test_without_a_way_to_log_in_it_says_what_to_set(tmp_path: Path, expired: bool) -> None:
    async def scene(stage: Stage) -> None:
        token = jwt(stage.clock.now_us() / 1_000_000 - 1, ()) if expired else ""
        bridge = stage.open(MICROSOFT_CLIENT_ID="", M365_COPILOT_ACCESS_TOKEN=token)
        health = await bridge.health()
        assert (health.state, health.reason, health.verified) == ("auth_required", NEEDS, "none")
        assert health.action is not None and health.action.text == NEEDS
        with pytest.raises(BridgeFault) as caught:
            await ask(bridge)
        assert (caught.value.kind, caught.value.message) == ("auth_required", NEEDS)
        with pytest.raises(BridgeFault, match="registered with Microsoft Entra"):
            await anext(bridge.login())
        assert not stage.upstream.asked()

    assert NEEDS == "Set MICROSOFT_CLIENT_ID or M365_COPILOT_ACCESS_TOKEN."
    played(scene, tmp_path)


def test_a_given_token_says_until_when_it_is_good(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        health = await bridge.health()
        assert (health.state, health.verified) == ("ok", "login_seen")
        assert health.account == "Microsoft 365 Copilot (Graph), access token until 2023-11-14 23:13 UTC"
        assert not stage.upstream.requests

    played(scene, tmp_path)


def test_a_given_token_that_is_refused_is_not_shown_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        token = stage.vendor.token()
        stage.vendor.tokens.clear()
        bridge = stage.open(MICROSOFT_CLIENT_ID="", M365_COPILOT_ACCESS_TOKEN=token)
        for _ in range(2):
            with pytest.raises(BridgeFault) as caught:
                await ask(bridge)
            assert caught.value.kind == "auth_required"
            assert "another service (https://graph.microsoft.com)" in caught.value.message
        assert len(stage.upstream.asked()) == 1
        assert (await bridge.health()).state == "auth_required"

    played(scene, tmp_path)


def test_a_login_whose_token_is_refused_is_renewed_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open()
        await stage.log_in(bridge)
        stage.vendor.tokens.clear()
        assert spoken(await ask(bridge)) == "Hello from Copilot."
        assert [request.target.rpartition("/")[2] for request in stage.upstream.asked()] == [
            "conversations",
            "token",
            "conversations",
            "chatOverStream",
        ]

    played(scene, tmp_path)


def test_nothing_is_pasted_and_the_login_can_be_taken_back(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open()
        await stage.log_in(bridge)
        with pytest.raises(BridgeFault, match="nothing to paste"):
            await bridge.answered("x")
        assert (await bridge.health()).state == "ok"
        await bridge.logout()
        health = await bridge.health()
        assert (health.state, health.action and health.action.command) == (
            "auth_required",
            "llm-gateway login m365-copilot",
        )
        await bridge.close()

    played(scene, tmp_path)


def test_an_identity_platform_that_says_nothing_is_unreachable_within_two_seconds(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.lives = 60
        bridge = stage.open()
        await stage.log_in(bridge)
        stage.upstream.queue((Hang(),))
        begun = time.monotonic()
        health = await bridge.health()
        assert (health.state, "within 1.5 seconds" in health.reason) == ("unreachable", True)
        assert time.monotonic() - begun < 2

    played(scene, tmp_path)


def test_offline_is_unreachable_and_not_a_missing_login(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.vendor.lives = 60
        bridge = stage.open()
        await stage.log_in(bridge)
        nowhere = stage.open(
            M365_COPILOT_LOGIN_URL="http://127.0.0.1:9", M365_COPILOT_SERVICE_URL="http://127.0.0.1:9"
        )
        health = await nowhere.health()
        assert (health.state, "is this machine on the network?" in health.reason) == ("unreachable", True)
        with pytest.raises(BridgeFault) as caught:
            await anext(nowhere.login())
        assert caught.value.kind == "bridge_unreachable"

    played(scene, tmp_path)


def test_an_address_that_is_none_is_a_state_and_gets_no_token(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge = stage.open(M365_COPILOT_SERVICE_URL="http://elsewhere.example")
        health = await bridge.health()
        assert (health.state, "must begin with https://" in health.reason) == ("error", True)
        for asked in (ask(bridge), anext(bridge.login())):
            with pytest.raises(BridgeFault, match="M365_COPILOT_SERVICE_URL"):
                await asked

    played(scene, tmp_path)
