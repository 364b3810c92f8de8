"""What each vendor's bridge says of its quota becomes a window: the real bridges, fake vendors."""

from pathlib import Path

import pytest

from bridges.chatgpt import chatgpt_stage
from bridges.chatgpt.fake_vendor import sharing
from bridges.claude import claude_stage
from bridges.codex import codex_stage, fake_codex
from bridges.copilot import copilot_stage, fake_cli
from bridges.m365 import m365_stage
from bridges.m365.fake_vendor import Refusal
from fakes import FakeClock
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Health
from llm_gateway.pipeline.quotas import OPEN, REACHED, Quotas

RESETS = 1_700_003_600


def told(*healths: Health) -> dict[str, tuple[float, str]]:
    """Return the windows after a bridge was so, and so, and so."""
    quotas = Quotas(FakeClock(), b"p" * 32)
    for health in healths:
        quotas.heard("bridge", health)
    samples, _ = quotas.changes()
    return {each.name: (each.used, each.status) for each in samples}


def test_claude_code_says_it_with_a_turn(tmp_path: Path) -> None:
    windows = {
        "five_hour": {"utilization": 0.25, "resetsAt": RESETS, "status": "allowed"},
        "seven_day": {"utilization": 0.5},
        "overage": {"utilization": 0.1},
    }
    limits: claude_stage.Json = {
        "type": "rate_limit_event",
        "rate_limit_info": {"status": "allowed", "unifiedWindows": windows},
    }

    async def scene(stage: claude_stage.Stage) -> None:
        before = await stage.bridge.health()
        assert told(before) == {}, "nothing before the first turn"
        stage.sessions([[limits, *claude_stage.says("one"), claude_stage.END]])
        await stage.turn(claude_stage.user("u1"))
        assert told(await stage.bridge.health()) == {
            "5 hours": (0.25, "allowed"),
            "7 days": (0.5, ""),
            "extra usage": (0.1, ""),
        }

    claude_stage.played(tmp_path, scene)


def test_codex_says_it_when_it_is_asked(tmp_path: Path) -> None:
    limits = {
        "primary": {"usedPercent": 42, "windowDurationMins": 300, "resetsAt": RESETS},
        "secondary": {"usedPercent": 7, "windowDurationMins": 10080},
        "credits": {"hasCredits": True, "unlimited": False, "balance": "12.50"},
        "individualLimit": {"limit": "100", "used": "25", "remainingPercent": 75, "resetsAt": RESETS},
    }

    async def act(stage: codex_stage.Stage) -> None:
        assert told(await stage.bridge.health()) == {
            "5 hours": (0.42, ""),
            "7 days": (0.07, ""),
            "credits": (0.0, "12.50 left"),
            "spend limit": (0.25, ""),
        }

    answers = {"account/rateLimits/read": {"result": {"rateLimits": limits}}}
    codex_stage.played(fake_codex.Scene(tmp_path, answers=answers), act)


def test_copilot_says_it_by_its_own_names(tmp_path: Path) -> None:
    async def play(stage: copilot_stage.Stage) -> None:
        assert told(await stage.bridge.health()) == {
            "chat": (0.0, "unlimited"),
            "premium_interactions": (0.75, ""),
        }

    scene = fake_cli.Scene(tmp_path)
    scene.told["quota"] = {
        "chat": {"isUnlimitedEntitlement": True},
        "premium_interactions": {"remainingPercentage": 25.0, "resetDate": "2026-12-01T00:00:00Z"},
    }
    copilot_stage.played(scene, play)


def test_microsoft_says_that_it_is_too_much_and_until_when(tmp_path: Path) -> None:
    async def scene(stage: m365_stage.Stage) -> None:
        stage.vendor.begins.append(Refusal(429, "TooManyRequests", fields=(("retry-after", "40"),)))
        bridge = stage.open(M365_COPILOT_ACCESS_TOKEN=stage.vendor.token())
        with pytest.raises(BridgeFault):
            await m365_stage.ask(bridge)
        limited = await bridge.health()
        assert told(limited) == {"limit": (1.0, REACHED)}
        stage.clock.advance(40)
        assert told(limited, await bridge.health()) == {"limit": (0.0, OPEN)}

    m365_stage.played(scene, tmp_path)


def test_chatgpt_says_that_the_plan_is_used_up(tmp_path: Path) -> None:
    async def scene(stage: chatgpt_stage.Stage) -> None:
        bridge = await stage.logged_in()
        assert told(await bridge.health()) == {}
        stage.vendor.turns.append(sharing("usage_limit_exceeded"))
        await chatgpt_stage.fault_of(chatgpt_stage.ask(bridge))
        assert told(await bridge.health()) == {"limit": (1.0, REACHED)}

    chatgpt_stage.played(scene, tmp_path)
