"""A listener counts its connections, keeps unwanted peers out, and drains before it goes."""

import asyncio

import pytest

from http_loop import Stage, echo, on_stage
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_connections_over_the_limit_are_closed() -> None:
    async def play(stage: Stage) -> None:
        _, first = await asyncio.open_connection("127.0.0.1", stage.port)
        reader, second = await asyncio.open_connection("127.0.0.1", stage.port)
        try:
            assert await asyncio.wait_for(reader.read(), 2) == b""
        except ConnectionResetError:
            pass
        assert stage.listener.connections == 1
        first.close()
        second.close()

    on_stage(play, echo, Limits(max_connections=1))


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
