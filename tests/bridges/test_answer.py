"""A turn's answer in the verbs of any upstream: read, taken, poured, arrived, released."""

import asyncio

from bridge_stage import HELLO, Stage, played
from llm_gateway.dialects.bridge.stream import Decoder


def test_what_is_here_is_taken_without_waiting() -> None:
    async def scene(stage: Stage) -> None:
        answer = await stage.ask()
        await answer.arrive()
        await asyncio.sleep(0)
        assert Decoder().feed(answer.take()) == HELLO
        assert answer.take() == b""
        assert answer.ended

    played(scene)


def test_it_is_poured_until_the_sink_has_enough() -> None:
    async def scene(stage: Stage) -> None:
        taken: list[bytes] = []

        def sink(data: bytes) -> bool:
            taken.append(data)
            return True

        answer = await stage.ask()
        await answer.pour(sink)
        assert Decoder().feed(b"".join(taken)) == HELLO

        stopped = await stage.ask()
        await stopped.pour(lambda data: False)
        stopped.release()

    played(scene)


def test_its_head_says_what_it_is() -> None:
    async def scene(stage: Stage) -> None:
        answer = await stage.ask()
        assert (b"content-type", b"application/x-ndjson") in answer.headers
        answer.release()

    played(scene)
