"""Prepared answers are read in the verbs of any answer."""

import asyncio
import time

from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.upstream.answer import Answer, is_event_stream, read_whole


def test_is_an_answer_like_any() -> None:
    answer: Answer = PreparedAnswer.whole(200, b'{"a":1}')
    assert (answer.status, answer.ended, is_event_stream(answer)) == (200, False, False)
    assert asyncio.run(read_whole(answer, 100)) == b'{"a":1}'
    assert answer.ended


def test_whole_answers_carry_the_headers_they_are_given() -> None:
    answer = PreparedAnswer.whole(429, b"{}", extra=[(b"retry-after", b"1")])
    assert answer.headers == [(b"content-type", b"application/json"), (b"retry-after", b"1")]


def test_a_stream_without_pause_is_here_at_once() -> None:
    answer = PreparedAnswer.stream([b"one", b"two"])
    assert is_event_stream(answer)
    assert answer.take() == b"onetwo"
    assert answer.ended and asyncio.run(answer.read()) == b""


def test_a_pause_lies_before_every_piece() -> None:
    async def read() -> tuple[list[bytes], float]:
        answer = PreparedAnswer.stream([b"one", b"two"], pause=0.01)
        assert answer.take() == b"" and not answer.ended
        began = time.monotonic()
        pieces = [await answer.read(), await answer.read(), await answer.read()]
        return pieces, time.monotonic() - began

    pieces, took = asyncio.run(read())
    assert pieces == [b"one", b"two", b""]
    assert took >= 0.015


def test_a_released_answer_has_ended_even_for_who_waits() -> None:
    async def play() -> bytes:
        answer = PreparedAnswer.stream([b"one"], pause=0.01)
        reading = asyncio.create_task(answer.read())
        await asyncio.sleep(0)
        answer.release()
        answer.release()
        assert answer.ended
        return await reading

    assert asyncio.run(play()) == b""


def test_pours_into_a_sink_until_it_has_enough() -> None:
    async def pour(enough: int) -> list[bytes]:
        answer = PreparedAnswer.stream([b"one", b"two", b"three"], pause=0.001)
        taken: list[bytes] = []

        def sink(piece: bytes) -> bool:
            taken.append(piece)
            return len(taken) < enough

        await answer.pour(sink)
        return taken

    assert asyncio.run(pour(9)) == [b"one", b"two", b"three"]
    assert asyncio.run(pour(2)) == [b"one", b"two"]


def test_all_of_it_has_arrived() -> None:
    async def scene() -> bytes:
        answer = PreparedAnswer.whole(200, b"{}")
        await answer.arrive()
        return answer.take()

    assert asyncio.run(scene()) == b"{}"
