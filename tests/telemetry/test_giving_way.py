"""Threads take turns more often while somebody's figures are made, and as before when nobody's are."""

import asyncio
import sys

import pytest

from llm_gateway.telemetry.giving_way import beside_the_loop


def test_threads_take_turns_more_often_for_as_long_as_the_work_takes() -> None:
    usual = sys.getswitchinterval()

    async def scene() -> list[float]:
        return await asyncio.gather(*(beside_the_loop(sys.getswitchinterval) for _ in range(5)))

    assert all(each < usual / 5 for each in asyncio.run(scene()))
    assert sys.getswitchinterval() == usual


def test_what_the_work_raises_is_raised_and_turns_are_as_before() -> None:
    usual = sys.getswitchinterval()

    async def scene() -> None:
        await beside_the_loop(int, "no number")

    with pytest.raises(ValueError, match="no number"):
        asyncio.run(scene())
    assert sys.getswitchinterval() == usual
