"""A session of an agent: opened, switched, asked, stopped at once and left."""

from pathlib import Path

import pytest
from msgspec import Raw

from bridges.acp.fake_agent import Scene, Stage, chunk, end, played, until
from llm_gateway.bridges.acp.session import Chunk, Session, refusal_of
from llm_gateway.bridges.acp.wire import PromptResult
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import RpcRefused

OPTION = {"configOptions": [{"id": "m", "category": "model", "options": [{"value": "a"}]}]}
MODELS = {"models": {"availableModels": [{"modelId": "a"}], "currentModelId": "a"}}
PROMPT: list[dict[str, object]] = [{"type": "text", "text": "x"}]


def test_it_is_opened_in_an_empty_folder_and_asked(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        agent = await stage.agent()
        session = await Session.open(agent, stage.tasks)
        [opened] = stage.scene.asked("session/new")
        assert opened["mcpServers"] == []
        assert {"folder": [], "mode": "0o700"} in stage.scene.noted()
        session.ask(PROMPT)
        assert await session.next() == Chunk("t", True)
        assert await session.next() == Chunk("a", False)
        result = await session.next()
        assert isinstance(result, PromptResult)
        assert result.stop_reason == "end_turn"
        session.end_soon()
        assert not session.alive
        await until(lambda: stage.scene.asked("session/close"))
        await agent.close()

    thought, tool = chunk("t", "agent_thought_chunk"), ("tool_call", [{"type": "content"}])
    played(Scene(tmp_path, [thought, tool, ("plan", None), chunk("a"), end()]), play)


@pytest.mark.parametrize(
    ("opened", "method", "told"),
    [
        (OPTION, "session/set_config_option", {"configId": "m", "value": "a"}),
        (MODELS, "session/set_model", {"modelId": "a"}),
    ],
)
def test_it_is_switched_as_it_can_be(
    opened: dict[str, object], method: str, told: dict[str, object], tmp_path: Path
) -> None:
    async def play(stage: Stage) -> None:
        stage.scene.environ(opened=opened)
        agent = await stage.agent()
        session = await Session.open(agent, stage.tasks)
        assert session.models == (("a", ""),)
        await session.choose("a")
        assert stage.scene.asked(method) == [{"sessionId": "s1", **told}]
        await agent.close()

    played(Scene(tmp_path), play)


def test_it_is_stopped_at_once_and_closed_when_it_has_stopped(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        agent = await stage.agent()
        session = await Session.open(agent, stage.tasks)
        session.ask(PROMPT)
        assert await session.next() == Chunk("a", False)
        session.end_soon()
        await until(lambda: stage.scene.asked("session/cancel"))
        await until(lambda: stage.scene.asked("session/close"))
        assert agent.alive
        await agent.close()

    played(Scene(tmp_path, [chunk("a")]), play)


def test_what_is_left_of_a_turn_is_not_of_the_next(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        agent = await stage.agent()
        session = await Session.open(agent, stage.tasks)
        session.ask(PROMPT)
        assert isinstance(await session.next(), PromptResult)
        session.heard("agent_message_chunk", Raw(b'{"type":"text","text":"late"}'))
        session.ask(PROMPT)
        assert await session.next() == Chunk("b", False)
        await agent.close()

    played(Scene(tmp_path, [end()], [chunk("b"), end()]), play)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-32000, "auth_required"),
        (401, "auth_required"),
        (403, "not_entitled"),
        (429, "rate_limited"),
        (-32603, "bridge_failed"),
    ],
)
def test_a_turn_that_is_refused_is_the_fault_that_it_means(code: int, kind: str, tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.scene.environ(refused={"session/prompt": code})
        agent = await stage.agent()
        session = await Session.open(agent, stage.tasks)
        session.ask(PROMPT)
        with pytest.raises(BridgeFault) as told:
            await session.next()
        assert told.value.kind == kind
        assert "s3cret" not in told.value.message
        await agent.close()

    assert refusal_of(RpcRefused("x", code, "s3cret")).kind == kind
    played(Scene(tmp_path), play)


def test_it_knows_when_the_agent_has_ended(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        agent = await stage.agent()
        session = await Session.open(agent, stage.tasks)
        session.ask(PROMPT)
        with pytest.raises(BridgeFault):
            await session.next()
        session.end_soon()
        await agent.close()

    played(Scene(tmp_path, [("exit", {})]), play)
