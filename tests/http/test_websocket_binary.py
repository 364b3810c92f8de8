"""A WebSocket that was accepted for binary messages passes those, under their own bound, and no text."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError
from wsproto.events import BytesMessage

from http_loop import Stage, on_stage
from llm_gateway.http.exchange import Exchange
from websocket_peer import WebSocketPeer, opening, websocket

MOST = 1000


async def echo(exchange: Exchange) -> None:
    socket = exchange.accept_websocket(MOST)
    while (message := await socket.receive()) is not None:
        socket.send(message)
    await socket.close()


def opened(scene: Callable[[WebSocketPeer], Awaitable[None]], *fields: str) -> None:
    async def play(stage: Stage) -> None:
        async with websocket(stage.port, opening("/", *fields)) as peer:
            await scene(peer)

    on_stage(play, echo)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_another_implementation_gets_its_bytes_back(compression: str | None) -> None:
    async def play(stage: Stage) -> None:
        async with connect(f"ws://127.0.0.1:{stage.port}/", compression=compression) as socket:
            for message in (b"\x00\xff\xfe", b"", bytes(range(250)) * 4):
                await socket.send(message)
                assert await asyncio.wait_for(socket.recv(), 5) == message
            await socket.send([b"in ", b"three ", b"pieces"])
            assert await asyncio.wait_for(socket.recv(), 5) == b"in three pieces"

    on_stage(play, echo)


def test_text_is_no_bytes() -> None:
    async def scene(peer: WebSocketPeer) -> None:
        peer.send("text")
        code, reason = await peer.closed()
        assert code == 1003 and "binary" in reason

    opened(scene)


@pytest.mark.parametrize("fields", [(), ("Sec-WebSocket-Extensions: permessage-deflate",)])
def test_a_message_over_its_bound_is_refused(fields: tuple[str, ...]) -> None:
    async def scene(peer: WebSocketPeer) -> None:
        peer.say(BytesMessage(bytes(MOST + 1)))
        assert await peer.closed() == (1009, f"the message is over {MOST} bytes")

    opened(scene, *fields)


def test_what_is_refused_closes_for_another_implementation_too() -> None:
    async def play(stage: Stage) -> None:
        async with connect(f"ws://127.0.0.1:{stage.port}/", compression=None) as socket:
            await socket.send(bytes(MOST + 1))
            with pytest.raises(ConnectionClosedError) as caught:
                await asyncio.wait_for(socket.recv(), 5)
            assert caught.value.rcvd is not None and caught.value.rcvd.code == 1009

    on_stage(play, echo)


def test_a_handler_with_something_to_finish_gets_messages_until_it_closes_itself() -> None:
    asked: list[bool] = []

    async def finish(exchange: Exchange) -> None:
        socket = exchange.accept_websocket(MOST)
        socket.when_leaving = lambda: asked.append(True)
        socket.send(b"ready")
        assert await socket.receive() == b"last"
        await socket.close(socket.farewell, "done")
        exchange.abandon()

    async def play(stage: Stage) -> None:
        async with websocket(stage.port) as peer:
            assert isinstance(await peer.event(), BytesMessage)
            closing = asyncio.get_running_loop().create_task(stage.listener.close(5))
            await asyncio.sleep(0.05)
            assert asked == [True] and not closing.done()
            peer.say(BytesMessage(b"last"))
            assert await peer.closed() == (1001, "done")
            peer.writer.close()
            await asyncio.wait_for(closing, 3)

    on_stage(play, finish)
