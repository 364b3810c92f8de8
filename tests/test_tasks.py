"""Background tasks are owned: referenced, named, cancelled at the end, and their failures heard of."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest

from llm_gateway.tasks import Tasks

Failures = list[tuple[str, BaseException]]


def play(scene: Callable[[Tasks], Awaitable[None]]) -> Failures:
    """Run a scene and return the failures that were reported."""
    failures: Failures = []

    async def run() -> None:
        tasks = Tasks(lambda name, error: failures.append((name, error)))
        try:
            await scene(tasks)
        finally:
            await tasks.close()

    asyncio.run(run())
    return failures


def test_a_task_is_kept_until_it_ends() -> None:
    async def scene(tasks: Tasks) -> None:
        ended = asyncio.Event()
        go_on = asyncio.Event()

        async def work() -> None:
            await go_on.wait()
            ended.set()

        tasks.start("work", work())
        gc.collect()  # the loop itself holds its tasks only weakly
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait_for(ended.wait(), 5)

    assert play(scene) == []


def test_a_failure_is_reported_with_the_name_of_its_task() -> None:
    async def scene(tasks: Tasks) -> None:
        async def work() -> None:
            raise ValueError("no")

        task = tasks.start("look around", work())
        with pytest.raises(ValueError, match="no"):
            await task

    ((name, error),) = play(scene)
    assert name == "look around" and str(error) == "no"


def test_closing_cancels_what_runs_and_waits_for_it() -> None:
    steps: list[str] = []

    async def scene(tasks: Tasks) -> None:
        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                steps.append("cleaned up")

        tasks.start("work", work())
        await asyncio.sleep(0)
        await tasks.close()
        steps.append("closed")

    assert play(scene) == []
    assert steps == ["cleaned up", "closed"]


def test_a_task_that_fails_while_it_is_cancelled_is_heard_of() -> None:
    async def scene(tasks: Tasks) -> None:
        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise OSError("disk full")

        tasks.start("write", work())
        await asyncio.sleep(0)

    ((name, error),) = play(scene)
    assert name == "write" and isinstance(error, OSError)
