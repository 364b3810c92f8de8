"""Listeners get every event from when they listen on, and a slow one costs nobody but itself."""

import asyncio

from ledger_samples import intent, settlement
from llm_gateway.ledger.feed import Feed
from llm_gateway.ledger.records import Turn


def test_every_listener_gets_every_event_until_the_end() -> None:
    async def run() -> None:
        feed = Feed()
        async with feed.subscribe() as one, feed.subscribe() as two:
            feed.publish(Turn(intent("a")))
            feed.publish(Turn(intent("a"), settlement("a")))
            feed.close()
            assert [turn.running async for turn in one] == [True, False]
            assert [turn.running async for turn in two] == [True, False]

    asyncio.run(run())


def test_an_event_wakes_who_waits() -> None:
    async def run() -> None:
        feed = Feed()
        async with feed.subscribe() as listener, asyncio.TaskGroup() as group:
            waiting = group.create_task(anext(listener))
            await asyncio.sleep(0)
            feed.publish(Turn(intent("a")))
            assert (await waiting).intent.id == "a"

    asyncio.run(run())


def test_who_reads_too_slowly_misses_the_oldest_and_knows_it() -> None:
    async def run() -> None:
        feed = Feed()
        async with feed.subscribe(backlog=2) as listener:
            for name in "abcd":
                feed.publish(Turn(intent(name)))
            feed.close()
            assert [turn.intent.id async for turn in listener] == ["c", "d"]
            assert listener.missed == 2

    asyncio.run(run())


def test_who_has_left_is_forgotten() -> None:
    async def run() -> None:
        feed = Feed()
        async with feed.subscribe():
            assert len(feed.listeners) == 1
        assert feed.listeners == []
        feed.publish(Turn(intent("a")))

    asyncio.run(run())
