"""Bridges are looked at from time to time, and whoever wants to know is told."""

import asyncio

from bridge_stage import Stage, played
from llm_gateway.bridges.attending import Attending
from llm_gateway.bridges.engine import BridgeEngine
from llm_gateway.bridges.health import Health


def test_each_look_is_told() -> None:
    async def scene(stage: Stage) -> None:
        told: list[tuple[str, str]] = []

        def hear(name: str, engine: BridgeEngine, health: Health) -> None:
            told.append((name, health.state))

        attending = Attending({"b": stage.engine}, hear)
        assert attending.last("b") is None
        assert (await attending.look_at_all())["b"].state == "ok"
        stage.bridge.state = Health("auth_required", "nobody is logged in")
        assert (await attending.look("b")).state == "ok", "it was looked at a moment ago"
        assert (await attending.look("b", fresh=True)).state == "auth_required"
        assert told == [("b", "ok"), ("b", "ok"), ("b", "auth_required")]
        assert attending.last("b") == await stage.engine.look()

    played(scene)


def test_it_begins_with_a_look() -> None:
    async def scene(stage: Stage) -> None:
        looked = asyncio.Event()
        attending = Attending({"b": stage.engine}, lambda *told: looked.set())
        stage.tasks.start("attend", attending.attend())
        await looked.wait()
        assert stage.bridge.looks == 1

    played(scene)
