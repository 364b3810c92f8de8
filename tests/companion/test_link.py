"""A link carries calls both ways, notices who is gone, and lets nobody hold up the rest."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from companion_stage import linked, sockets
from llm_gateway.clock import SystemClock
from llm_gateway.companion.channel import CREDIT, Bounds, Channel, ChannelFull
from llm_gateway.companion.flows import Call, FlowBroken, Visit
from llm_gateway.companion.frames import Body, Head, Open, Ping, Wrong
from llm_gateway.companion.link import Link, Patience
from llm_gateway.tasks import Tasks

TURN = Open("turn", "claude", "sonnet")


async def echo(visit: Visit) -> None:
    """Answer with what was asked."""
    body = await visit.body()
    visit.begin(Head(200, ((b"length", b"%d" % len(body)),)))
    await visit.put(body)
    visit.finish()


async def pieces(call: Call) -> AsyncIterator[bytes]:
    while True:
        await call.arrive()
        data = call.take()
        if not data:
            return
        yield data


async def whole(call: Call) -> bytes:
    return b"".join([piece async for piece in pieces(call)])


@pytest.mark.parametrize("size", [0, 1, CREDIT, CREDIT + 1, 3 * 1024 * 1024 + 7])
def test_what_is_asked_comes_back_whole(size: int) -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        body = bytes(range(256)) * (size // 256) + bytes(size % 256)
        call = gateway.open(TURN)
        assert (await call.ask(body)).headers == ((b"length", b"%d" % size),)
        assert await whole(call) == body
        assert call.complete and call.wrong is None
        call.leave()
        await asyncio.sleep(0.01)
        assert (gateway.streams, companion.streams) == (0, 0)

    assert linked(scene, echo) == []


def test_both_sides_ask() -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        call = companion.open(Open("report"))
        assert (await call.ask(b"rows")).status == 204
        assert await whole(call) == b""

    linked(scene, echo)


def test_fifty_calls_at_a_time_and_one_who_does_not_read() -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        slow = gateway.open(TURN)
        await slow.ask(bytes(10 * CREDIT))
        calls = [gateway.open(TURN) for _ in range(50)]
        bodies = [bytes([number]) * 3 * CREDIT for number in range(50)]

        async def one(call: Call, body: bytes) -> bytes:
            await call.ask(body)
            return await whole(call)

        assert await asyncio.gather(*map(one, calls, bodies)) == bodies
        assert not slow.complete and len(slow.take()) == CREDIT

    linked(scene, echo, bounds=Bounds(body_ahead=0))


def test_who_lets_go_stops_who_answers() -> None:
    stopped: list[float] = []

    async def endless(visit: Visit) -> None:
        visit.begin(Head(200))
        try:
            while True:
                await visit.put(b"x" * 100)
                await asyncio.sleep(0.001)
        finally:
            stopped.append(asyncio.get_running_loop().time())

    async def scene(companion: Link, gateway: Link) -> None:
        call = gateway.open(TURN)
        await call.ask(b"")
        await call.arrive()
        let_go = asyncio.get_running_loop().time()
        call.leave()
        await asyncio.sleep(0.05)
        assert len(stopped) == 1 and stopped[0] - let_go < 0.1
        assert isinstance(call.wrong, Wrong) and call.wrong.kind == "cancelled"

    assert linked(scene, endless) == []


def test_who_answers_may_fail_and_a_defect_is_told_as_one() -> None:
    async def failing(visit: Visit) -> None:
        body = await visit.body()
        if body == b"defect":
            raise ValueError("a defect")
        if body == b"late":
            visit.begin(Head(200))
        if body != b"silent":
            visit.fail(Wrong("bridge_failed", "it broke"))

    async def scene(companion: Link, gateway: Link) -> None:
        for body, kind in ((b"", "bridge_failed"), (b"defect", "failed"), (b"silent", "failed")):
            call = gateway.open(TURN)
            with pytest.raises(FlowBroken) as caught:
                await call.ask(body)
            assert caught.value.wrong.kind == kind
        late = gateway.open(TURN)
        await late.ask(b"late")
        assert await whole(late) == b""
        assert late.wrong == Wrong("bridge_failed", "it broke") and not late.complete

    assert [str(error) for _, error in linked(scene, failing)] == ["a defect"]


def test_an_answer_may_begin_before_the_body_is_whole() -> None:
    async def hasty(visit: Visit) -> None:
        visit.begin(Head(429))
        visit.finish()

    async def scene(companion: Link, gateway: Link) -> None:
        call = gateway.open(TURN)
        assert (await call.ask(bytes(10_000_000))).status == 429

    linked(scene, hasty)


def test_a_link_that_ends_fails_every_call_and_stops_every_answer() -> None:
    stopped: list[bool] = []

    async def slow(visit: Visit) -> None:
        try:
            if visit.open.model:
                visit.begin(Head(200))
                await visit.put(b"begun")
            await asyncio.sleep(60)
        finally:
            stopped.append(True)

    async def scene(companion: Link, gateway: Link) -> None:
        begun, waiting = gateway.open(TURN), gateway.open(Open("turn"))
        await begun.ask(b"")
        asking = asyncio.get_running_loop().create_task(waiting.ask(b""))
        await asyncio.sleep(0.01)
        gateway.end(Wrong("bridge_disconnected", "cut"))
        companion.end(Wrong("bridge_disconnected", "cut"))
        with pytest.raises(FlowBroken) as caught:
            await asking
        assert caught.value.wrong.kind == "bridge_disconnected"
        assert await whole(begun) == b"begun"
        assert begun.wrong is not None and not gateway.alive
        await asyncio.sleep(0.01)
        assert stopped == [True, True]

    linked(scene, slow)


def test_who_stops_lets_what_runs_end() -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        call = gateway.open(TURN)
        await call.ask(bytes(2 * CREDIT))
        stopping = asyncio.get_running_loop().create_task(companion.drain(5))
        await asyncio.sleep(0.01)
        assert gateway.drains and not stopping.done()
        with pytest.raises(ChannelFull):
            gateway.open(TURN)
        assert len(await whole(call)) == 2 * CREDIT
        await asyncio.wait_for(stopping, 1)

    linked(scene, echo, bounds=Bounds(body_ahead=0))


def test_who_stops_waits_only_so_long() -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        await gateway.open(TURN).ask(bytes(2 * CREDIT))
        await asyncio.wait_for(companion.drain(0.05), 1)

    linked(scene, echo)


async def silent(patience: Patience) -> tuple[float, Wrong]:
    """Return after how long a link to nobody ends, and how."""
    here, _ = sockets()
    failures: list[BaseException] = []
    tasks = Tasks(lambda _, error: failures.append(error))
    link = Link(here, Channel(dials=False), echo, lambda _: None, (tasks, SystemClock()), patience)
    began = asyncio.get_running_loop().time()
    wrong = await link.run()
    await tasks.close()
    assert not failures
    return asyncio.get_running_loop().time() - began, wrong


@pytest.mark.fault("B1")
def test_nobody_is_there_within_five_seconds() -> None:
    assert Patience().ends + Patience().asks / 2 < 5
    took, wrong = asyncio.run(silent(Patience(0.05, 0.2)))
    assert wrong.kind == "bridge_disconnected" and "nothing was heard" in wrong.message
    assert 0.15 < took < 0.5


def test_a_link_on_which_nobody_speaks_stays_open() -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        await asyncio.sleep(0.4)
        assert companion.alive and gateway.alive

    linked(scene, echo, patience=Patience(0.05, 0.2))


@pytest.mark.fault("B2")
@pytest.mark.parametrize("message", [b"\x04", b"nonsense"])
def test_who_breaks_the_rules_is_cut_off(message: bytes) -> None:
    async def run() -> Wrong:
        here, there = sockets()
        tasks = Tasks(lambda _, error: None)
        link = Link(here, Channel(dials=False), echo, lambda _: None, (tasks, SystemClock()))
        there.say(Body(b"x"))
        there.send(message)
        wrong = await link.run()
        await tasks.close()
        return wrong

    assert asyncio.run(run()).kind == "broken"


def test_who_asks_and_does_not_read_is_cut_off() -> None:
    async def run() -> Wrong:
        here, there = sockets(capacity=10)
        tasks = Tasks(lambda _, error: None)
        link = Link(here, Channel(dials=False), echo, lambda _: None, (tasks, SystemClock()))
        for _ in range(5000):
            there.say(Ping())
        wrong = await link.run()
        await tasks.close()
        return wrong

    assert "does not read" in asyncio.run(run()).message


def test_a_socket_that_takes_little_is_waited_for() -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        calls = [gateway.open(TURN) for _ in range(5)]

        async def one(call: Call) -> int:
            await call.ask(bytes(20 * CREDIT))
            return len(await whole(call))

        assert await asyncio.gather(*map(one, calls)) == [20 * CREDIT] * 5

    linked(scene, echo, capacity=2)


def test_news_are_heard() -> None:
    async def run() -> list[bytes]:
        here, there = sockets()
        news: list[bytes] = []
        tasks = Tasks(lambda _, error: None)
        owned = tasks, SystemClock()
        gateway = Link(there, Channel(dials=False), echo, news.append, owned)
        companion = Link(here, Channel(dials=True), echo, news.append, owned)
        running = [tasks.start("link", each.run()) for each in (gateway, companion)]
        companion.tell(b"fine")
        await here.close()
        assert {each.kind for each in await asyncio.gather(*running)} == {"bridge_disconnected"}
        await tasks.close()
        return news

    assert asyncio.run(run()) == [b"fine"]
