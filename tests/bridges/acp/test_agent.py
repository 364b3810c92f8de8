"""An agent's process: greeted honestly, given nothing, refused what it wants, and ended."""

import asyncio
from pathlib import Path

import psutil
import pytest
from msgspec import Raw

from bridges.acp.fake_agent import Scene, Stage, chunk, played, until
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import RpcRefused

REJECT = [{"optionId": "yes", "kind": "allow_once"}, {"optionId": "no", "kind": "reject_once"}]


class _Listener:
    def __init__(self) -> None:
        self.events: asyncio.Queue[str] = asyncio.Queue()

    def heard(self, kind: str, content: Raw) -> None:
        self.events.put_nowait(f"{kind} {bytes(content).decode()}")

    def gone(self, fault: BridgeFault) -> None:
        self.events.put_nowait(fault.kind)


def _prompt(text: str = "x") -> dict[str, object]:
    return {"sessionId": "s1", "prompt": [{"type": "text", "text": text}]}


def test_it_learns_who_we_are_and_that_it_gets_nothing(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        agent = await stage.agent()
        [greeting] = stage.scene.asked("initialize")
        assert greeting["protocolVersion"] == 1
        able = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
        assert greeting["clientCapabilities"] == able
        assert "llm_gateway" in str(greeting["clientInfo"])
        started = stage.scene.noted()[0]
        assert started["argv"] == ["acp"]
        assert "OPENAI_API_KEY" not in str(started["environ"])
        assert (agent.version, agent.alive, agent.told.sees) == ("7", True, True)
        pid = agent.pid
        await agent.close()
        assert not agent.alive
        assert not psutil.pid_exists(pid)

    played(Scene(tmp_path), play)


@pytest.mark.fault("B2")
@pytest.mark.parametrize(
    "changes", [{"greeting": {"protocolVersion": 2}}, {"refused": {"initialize": -32603}}]
)
def test_one_of_another_version_is_told_apart(changes: dict[str, object], tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.scene.environ(**changes)
        with pytest.raises(BridgeFault) as told:
            await stage.agent()
        assert told.value.kind == "version_mismatch"
        assert "s3cret" not in told.value.message

    played(Scene(tmp_path), play)


@pytest.mark.parametrize(
    ("method", "options", "answer"),
    [
        ("session/request_permission", REJECT, {"outcome": {"outcome": "selected", "optionId": "no"}}),
        ("session/request_permission", REJECT[:1], {"outcome": {"outcome": "cancelled"}}),
        ("session/request_permission", "odd", {"outcome": {"outcome": "cancelled"}}),
        ("fs/read_text_file", [], None),
        ("terminal/create", [], None),
    ],
)
def test_what_it_wants_is_not_done(method: str, options: object, answer: object, tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.scene.environ(options=options)
        agent = await stage.agent()
        stage.tasks.start("ask", _asked(agent))
        await until(lambda: [each for each in stage.scene.noted() if each.get("result") or each.get("error")])
        [given] = [each for each in stage.scene.noted() if each.get("result") or each.get("error")]
        assert given["result"] == answer
        assert bool(given["error"]) is (answer is None)
        await agent.close()

    async def _asked(agent: object) -> None:
        try:
            await agent.ask("session/prompt", _prompt(), Raw, within=None)  # type: ignore[attr-defined]
        except BridgeFault:
            pass

    played(Scene(tmp_path, [("ask", method)]), play)


def test_what_it_says_goes_to_the_session_that_it_is_of(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        agent = await stage.agent()
        mine, other = _Listener(), _Listener()
        agent.join("s1", mine)
        agent.join("s2", other)
        with pytest.raises(BridgeFault):
            await agent.ask("session/prompt", _prompt(), Raw)
        assert await mine.events.get() == 'agent_message_chunk {"type": "text", "text": "a"}'
        assert await mine.events.get() == await other.events.get() == "bridge_failed"
        agent.part("s1")
        await agent.close()

    played(Scene(tmp_path, [chunk("a"), ("exit", {})]), play)


def test_every_session_has_an_empty_folder_of_its_own(tmp_path: Path) -> None:
    folders: list[str] = []

    async def play(stage: Stage) -> None:
        agent = await stage.agent()
        folders.extend((agent.folder(), agent.folder()))
        await agent.close()

    played(Scene(tmp_path), play)
    one, two = folders
    assert one != two
    assert not Path(one).exists()


def test_a_refusal_is_told_and_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.scene.environ(refused={"session/new": -32000})
        agent = await stage.agent()
        with pytest.raises(RpcRefused):
            await agent.ask("session/new", {"cwd": agent.folder()}, Raw)
        agent.kill()
        await until(lambda: not agent.alive)
        with pytest.raises(BridgeFault):
            await agent.tell("session/cancel", {})
        await agent.close()

    played(Scene(tmp_path), play)
