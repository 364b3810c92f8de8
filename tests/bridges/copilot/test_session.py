"""A session: what it is opened with, asked, answered with, and that nothing of it stays when it is left."""

from pathlib import Path

import pytest
from msgspec import Raw

from bridges.copilot.copilot_stage import Stage, played, until
from bridges.copilot.fake_cli import Scene, piece
from llm_gateway.bridges.copilot.events import Piece
from llm_gateway.bridges.copilot.plan import Prompt
from llm_gateway.bridges.copilot.runtime import Runtime
from llm_gateway.bridges.copilot.session import Manner, Session, new_id
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import RpcRefused
from llm_gateway.canonical.parts import Image, Inline, Text, ToolResult
from llm_gateway.canonical.request import Format, FunctionTool

PIXEL = Image(Inline("QUJD", "image/png"))


def test_it_is_a_plain_model_with_the_tools_of_the_client(tmp_path: Path) -> None:
    tool = FunctionTool("bash", "d", Raw(b'{"type":"object"}'))

    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        manner = Manner("m", "S", (tool, FunctionTool("none")), "high", "none")
        session = await Session.open(runtime, manner, stage.tasks)
        [opening] = stage.scene.asked("session.create")
        assert opening["systemMessage"] == {"mode": "replace", "content": "S"}
        assert opening["clientName"] == "llm_gateway"
        assert (opening["reasoningEffort"], opening["reasoningSummary"]) == ("high", "none")
        assert opening["availableTools"] == ["custom:*"]
        usual = {"skipPermission": True, "overridesBuiltInTool": True}
        assert opening["tools"] == [
            {"name": "bash", "description": "d", "parameters": {"type": "object"}, **usual},
            {"name": "none", "description": "", "parameters": {"type": "object", "properties": {}}, **usual},
        ]
        [later] = stage.scene.asked("session.options.update")
        assert later["skipCustomInstructions"] is True
        session.end_soon()
        await until(lambda: stage.scene.asked("session.detach"))
        await Session.open(runtime, Manner("m", ""), stage.tasks)
        plain = stage.scene.asked("session.create")[1]
        assert (plain["tools"], plain["availableTools"]) == ([], [])
        assert "reasoningEffort" not in plain
        await runtime.close()

    played(Scene(tmp_path), play)


def test_it_is_asked_with_pictures_and_a_form(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        session = await Session.open(runtime, Manner("m", ""), stage.tasks)
        form = Format("schema", "n", "d", Raw(b'{"type":"object"}'), strict=True)
        await session.ask(Prompt("p", (PIXEL,)), form)
        assert await session.next() == Piece("m1", "a")
        await session.ask(Prompt("q"), Format("json"))
        one, two = stage.scene.asked("session.send")
        told = {"name": "n", "schema": {"type": "object"}, "description": "d", "strict": True}
        assert one["responseFormat"] == {"type": "json_schema", "jsonSchema": told}
        blob = {"type": "blob", "data": "QUJD", "mimeType": "image/png", "displayName": "image 1"}
        assert one["attachments"] == [blob]
        anything = {"name": "answer", "schema": {"type": "object", "additionalProperties": True}}
        assert two == {
            "sessionId": session.id,
            "prompt": "q",
            "responseFormat": {"type": "json_schema", "jsonSchema": anything},
        }
        await runtime.close()

    played(Scene(tmp_path, [piece("a"), piece("left over")]), play)


def test_one_that_is_told_of_a_conversation_goes_on_with_its_results(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        own = new_id()
        session = await Session.open(runtime, Manner("m", ""), stage.tasks, own, "told\n")
        [opening] = stage.scene.asked("session.resume")
        assert (opening["sessionId"], opening["continuePendingWork"]) == (own, True)
        results = (
            ToolResult("c1", (Text("sunny"), PIXEL)),
            ToolResult("c2", (Text("bad"),), is_error=True),
            ToolResult("c3", (Text("nobody asked"),)),
        )
        await session.go_on(results, {"c1": "r1", "c2": "r2"})
        good, bad = stage.scene.asked("session.tools.handlePendingToolCall")
        assert good["requestId"] == "r1"
        assert good["result"] == {
            "textResultForLlm": "sunny",
            "resultType": "success",
            "binaryResultsForLlm": [{"type": "image", "data": "QUJD", "mimeType": "image/png"}],
        }
        assert bad["result"] == {"textResultForLlm": "bad", "resultType": "failure"}
        told = {"content": "told\n"}
        await until(lambda: any(each.get("result") == told for each in stage.scene.asked()))
        await runtime.close()

    played(Scene(tmp_path), play)


def test_one_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        stage.scene.environ()
        with pytest.raises(RpcRefused):
            await Session.open(runtime, Manner("m", ""), stage.tasks)
        await until(lambda: stage.scene.asked("session.detach"))
        await runtime.close()

    scene = Scene(tmp_path)
    scene.told["refused"] = {"session.create": 'Model "m" is not available.'}
    played(scene, play)


def test_it_knows_when_the_process_has_ended(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        runtime = await Runtime.start(stage.program, stage.tasks)
        session = await Session.open(runtime, Manner("m", ""), stage.tasks)
        await session.ask(Prompt("p"), None)
        with pytest.raises(BridgeFault, match="ended"):
            await session.next()
        with pytest.raises(BridgeFault):
            await session.ask(Prompt("p"), None)
        assert not session.alive
        session.end_soon()
        await runtime.close()

    played(Scene(tmp_path, [("end", {})]), play)
