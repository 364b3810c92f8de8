"""Those who wait together are served by one sync, and nobody is told that it is safe before it is."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.commit import GroupCommit


class Disk:
    """A disk that syncs when it is let: `written` is what there is, each call reaches what there was."""

    def __init__(self) -> None:
        self.written = 0
        self.calls = 0
        self.error: OSError | None = None
        self.started = threading.Semaphore(0)
        self.allowed = threading.Semaphore(0)

    def sync(self) -> int:
        end = self.written
        self.calls += 1
        self.started.release()
        self.allowed.acquire()
        if self.error is not None:
            raise self.error
        return end


def play(scene: Callable[[Disk, GroupCommit, list[BaseException]], Awaitable[None]]) -> None:
    async def run() -> None:
        disk, failures = Disk(), list[BaseException]()
        commit = GroupCommit(disk.sync, failures.append)
        try:
            await scene(disk, commit, failures)
        finally:
            disk.allowed.release(10)
            commit.close()

    asyncio.run(run())


def test_who_comes_during_a_sync_waits_for_the_next_one_together() -> None:
    async def scene(disk: Disk, commit: GroupCommit, _: list[BaseException]) -> None:
        async with asyncio.TaskGroup() as group:
            disk.written = 1
            first = group.create_task(commit.until(1))
            await asyncio.to_thread(disk.started.acquire)
            disk.written = 4
            later = [group.create_task(commit.until(position)) for position in (2, 3, 4)]
            disk.allowed.release()
            await first
            assert not any(task.done() for task in later)
            disk.allowed.release()
        assert disk.calls == 2

    play(scene)


def test_a_sync_that_fails_is_told_to_all_who_waited_and_to_the_owner() -> None:
    async def scene(disk: Disk, commit: GroupCommit, failures: list[BaseException]) -> None:
        disk.error = OSError(5, "broken")
        disk.allowed.release()
        results = await asyncio.gather(commit.until(1), commit.until(2), return_exceptions=True)
        assert [type(result) for result in results] == [LedgerUnavailable] * 2
        assert failures == [disk.error]
        disk.error, disk.written = None, 3
        disk.allowed.release()
        await commit.until(3)

    play(scene)


def test_one_who_stops_waiting_does_not_disturb_the_others() -> None:
    async def scene(disk: Disk, commit: GroupCommit, _: list[BaseException]) -> None:
        disk.written = 2
        async with asyncio.TaskGroup() as group:
            leaves, stays = group.create_task(commit.until(1)), group.create_task(commit.until(2))
            await asyncio.to_thread(disk.started.acquire)
            leaves.cancel()
            disk.allowed.release()
            await stays

    play(scene)


def test_after_the_end_nobody_waits_for_ever() -> None:
    async def scene(disk: Disk, commit: GroupCommit, _: list[BaseException]) -> None:
        disk.written = 1
        async with asyncio.TaskGroup() as group:
            first = group.create_task(commit.until(1))
            await asyncio.to_thread(disk.started.acquire)
            late = group.create_task(expect_refusal(commit.until(2)))
            await asyncio.sleep(0)
            disk.allowed.release()
            await asyncio.to_thread(commit.close)
            await first
            await late

    async def expect_refusal(waiting: Awaitable[None]) -> None:
        with pytest.raises(LedgerUnavailable, match="shutting down"):
            await waiting

    play(scene)
