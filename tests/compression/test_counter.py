"""The counting program seen from the gateway: started by the first body, started again, ended when idle."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil
import pytest

from llm_gateway.compression.counter import Counter, CounterUnavailable
from llm_gateway.compression.frames import Count

HI = b'{"model": "m", "messages": [{"role": "user", "content": "Hi there"}]}'
COUNT = Count(8, 2, 0, 0, 1, 0, 0, 0, 0)


def play(scene: Callable[[Counter], Awaitable[None]], answer_s: float = 60) -> None:
    """Run a scene with a counter whose program is not started yet."""

    async def run() -> None:
        counter = Counter({**os.environ, "OPENAI_API_KEY": "sk-secret"}, answer_s)
        try:
            await scene(counter)
        finally:
            await counter.close()
        assert counter.pid is None
        with pytest.raises(CounterUnavailable, match="closing"):
            await counter.count("chat", HI)

    asyncio.run(run())


def test_bodies_are_counted_one_after_the_other_by_one_program() -> None:
    async def scene(counter: Counter) -> None:
        assert counter.pid is None, "nothing to count, nothing to run"
        assert counter.tokenizes
        found = await asyncio.gather(*[counter.count("chat", HI) for _ in range(5)])
        first = counter.pid
        assert found == [COUNT] * 5
        assert await counter.count("chat", b"no body") is None
        large = json.dumps({"model": "m", "messages": [{"role": "user", "content": "word " * 400_000}]})
        counted = await counter.count("chat", large.encode())
        assert counted is not None and counted.text is not None and counted.text > 400_000
        assert counter.pid == first

    play(scene)


def test_what_was_sent_shorter_is_counted_by_the_same_program() -> None:
    async def scene(counter: Counter) -> None:
        await counter.count("chat", HI)
        first = counter.pid
        pairs = [(b'"Hi there, and there"', b'"Hi there"'), (b'"Hi"', b'"Hi there"')]
        assert await counter.differences(pairs) == (3, -1)
        assert await counter.differences([]) == ()
        assert await counter.differences([(b"?", b"?")]) is None
        assert await counter.count("chat", HI) == COUNT and counter.pid == first

    play(scene)


def test_it_knows_no_key_and_gives_way_to_everything_else() -> None:
    async def scene(counter: Counter) -> None:
        await counter.count("chat", HI)
        process = psutil.Process(counter.pid)
        assert "OPENAI_API_KEY" not in process.environ()
        assert process.nice() >= min(psutil.Process().nice() + 10, 19)

    play(scene)


def test_it_rests_and_starts_again() -> None:
    async def scene(counter: Counter) -> None:
        await counter.rest()
        await counter.count("chat", HI)
        first = counter.pid
        await counter.rest()
        assert counter.pid is None and first is not None and not psutil.pid_exists(first)
        assert await counter.count("chat", HI) == COUNT

    play(scene)


def test_one_that_was_ended_fails_one_body_at_most() -> None:
    async def scene(counter: Counter) -> None:
        await counter.count("chat", HI)
        assert counter.pid is not None
        os.kill(counter.pid, signal.SIGKILL)
        with suppress(CounterUnavailable):  # unless its end was noticed before
            await counter.count("chat", HI)
        assert await counter.count("chat", HI) == COUNT

    play(scene)


def test_a_body_that_takes_too_long_is_given_up_with_its_program() -> None:
    async def scene(counter: Counter) -> None:
        with pytest.raises(CounterUnavailable, match=r"longer to count than 0\.01 seconds"):
            await counter.count("chat", HI)
        assert counter.pid is None

    play(scene, answer_s=0.01)


def test_a_task_that_is_cancelled_leaves_no_answer_for_the_next_body() -> None:
    async def scene(counter: Counter) -> None:
        large = json.dumps({"model": "m", "messages": [{"role": "user", "content": "word " * 400_000}]})
        counting = asyncio.ensure_future(counter.count("chat", large.encode()))
        await asyncio.sleep(0.2)
        counting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await counting
        assert await counter.count("chat", HI) == COUNT

    play(scene)


def test_what_does_not_start_says_so() -> None:
    async def scene() -> None:
        counter = Counter(os.environ, program=("/nowhere/python",))
        with pytest.raises(CounterUnavailable, match="does not start: No such file"):
            await counter.count("chat", HI)
        await counter.close()

    asyncio.run(scene())
