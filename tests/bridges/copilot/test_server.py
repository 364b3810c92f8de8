"""The one process that runs: shared, started again when it is gone, had anew for another login."""

import asyncio
from pathlib import Path

import psutil
import pytest

from bridges.copilot.copilot_stage import Stage, played, until
from bridges.copilot.fake_cli import Scene
from llm_gateway.bridges.copilot.server import Server
from llm_gateway.bridges.faults import BridgeFault


def test_whoever_asks_gets_the_same_one(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        server = Server(stage.program, stage.tasks, stage.clock)
        one, two = await asyncio.gather(server.get(), server.get())
        assert one is two
        await server.end()
        assert not one.alive
        again = await server.get()
        assert again is not one
        await server.close()
        assert not again.alive
        await server.close()

    played(Scene(tmp_path), play)


def test_a_start_goes_on_when_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        server = Server(stage.program, stage.tasks, stage.clock)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await server.get()
        assert (await server.get()).alive
        assert len(stage.scene.asked("connect")) == 1
        await server.close()

    played(Scene(tmp_path), play)


def test_one_that_has_ended_or_did_not_start_is_started_again(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        server = Server(stage.program, stage.tasks, stage.clock)
        stage.scene.environ(protocol=9)
        with pytest.raises(BridgeFault):
            await server.get()
        stage.scene.environ(protocol=3)
        runtime = await server.get()
        psutil.Process(runtime.pid).kill()
        await until(lambda: not runtime.alive)
        assert (await server.get()).alive
        await server.close()

    played(Scene(tmp_path), play)


def test_another_takes_its_place_once_it_is_old(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        server = Server(stage.program, stage.tasks, stage.clock)
        old = await server.get()
        server.renew_soon()
        await asyncio.sleep(0)
        assert await server.get() is old, "it is a new one itself"
        stage.clock.advance(60)
        server.renew_soon()
        assert await server.get() is old, "it answers until the other does"
        await until(lambda: not old.alive)
        assert (await server.get()).alive
        stage.clock.advance(60)
        stage.scene.environ(protocol=9)
        server.renew_soon()
        await until(lambda: len(stage.scene.asked("connect")) == 3)
        await server.close()

    played(Scene(tmp_path), play)
