"""The CLI's server: who we say we are, which versions are known, files and permissions, and its end."""

import asyncio
from pathlib import Path

import psutil
import pytest
from msgspec import Raw

from bridges.copilot.copilot_stage import Stage, played, until
from bridges.copilot.fake_cli import PROMPTED, Scene, piece
from llm_gateway.bridges.copilot.events import Event, Piece
from llm_gateway.bridges.copilot.files import TRANSCRIPT, Files
from llm_gateway.bridges.copilot.runtime import Runtime
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import RpcRefused


class _Listener:
    def __init__(self) -> None:
        self.files = Files("told\n")
        self.events: asyncio.Queue[Event | BridgeFault] = asyncio.Queue()

    def heard(self, event: Event) -> None:
        self.events.put_nowait(event)

    def gone(self, fault: BridgeFault) -> None:
        self.events.put_nowait(fault)


def _answers(scene: Scene) -> list[dict[str, object]]:
    """Return what the program was answered."""
    return [each for each in scene.asked() if each.get("result") is not None or each.get("error")]


def test_it_is_told_who_we_are_and_where_its_files_are(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        assert (runtime.version, runtime.alive) == ("1.0.102", True)
        started, *_ = stage.scene.asked()
        assert started["argv"] == ["--headless", "--stdio", "--no-auto-update", "--log-level", "none"]
        [greeting] = stage.scene.asked("connect")
        assert greeting["clientInfo"]["editorName"] == "llm_gateway"  # type: ignore[index]
        [where] = stage.scene.asked("sessionFs.setProvider")
        assert where == {"initialCwd": started["cwd"], "sessionStatePath": "/state", "conventions": "posix"}
        pid = runtime.pid
        await runtime.close()
        assert not runtime.alive
        assert not psutil.pid_exists(pid)

    played(Scene(tmp_path), play)


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": 4},
        {"refused": {"connect": "?"}},
        {"refused": {"sessionFs.setProvider": "Unhandled method"}},
    ],
)
def test_one_of_another_version_is_told_apart(changes: dict[str, object], tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        stage.scene.environ(**changes)
        with pytest.raises(BridgeFault) as told:
            await Runtime.start(stage.program, stage.tasks)
        assert told.value.kind == "version_mismatch"
        assert told.value.action is not None

    played(Scene(tmp_path), play)


def test_files_are_ours_and_nothing_else_is_done_for_it(tmp_path: Path) -> None:
    wants = [
        ("ask", {"method": "sessionFs.appendFile", "params": {"path": TRANSCRIPT, "content": "more\n"}}),
        ("ask", {"method": "sessionFs.readFile", "params": {"path": TRANSCRIPT}}),
        ("ask", {"method": "sessionFs.sqliteQuery", "params": {"query": "x"}}),
        ("ask", {"method": "userInput.request", "params": {"question": "?"}}),
        ("ask", {"method": "sessionFs.readFile", "params": {"path": TRANSCRIPT, "sessionId": "other"}}),
    ]

    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        runtime.join("s", _Listener())
        await runtime.ask(PROMPTED, {"sessionId": "s"}, Raw)
        await until(lambda: len(_answers(stage.scene)) == 4)
        read, database, question, other = _answers(stage.scene)
        assert read["result"] == {"content": "told\nmore\n"}
        assert [each["error"]["code"] for each in (database, question, other)] == [-32603, -32601, -32603]  # type: ignore[index]
        await runtime.close()

    played(Scene(tmp_path, wants), play)


def test_what_it_wants_to_be_allowed_is_declined(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        runtime.join("s", _Listener())
        await runtime.ask(PROMPTED, {"sessionId": "s"}, Raw)
        method = "session.permissions.handlePendingPermissionRequest"
        await until(lambda: stage.scene.asked(method))
        assert stage.scene.asked(method) == [
            {"sessionId": "s", "requestId": "p", "result": {"kind": "reject"}}
        ]
        await runtime.close()

    played(Scene(tmp_path, [("permission.requested", {"requestId": "p"})]), play)


def test_events_go_to_the_session_that_they_are_of_until_it_parts(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        mine, other = _Listener(), _Listener()
        runtime.join("mine", mine)
        runtime.join("other", other)
        await runtime.ask(PROMPTED, {"sessionId": "mine"}, Raw)
        assert await mine.events.get() == Piece("m1", "a")
        runtime.part("mine")
        await runtime.ask(PROMPTED, {"sessionId": "mine"}, Raw)
        fault = await other.events.get()
        assert isinstance(fault, BridgeFault), "it has ended"
        assert mine.events.empty()
        with pytest.raises(BridgeFault):
            await runtime.ask("status.get", {}, Raw)
        await runtime.close()

    odd = ("assistant.message_delta", {"another": "form"})
    played(Scene(tmp_path, [odd, piece("a")], [piece("b"), ("end", {})]), play)


def test_a_refusal_is_told_and_a_method_that_it_does_not_know_is_another_version(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        with pytest.raises(RpcRefused):
            await runtime.ask("models.list", {}, Raw)
        with pytest.raises(BridgeFault, match="does not know"):
            await runtime.ask("account.getQuota", {}, Raw)
        await runtime.close()

    scene = Scene(tmp_path)
    scene.told["refused"] = {"models.list": "no", "account.getQuota": "Unhandled method account.getQuota"}
    played(scene, play)


def test_without_the_keychain_it_is_told_so(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await (await Runtime.start(stage.program, stage.tasks, keychain=False)).close()
        assert "COPILOT_DISABLE_KEYTAR" in stage.scene.asked()[0]["environ"]  # type: ignore[operator]

    played(Scene(tmp_path), play)
