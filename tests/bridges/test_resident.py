"""A program that stays: shared, started again when it is gone, had anew for another login."""

import asyncio
from pathlib import Path

import psutil
import pytest

from bridges.copilot.copilot_stage import Stage, played, until
from bridges.copilot.fake_cli import Scene
from llm_gateway.bridges.copilot.runtime import Runtime
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.resident import Resident
from llm_gateway.tasks import Tasks


def _resident(stage: Stage) -> Resident[Runtime]:
    async def start() -> Runtime:
        return await Runtime.start(stage.program, stage.tasks)

    return Resident("the program", start, stage.tasks, stage.clock)


def test_whoever_asks_gets_the_same_one(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        resident = _resident(stage)
        one, two = await asyncio.gather(resident.get(), resident.get())
        assert one is two
        await resident.end()
        assert not one.alive
        again = await resident.get()
        assert again is not one
        await resident.close()
        assert not again.alive
        await resident.close()

    played(Scene(tmp_path), play)


def test_a_start_goes_on_when_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        resident = _resident(stage)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await resident.get()
        assert (await resident.get()).alive
        assert len(stage.scene.asked("connect")) == 1
        await resident.close()

    played(Scene(tmp_path), play)


def test_one_that_has_ended_or_did_not_start_is_started_again(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        resident = _resident(stage)
        stage.scene.environ(protocol=9)
        with pytest.raises(BridgeFault):
            await resident.get()
        stage.scene.environ(protocol=3)
        runtime = await resident.get()
        psutil.Process(runtime.pid).kill()
        await until(lambda: not runtime.alive)
        assert (await resident.get()).alive
        await resident.close()

    played(Scene(tmp_path), play)


def test_a_defect_of_one_start_is_none_of_the_next(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        tries: list[int] = []
        failures: list[BaseException] = []
        tasks = Tasks(lambda _, failure: failures.append(failure))

        async def start() -> Runtime:
            tries.append(len(tries))
            if len(tries) == 1:
                raise KeyError("version")
            return await Runtime.start(stage.program, tasks)

        resident = Resident("the program", start, tasks, stage.clock)
        with pytest.raises(KeyError):
            await resident.get()
        assert (await resident.get()).alive
        await resident.close()
        await tasks.close()
        assert len(failures) == 1 and len(tries) == 2

    played(Scene(tmp_path), play)


def test_another_takes_its_place_once_it_is_old(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        resident = _resident(stage)
        old = await resident.get()
        resident.renew_soon()
        await asyncio.sleep(0)
        assert await resident.get() is old, "it is a new one itself"
        stage.clock.advance(60)
        resident.renew_soon()
        assert await resident.get() is old, "it answers until the other does"
        await until(lambda: not old.alive)
        assert (await resident.get()).alive
        stage.clock.advance(60)
        stage.scene.environ(protocol=9)
        resident.renew_soon()
        await until(lambda: len(stage.scene.asked("connect")) == 3)
        await resident.close()

    played(Scene(tmp_path), play)
