"""The bridge to agents with real ones: Copilot before a scripted provider, others as far as the login."""

import asyncio
from pathlib import Path

import pytest

from bridges_e2e.stage import Stage, asks, environ, played
from clients_e2e.running import RefusingProxy
from llm_gateway.bridges.acp.bridge import DEFAULT
from llm_gateway.bridges.health import Health
from llm_gateway.canonical.parts import Thinking
from llm_gateway.canonical.request import FunctionTool, Request
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.errors import UnsupportedByBridge
from real_clients import Installation
from scripted import Gate, ScriptedUpstream, Send, chat
from scripted.wording import chunk, stream_head

pytestmark = pytest.mark.real_clients

MODEL = "scripted-model"
USAGE = Usage(uncached=32, cache_read=8, output=12, reasoning=2)


async def _settled(stage: Stage) -> Health:
    """Return how the bridge is, once its agent has started."""
    async with asyncio.timeout(50):
        while True:
            health = await stage.engine.look(fresh=True)
            if health.state != "starting":
                return health
            await asyncio.sleep(0.2)


def test_an_agent_answers_and_touches_nothing(
    installation: Installation, proxy: RefusingProxy, scripted: ScriptedUpstream, tmp_path: Path
) -> None:
    touched = tmp_path / "touched"

    async def scene(stage: Stage) -> None:
        health = await _settled(stage)
        assert (health.state, health.verified) == ("ok", "none")
        scripted.queue(chat.stream(chat.events(MODEL, ["one ", "two"], reasoning=["hm"])))
        first = await stage.hear(asks("hi", system="Be brief."), DEFAULT)
        assert (first.text, first.response.usage) == ("one two", USAGE)
        assert any(isinstance(part, Thinking) for part in first.response.parts)
        assert r"Be brief.\nhi" in str(scripted.asked()[0].json()["messages"])
        scripted.queue(chat.stream(chat.events(MODEL, ["three"])))
        second = await stage.hear(asks("hi", first.text, "go on", system="Be brief."), DEFAULT)
        assert (second.text, second.response.usage) == ("three", USAGE)
        assert "<conversation>" not in str(scripted.asked()[1].json()["messages"]), "it is in its session"
        told = chat.tool_call("bash", {"command": f"touch {touched}", "description": "x"}, "c1")
        scripted.queue(chat.stream(chat.events(MODEL, tool_calls=[told])))
        assert (await stage.hear(asks("touch it"), DEFAULT)).status == 200, "it ends such a turn in words"
        assert not touched.exists(), "what it wants to be allowed is rejected"
        with pytest.raises(UnsupportedByBridge):
            await stage.hear(Request(asks("hi").messages, tools=(FunctionTool("look"),)), DEFAULT)
        scripted.forget()
        begin = stream_head() + b"".join(map(chunk, chat.events(MODEL, ["one ", "two "])[:2]))
        scripted.queue((Send(begin), Gate("never")))
        answer = await stage.begin(asks("x"), DEFAULT)
        await answer.arrive()
        answer.release()
        await asyncio.to_thread(scripted.wait_closed, scripted.asked()[-1].connection, 2.0)
        scripted.open("never")

    provider = f"COPILOT_PROVIDER_BASE_URL={scripted.url}/v1"
    alone = ("COPILOT_OFFLINE=true", f"COPILOT_MODEL={MODEL}", "COPILOT_PROVIDER_API_KEY=k")
    settings = BridgeSettings("agent", command=("env", provider, *alone, "copilot", "--acp"))
    played(settings, environ(installation, tmp_path, proxy), tmp_path, scene)


@pytest.mark.parametrize(
    ("command", "way"), [(("copilot", "--acp"), "copilot login"), (("gemini", "--acp"), "Log in with")]
)
def test_without_a_login_an_agent_says_how_to_log_in(
    command: tuple[str, ...], way: str, installation: Installation, proxy: RefusingProxy, tmp_path: Path
) -> None:
    async def scene(stage: Stage) -> None:
        health = await _settled(stage)
        assert health.state == "auth_required"
        assert health.action is not None
        assert way in health.action.text
        refused = await stage.hear(asks("x"), DEFAULT)
        assert (refused.status, refused.kind) == (401, "auth_required")

    played(
        BridgeSettings("agent", command=command, enabled=True),
        environ(installation, tmp_path, proxy),
        tmp_path,
        scene,
    )


def test_an_agent_that_costs_an_account_is_left_off(
    installation: Installation, proxy: RefusingProxy, tmp_path: Path
) -> None:
    async def scene(stage: Stage) -> None:
        health = await stage.engine.look(fresh=True)
        assert health.state == "disabled"
        assert "Google suspends accounts" in health.reason
        assert (await stage.hear(asks("x"), DEFAULT)).kind == "bridge_disabled"

    settings = BridgeSettings("agent", command=("gemini", "--acp"))
    played(settings, environ(installation, tmp_path, proxy), tmp_path, scene)
