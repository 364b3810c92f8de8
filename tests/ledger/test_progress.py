"""Turns that run are followed: what has changed is told once a second, and nothing after their end."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from fakes import FakeClock
from ledger_samples import Failures, intent, settlement, with_ledger
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.progress import Followers
from llm_gateway.ledger.records import Progress


@dataclass
class Answer:
    content_bytes: int = 0


def test_what_has_changed_is_told_and_nothing_else() -> None:
    async def scene() -> list[Progress]:
        told: list[Progress] = []
        followers = Followers(told.append, 0.01)
        grows, rests = Answer(5), Answer()
        followers.follow("a", grows)
        followers.follow("b", rests)
        await asyncio.sleep(0.035)
        grows.content_bytes = 7
        await asyncio.sleep(0.035)
        followers.leave("a")
        grows.content_bytes = 9
        await asyncio.sleep(0.035)
        followers.close()
        return told

    assert asyncio.run(scene()) == [Progress("a", 5), Progress("a", 7)]


def waiting(followers: Followers) -> bool:
    return followers._timer is not None


def test_nobody_waits_while_nobody_is_followed() -> None:
    async def scene() -> None:
        followers = Followers(lambda told: None, 0.01)
        followers.follow("a", Answer())
        followers.leave("a")
        followers.leave("never followed")
        await asyncio.sleep(0.03)
        assert len(asyncio.all_tasks()) == 1 and waiting(followers) is False
        followers.follow("b", Answer())
        assert waiting(followers)
        followers.close()

    asyncio.run(scene())


def test_a_turn_that_never_ended_is_estimated_by_how_far_it_was(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        ledger._followers._every = 0.01
        for name in ("far", "near", "done"):
            await ledger.begin(intent(name, request_bytes=40))
            ledger.follow(name, Answer({"far": 400, "near": 0, "done": 80}[name]))
        await asyncio.sleep(0.05)
        await ledger.settle(settlement("done"))

    asyncio.run(with_ledger(tmp_path, scene))
    with offline(tmp_path, FakeClock(), Failures()) as store:
        sql = "SELECT id, outcome, uncached, output, estimated FROM turns ORDER BY id"
        rows = {row[0]: row[1:] for row in store.rows(sql)}
    assert rows["far"] == ("interrupted", 10, 100, 1)
    assert rows["near"] == ("interrupted", 10, 0, 1)
    assert rows["done"][0] == "ok"
