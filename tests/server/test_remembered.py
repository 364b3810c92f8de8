"""What is dear is found out once for all who ask at the same time, and again after a while."""

import asyncio

import pytest

from fakes import FakeClock
from llm_gateway.server.remembered import Remembered


class Source:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = False

    async def find(self, key: str) -> str:
        self.asked.append(key)
        number = len(self.asked)
        await asyncio.sleep(0)
        if self.fails:
            raise ValueError(key)
        return f"{key}{number}"


def test_who_asks_at_the_same_time_gets_the_same_and_later_another() -> None:
    async def scene() -> None:
        clock, source = FakeClock(), Source()
        known = Remembered(clock, 2.0, source.find)
        assert tuple(await asyncio.gather(known.get("a"), known.get("a"), known.get("b"))) == (
            "a1",
            "a1",
            "b2",
        )
        clock.advance(1.9)
        assert await known.get("a") == "a1"
        clock.advance(0.2)
        assert await known.get("a") == "a3"

    asyncio.run(scene())


def test_what_fails_is_not_remembered() -> None:
    async def scene() -> None:
        source = Source()
        known = Remembered(FakeClock(), 2.0, source.find)
        source.fails = True
        with pytest.raises(ValueError, match="a"):
            await known.get("a")
        source.fails = False
        assert await known.get("a") == "a2"

    asyncio.run(scene())
