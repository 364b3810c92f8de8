"""Deadlines are looked at once a second, and not before what came during a standstill has been read."""

import asyncio
import time

from llm_gateway.http.sweep import Sweep


def test_it_looks_once_a_second_until_it_is_cancelled() -> None:
    looked: list[float] = []

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        sweep = Sweep(loop, looked.append)
        await asyncio.sleep(2.3)
        sweep.cancel()
        await asyncio.sleep(1.1)
        assert [round(at - began) for at in looked] == [1, 2]

    asyncio.run(scene())


def test_after_a_standstill_it_looks_a_second_later() -> None:
    looked: list[float] = []

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        sweep = Sweep(loop, looked.append)
        await asyncio.sleep(0)
        time.sleep(2.2)  # noqa: ASYNC251 - the standstill
        woken = loop.time()
        while not looked:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert looked[0] - woken > 0.9
        sweep.cancel()

    asyncio.run(scene())
