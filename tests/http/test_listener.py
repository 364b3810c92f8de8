"""A listener counts its connections, keeps unwanted peers out, and drains before it goes."""

import asyncio
import contextlib

import pytest

from http_loop import Stage, echo, on_stage
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        (Limits(max_connections=2), b"server.max_connections)"),
        (Limits(max_connections_per_own_peer=2), b"server.max_connections_per_peer)"),
    ],
)
def test_connections_over_the_limit_are_told_so_and_closed(limits: Limits, setting: bytes) -> None:
    async def play(stage: Stage) -> None:
        held = [await asyncio.open_connection("127.0.0.1", stage.port) for _ in range(2)]
        for _ in range(2):  # one that is turned away counts for nothing
            refusal = await stage.say(b"")
            assert refusal.startswith(b"HTTP/1.1 503 ") and b"retry-after: 1\r\n" in refusal
            assert b"connection: close\r\n" in refusal and refusal.endswith(b"too_many_connections")
        assert stage.listener.connections == 2
        assert [error.kind for error in stage.refused] == ["too_many_connections"] * 2
        assert setting in stage.refused[0].message.encode()
        held[0][1].close()
        await held[0][1].wait_closed()
        await asyncio.sleep(0.05)  # until the listener has heard of it
        assert stage.listener.connections == 1
        reader, writer = held[1]
        for each in (held[1], await asyncio.open_connection("127.0.0.1", stage.port)):
            reader, writer = each
            writer.write(GET)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            writer.close()

    on_stage(play, echo, limits)


def test_this_machine_has_no_bound_as_a_peer_unless_one_is_set() -> None:
    async def play(stage: Stage) -> None:
        held = [await asyncio.open_connection("127.0.0.1", stage.port) for _ in range(20)]
        held[-1][1].write(GET)
        assert (await held[-1][0].readline()).startswith(b"HTTP/1.1 200 ")
        for _, writer in held:
            writer.close()

    on_stage(play, echo, Limits(max_connections_per_peer=2))


def test_a_peer_that_is_not_admitted_gets_nothing() -> None:
    async def run() -> bytes:
        async def handle(exchange: Exchange) -> None:
            await echo(exchange)

        listener = Listener(
            handle, lambda error: (b"", b""), Limits(), admits=lambda peer: peer != "127.0.0.1"
        )
        port = await listener.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return await asyncio.wait_for(reader.read(), 2)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()
            await listener.close(0)

    assert asyncio.run(run()) == b""


@pytest.mark.parametrize(("drain", "whole"), [(2.0, True), (0.05, False)])
def test_closing_lets_answers_finish_for_a_while(drain: float, whole: bool) -> None:
    async def run() -> bytes:
        began = asyncio.Event()

        async def handle(exchange: Exchange) -> None:
            exchange.begin(200, b"", b"first")
            began.set()
            await asyncio.sleep(0.3)
            exchange.end(b"last")

        listener = Listener(handle, lambda error: (b"", b""), Limits())
        port = await listener.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await began.wait()
        closing = asyncio.ensure_future(listener.close(drain))
        try:
            return await asyncio.wait_for(reader.read(), 3)
        except ConnectionResetError:
            return b""
        finally:
            await closing
            writer.close()

    assert asyncio.run(run()).endswith(b"4\r\nlast\r\n0\r\n\r\n") == whole


@pytest.mark.parametrize(
    ("wanted", "every", "expected"), [(True, 1.0, True), (True, 0.0, False), (False, 1.0, False)]
)
def test_a_silent_stream_is_kept_alive_where_its_client_takes_that(
    wanted: bool, every: float, expected: bool
) -> None:
    async def silent(exchange: Exchange) -> None:
        exchange.begin(200, b"content-type: text/event-stream\r\n", b"data: 1\n\n")
        exchange.keep_alive = wanted
        await asyncio.sleep(2.4)
        exchange.end(b"data: 2\n\n")

    async def play(stage: Stage) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(GET)
        answer = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)
        writer.close()
        return answer

    answer = on_stage(play, silent, Limits(keep_alive_interval=every))
    assert (b"e\r\n: keep-alive\n\n\r\n" in answer) is expected
    assert answer.endswith(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")


def test_a_retreat_cuts_off_who_is_no_longer_admitted_and_listens_nowhere() -> None:
    async def play(stage: Stage) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(GET)
        await reader.readline()
        stage.listener.retreat(lambda peer: True)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(GET)
        assert b"HTTP/1.1 200 " in await reader.readuntil(b"HTTP/1.1 200 "), "who is admitted stays"
        stage.listener.retreat(lambda peer: False)
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        assert stage.listener.connections == 0
        writer.close()
        port = await stage.listener.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b"", "who comes later is judged anew"
        writer.close()

    on_stage(play, echo)
