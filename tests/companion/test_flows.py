"""A stream as its two sides see it, on a link that only takes notes."""

import asyncio

import pytest

from llm_gateway.companion.flows import Call, FlowBroken, Visit
from llm_gateway.companion.frames import Head, Open, Wrong


class Notes:
    """A link with credit for two bytes at a time."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def put(self, stream: int, data: memoryview) -> int:
        self.said.append(bytes(data[:2]))
        return min(2, len(data))

    async def room(self) -> None:
        await asyncio.sleep(0)

    def begin(self, stream: int, head: Head) -> None:
        self.said.append(head.status)

    def finish(self, stream: int) -> None:
        self.said.append("end")

    def fail(self, stream: int, wrong: Wrong) -> None:
        self.said.append(wrong.kind)

    def cancel(self, stream: int) -> None:
        self.said.append("cancel")

    def consumed(self, stream: int, size: int) -> None:
        self.said.append(size)


def test_a_body_is_sent_as_there_is_credit_for_it() -> None:
    async def run() -> None:
        call = Call(notes := Notes(), 1)
        asking = asyncio.get_running_loop().create_task(call.ask(b"abcde"))
        for _ in range(2):
            await asyncio.sleep(0.001)
            call.roomier()
        await asyncio.sleep(0.001)
        assert notes.said == [b"ab", b"cd", b"e", "end"] and not asking.done()
        call.headed(Head(200))
        assert (await asking).status == 200

    asyncio.run(run())


def test_an_answer_is_read_as_it_comes_and_given_back() -> None:
    async def run() -> None:
        call = Call(notes := Notes(), 1)
        call.came(b"one")
        call.came(b"two")
        await call.arrive()
        assert call.waits and call.take() == b"onetwo" and call.take() == b""
        call.ended()
        await call.arrive()
        call.broke(Wrong("late"))
        assert call.complete and call.wrong is None
        assert notes.said == [6]

    asyncio.run(run())


def test_who_has_let_go_says_so_once() -> None:
    call = Call(notes := Notes(), 1)
    call.leave()
    call.leave()
    assert notes.said == ["cancel"] and call.wrong is not None


def test_a_call_that_breaks_before_its_head_has_no_answer() -> None:
    async def run() -> None:
        call = Call(Notes(), 1)
        call.broke(Wrong("gone", "cut"))
        call.broke(Wrong("later"))
        with pytest.raises(FlowBroken, match="cut") as caught:
            await call.ask(b"")
        assert caught.value.wrong.kind == "gone"

    asyncio.run(run())


def test_a_visit_collects_its_body_and_answers() -> None:
    async def run() -> None:
        visit = Visit(notes := Notes(), 2, Open("turn"))
        reading = asyncio.get_running_loop().create_task(visit.body())
        await asyncio.sleep(0)
        visit.came(b"{")
        visit.came(b"}")
        visit.ended()
        assert await reading == b"{}"
        visit.begin(Head(200))
        await visit.put(b"x")
        visit.finish()
        visit.fail(Wrong("broke"))
        assert notes.said == [1, 1, 200, b"x", "end", "broke"]

    asyncio.run(run())


def test_a_visit_whose_body_will_not_come() -> None:
    async def run() -> None:
        visit = Visit(Notes(), 2, Open("turn"))
        visit.broke(Wrong("cancelled"))
        with pytest.raises(FlowBroken, match="cancelled"):
            await visit.body()

    asyncio.run(run())
