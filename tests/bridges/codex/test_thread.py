"""A thread of the app server's: whether it is there still, and that its end is told to Codex."""

from pathlib import Path

import pytest
from msgspec import Raw

from bridges.codex.codex_stage import Stage, played
from bridges.codex.fake_codex import Scene
from llm_gateway.bridges.codex.thread import Thread
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import Asked


def test_its_end_is_that_of_its_turn(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        async with stage.server.use() as running:
            thread = Thread(running, "t", own_file=False)
            assert thread.alive(running)
            await thread.end()
            thread.turn = "u"
            await thread.end()

    scene = Scene(
        tmp_path, answers={"turn/interrupt": {"error": {"code": -32600, "message": "no active turn"}}}
    )
    played(scene, act)
    assert scene.methods()[-3:] == ["thread/unsubscribe", "turn/interrupt", "thread/unsubscribe"]


def test_the_end_of_the_program_is_its_own(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        async with stage.server.use() as running:
            thread = Thread(running, "t", own_file=False)
            thread.open = {"c": Asked(1, "item/tool/call", Raw(b"{}"))}
            await running.close()
            await stage.server.close()
            async with stage.server.use() as other:
                assert not thread.alive(other)
            assert not thread.alive(running)
            with pytest.raises(BridgeFault):
                await thread.answer({"c": {}})
            assert thread.open == {}
            await thread.end()

    played(Scene(tmp_path), act)
