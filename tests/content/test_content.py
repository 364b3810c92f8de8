"""Content while the gateway runs: kept at once, and never in the way of an answer."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import Failures
from llm_gateway.content.content import Content
from llm_gateway.content.rows import database_of
from llm_gateway.content.safe import DAY_US, Safe, Where
from llm_gateway.errors import ContentDamaged, ContentUnavailable


class Scene:
    def __init__(self, home: Path, patience: float) -> None:
        self.home = home
        self.clock = FakeClock()
        self.failures = Failures()
        self.content = Content(Where(home), self.clock, self.failures, most_days=30, patience=patience)

    def lock(self) -> "closing[sqlite3.Connection]":
        """Hold the database as somebody else would."""
        connection = sqlite3.connect(database_of(self.home), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        return closing(connection)


def play(home: Path, scene: Callable[[Scene], Awaitable[None]], *, patience: float = 5.0) -> None:
    async def run() -> None:
        stage = Scene(home, patience)
        try:
            await scene(stage)
        finally:
            await stage.content.close()

    asyncio.run(run())


def test_kept_fetched_deleted_erased(tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        content = stage.content
        assert await content.fetch("key_1", "response", "a") is None
        assert not await content.delete("key_1", "response", "a")
        for name in "abc":
            assert await content.keep("key_1", "response", name, name.encode(), 3)
        assert await content.fetch("key_1", "response", "a") == b"a"
        assert await content.delete("key_1", "response", "a")
        assert await content.fetch("key_1", "response", "a") is None
        assert await content.keep("key_1", "response", "b", b"b", 3, ["item"])
        assert await content.fetch_named("key_1", "response", "item") == b"b"
        assert [total[:2] for total in await content.totals()] == [("key_1", 2)]
        assert await content.erase("key_1") == 2
        assert stage.failures == [] and content.not_kept == 0

    play(tmp_path, scene)


def test_the_setting_bounds_what_a_key_says(tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        await stage.content.keep("key_1", "response", "a", b"a", 90)
        stage.clock.now += 30 * DAY_US
        assert await stage.content.fetch("key_1", "response", "a") is None
        stage.content.most_days = 0
        assert not await stage.content.keep("key_1", "response", "b", b"b", 90)

    play(tmp_path, scene)


def test_a_database_that_is_held_fails_no_answer_and_is_told_of_once(tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        content = stage.content
        await content.prepare()
        with stage.lock():
            assert not await content.keep("key_1", "response", "a", b"a", 3)
            assert not await content.keep("key_1", "response", "b", b"b", 3)
            assert _fails(content) and content.not_kept == 2
        assert [what for what, _ in stage.failures] == ["content.keep"]
        assert await content.keep("key_1", "response", "a", b"a", 3)
        assert await content.fetch("key_1", "response", "b") is None
        assert not _fails(content)

    play(tmp_path, scene)


def test_whoever_waits_too_long_goes_on(tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        await stage.content.prepare()
        with stage.lock():
            assert not await stage.content.keep("key_1", "response", "a", b"a", 3)
            assert isinstance(stage.content.failure, ContentUnavailable)
            with pytest.raises(ContentUnavailable, match="took over"):
                await stage.content.prepare()
        async with asyncio.timeout(5):
            while not await stage.content.keep("key_1", "response", "a", b"a", 3):
                pass

    play(tmp_path, scene, patience=0.05)


def test_what_cannot_be_opened_is_told_to_whoever_asks(tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        await stage.content.keep("key_1", "response", "a", b"a", 3)
        with closing(sqlite3.connect(database_of(stage.home))) as connection, connection:
            connection.execute("UPDATE kept SET sealed = x'01'")
        with pytest.raises(ContentDamaged):
            await stage.content.fetch("key_1", "response", "a")
        assert await stage.content.delete("key_1", "response", "a")

    play(tmp_path, scene)


def test_why_something_cannot_be_read_is_for_the_log(tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        await stage.content.keep("key_1", "response", "a", b"a", 3)
        with stage.lock():
            for _ in range(2):
                with pytest.raises(ContentUnavailable, match="log of the gateway") as told:
                    await stage.content.delete("key_1", "response", "a")
                assert str(tmp_path) not in told.value.message
        ((what, error),) = stage.failures
        assert what == "content.fetch" and str(tmp_path) in str(error)
        assert await stage.content.fetch("key_1", "response", "a") == b"a"

    play(tmp_path, scene)


def test_a_master_key_that_is_gone_is_told_of_at_the_start(tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        looking = asyncio.get_running_loop().create_task(stage.content.look_after())
        async with asyncio.timeout(5):
            while not stage.failures:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        looking.cancel()
        ((what, error),) = stage.failures
        assert what == "content" and "master key is missing" in str(error)

    before = Safe(Where(tmp_path), FakeClock())
    before.keep("key_1", "response", "a", b"a", 3)
    before.close()
    (tmp_path / "master-key").unlink()
    play(tmp_path, scene)


def test_what_has_expired_is_pruned_while_it_runs(tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        await stage.content.keep("key_1", "response", "a", b"a", 3)
        stage.clock.now += 3 * DAY_US
        pruning = asyncio.get_running_loop().create_task(stage.content.look_after())
        async with asyncio.timeout(5):
            while _count(stage.home):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        pruning.cancel()

    play(tmp_path, scene)


def _fails(content: Content) -> bool:
    return content.failure is not None


def _count(home: Path) -> int:
    with closing(sqlite3.connect(database_of(home))) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM kept")
    return int(count)
