"""Sessions that wait: found by what they wait for, few, not for long, and gone when they are not wanted."""

from pathlib import Path

from bridges.claude.claude_stage import Stage, played
from llm_gateway.bridges.claude.launch import Launch
from llm_gateway.bridges.claude.pool import Pool
from llm_gateway.bridges.claude.session import Session


async def started(stage: Stage) -> Session:
    session = await Session.start(Launch("opus", ""), stage.own, stage.tasks, lambda _: None)
    await session.open()
    return session


def test_each_is_found_by_what_it_waits_for(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        pool = Pool(stage.clock, stage.tasks)
        one, two = await started(stage), await started(stage)
        pool.keep("a", one)
        pool.park("a", two)
        assert len(pool) == 2
        assert pool.take("b") is None
        assert pool.take_parked("a") is two
        assert pool.take("a") is one
        assert pool.take("a") is None
        pool.keep_fresh("key", one)
        assert pool.take("key") is None
        assert pool.take_fresh("key") is one
        pool.clear()
        for session in (one, two):
            assert session.alive, "it is its taker's"
            await session.close()

    played(tmp_path, scene)


def test_there_are_few_and_the_longest_unused_goes(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        pool = Pool(stage.clock, stage.tasks)
        sessions = [await started(stage) for _ in range(3)]
        for number, session in enumerate(sessions):
            pool.keep(str(number), session)
        assert [each.alive for each in sessions] == [False, True, True]
        pool.clear()
        assert not any(each.alive for each in sessions)
        for session in sessions:
            await session.close()

    played(tmp_path, scene)


def test_nobody_waits_for_longer_than_ten_minutes(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        pool = Pool(stage.clock, stage.tasks)
        kept, parked = await started(stage), await started(stage)
        pool.keep("a", kept)
        pool.park("b", parked)
        stage.clock.advance(599)
        pool.tidy()
        assert len(pool) == 2
        stage.clock.advance(2)
        pool.tidy()
        assert len(pool) == 0
        for session in (kept, parked):
            assert not session.alive
            await session.close()
        pool.clear()

    played(tmp_path, scene)


def test_one_that_has_ended_is_not_found(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        pool = Pool(stage.clock, stage.tasks)
        session = await started(stage)
        pool.keep("a", session)
        await session.close()
        assert pool.take("a") is None
        pool.clear()

    played(tmp_path, scene)
