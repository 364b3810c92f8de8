"""The account: login, plan, what is used of it, and its models, without whose it is."""

from pathlib import Path

import pytest

from bridges.copilot.copilot_stage import Stage, played
from bridges.copilot.fake_cli import Scene
from fakes import FakeClock
from llm_gateway.bridges.copilot.account import Account
from llm_gateway.bridges.copilot.runtime import Runtime
from llm_gateway.bridges.health import BridgeModel, Window
from llm_gateway.bridges.rpc import RpcRefused

QUOTA = {
    "chat": {"isUnlimitedEntitlement": True, "remainingPercentage": 0.0},
    "completions": {"remainingPercentage": -5.0, "overage": 3.0},
    "extra": {"remainingPercentage": 0.0, "resetDate": "soon"},
    "premium_interactions": {"remainingPercentage": 25.0, "resetDate": "2026-12-01T00:00:00Z"},
}
MODELS = [
    {
        "id": "sees",
        "name": "Sees",
        "capabilities": {
            "supports": {"vision": True},
            "limits": {"max_context_window_tokens": 128000, "max_prompt_tokens": 100000},
        },
        "supportedReasoningEfforts": ["low", "high"],
    },
    {"id": "auto", "name": "Auto", "capabilities": {}},
    {"id": "off", "name": "Off", "capabilities": {}, "policy": {"state": "disabled", "terms": ""}},
    {"id": "small", "capabilities": {"supports": {}, "limits": {"max_prompt_tokens": 8000}}},
]


def test_it_says_what_is_used_and_not_whose_it_is(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        account = Account(FakeClock())
        health = await account.health(runtime)
        assert (health.state, health.verified, health.account) == ("ok", "login_seen", "individual")
        assert health.version == "1.0.102"
        assert health.windows == (
            Window("chat", 0.0, 0, "unlimited"),
            Window("completions", 1.0, 0, "overage"),
            Window("extra", 1.0, 0, "exhausted"),
            Window("premium_interactions", 0.75, 1_796_083_200_000_000),
        )
        assert "octocat" not in repr(health)
        assert health.told_us == FakeClock().now_us()
        await runtime.close()

    scene = Scene(tmp_path)
    scene.told["quota"] = QUOTA
    played(scene, play)


def test_without_a_login_it_says_what_helps(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        health = await Account(FakeClock()).health(runtime)
        assert health.state == "auth_required"
        assert health.action is not None
        assert health.action.command == "llm-gateway login github-copilot"
        await Account(FakeClock()).log_out(runtime)
        assert not stage.scene.asked("account.logout")
        await runtime.close()

    scene = Scene(tmp_path)
    scene.told["login"] = False
    played(scene, play)


def test_a_quota_that_is_not_told_is_none(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        health = await Account(FakeClock()).health(runtime)
        assert (health.state, health.windows) == ("ok", ())
        await runtime.close()

    scene = Scene(tmp_path)
    scene.told["refused"] = {"account.getQuota": "GitHub is away"}
    played(scene, play)


def test_models_are_those_that_the_account_may_use(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        account = Account(FakeClock())
        sees, auto, small = await account.offers(runtime)
        assert sees.model == BridgeModel("sees", "Sees", 128000)
        assert (sees.sees, sees.efforts) == (True, frozenset(("low", "high")))
        assert (auto.model.context, auto.sees, auto.efforts) == (0, None, None)
        assert (small.model.context, small.sees, small.efforts) == (8000, False, frozenset())
        assert account.offer("sees") == sees
        assert account.offer("off") is None
        await runtime.close()

    scene = Scene(tmp_path)
    scene.told["models"] = MODELS
    played(scene, play)


def test_models_that_cannot_be_told_are_none(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        assert await Account(FakeClock()).offers(runtime) == ()
        await runtime.close()

    scene = Scene(tmp_path)
    scene.told["refused"] = {"models.list": "Not authenticated. Please authenticate first."}
    played(scene, play)


def test_a_login_is_taken_back_by_handing_it_back(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        await Account(FakeClock()).log_out(runtime)
        [told] = stage.scene.asked("account.logout")
        assert told["authInfo"]["login"] == "octocat"  # type: ignore[index]
        await runtime.close()

    played(Scene(tmp_path), play)


def test_a_login_that_is_not_taken_back_is_told(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        with pytest.raises(RpcRefused):
            await Account(FakeClock()).log_out(runtime)
        await runtime.close()

    scene = Scene(tmp_path)
    scene.told["refused"] = {"account.logout": "Keychain error"}
    played(scene, play)
