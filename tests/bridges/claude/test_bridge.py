"""The bridge: how it is, what it offers, and the login, which is the program's own."""

import asyncio
from pathlib import Path

import pytest

from bridges.claude.claude_stage import END, Stage, fault_of, played, says, user
from llm_gateway.bridges.claude.faults import LOG_IN
from llm_gateway.bridges.claude.program import INSTALL, LEAST
from llm_gateway.bridges.contract import Bridge, LoginStep
from llm_gateway.bridges.health import Action, BridgeModel, Health, account_mark
from llm_gateway.config.bridges import BridgeSettings

OUT = {"loggedIn": False, "authMethod": "none"}


def test_it_is_a_bridge(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bridge: Bridge = stage.bridge
        assert await bridge.health() == Health("ok", verified="login_seen", account="max", version="2.1.330")
        assert stage.started == 0, "nobody is asked anything for that"

    played(tmp_path, scene)


def test_which_account_it_is_can_be_told_and_not_whose(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        login = {"loggedIn": True, "authMethod": "claude.ai", "subscriptionType": "max"}
        stage.tell(login={**login, "email": "ada@example.org", "orgId": "org-1-of-a-person"})
        health = await stage.bridge.health()
        assert health.mark == account_mark("anthropic", "org-1-of-a-person")
        assert "ada" not in repr(health) and "org-1" not in repr(health)

    played(tmp_path, scene)


@pytest.mark.fault("B9")
def test_nobody_is_logged_in(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(login=OUT)
        health = await stage.bridge.health()
        assert (health.state, health.verified, health.version) == ("auth_required", "none", "2.1.330")
        assert health.action == Action(LOG_IN, command=f"{stage.program} auth login")

    played(tmp_path, scene)


def test_it_is_not_installed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        health = await stage.bridge.health()
        assert health.state == "not_installed"
        assert health.action == INSTALL
        assert (await fault_of(stage.turn(user("u1")))).kind == "bridge_not_installed"

    played(tmp_path, scene, BridgeSettings("claude", program=str(tmp_path / "nowhere")))


def test_it_is_too_old(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(version="2.0.1")
        health = await stage.bridge.health()
        assert (health.state, health.version, health.required) == ("version_mismatch", "2.0.1", LEAST)
        assert (await fault_of(stage.turn(user("u1")))).kind == "version_mismatch"
        assert stage.started == 0

    played(tmp_path, scene)


def test_it_offers_what_is_known(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert [model.id for model in await stage.bridge.models()] == ["sonnet", "opus", "haiku", "fable"]
        stage.sessions([[*says("one"), END]])
        await stage.turn(user("u1"))
        assert await stage.bridge.models() == (BridgeModel("opus", "Opus"),), "what the login may use"

    played(tmp_path, scene)


def test_it_offers_what_the_settings_say(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert await stage.bridge.models() == (BridgeModel("claude-x"),)

    played(tmp_path, scene, BridgeSettings("claude", models=("claude-x",)))


def test_a_login_is_the_programs_own(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(login=OUT)
        steps: list[LoginStep] = []
        async for step in stage.bridge.login():
            steps.append(step)
            stage.tell(login={"loggedIn": True, "authMethod": "claude.ai"})
        assert [step.kind for step in steps] == ["run", "done"]
        assert steps[0].command == f"{stage.program} auth login"
        assert f"{stage.program} setup-token" in steps[0].text

    played(tmp_path, scene)


def test_who_is_logged_in_already_is_done(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert [step.kind async for step in stage.bridge.login()] == ["done"]
        assert (await fault_of(stage.bridge.answered("x"))).kind == "refused"

    played(tmp_path, scene)


def test_a_logout_is_the_programs_own(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.bridge.logout()
        stage.tell(logout=1)
        assert "auth logout" in (await fault_of(stage.bridge.logout())).message

    played(tmp_path, scene)


def test_its_end_is_that_of_every_session(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one"), END]])
        await asyncio.gather(stage.turn(user("u1")), stage.turn(user("u2")))
        await stage.bridge.close()
        await stage.bridge.close()

    played(tmp_path, scene)
