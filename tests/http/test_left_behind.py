"""A connection that has ended, on either side and in whatever way, leaves nothing to the collector."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from http_loop import Handler, Stage, echo, on_stage
from http_peer import OK, Peer, with_peer
from leftovers import leftovers
from llm_gateway.errors import UpstreamFault
from llm_gateway.http.client import ClientConnection, Patience
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.origin import Origin
from llm_gateway.http.pool import Pool
from pipeline_stage import closed_port

POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


def test_a_circle_is_found() -> None:
    with leftovers() as found:
        patience = [Patience(1.0, 1.0)]
        patience[0].first = patience  # type: ignore[assignment]
        del patience
    assert found == {"Patience": 1}


async def hang(exchange: Exchange) -> None:
    """Never answer."""
    exchange.begin(200, b"")
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("said", "handler", "answered"),
    [
        (POST + b"hello", echo, True),
        (POST + b"hello", hang, True),
        (POST, echo, False),
        (POST[:20], echo, False),
        (b"nonsense\r\n\r\n", echo, True),
        (b"", echo, False),
    ],
    ids=["answered", "left while answered", "left in the body", "left in the head", "refused", "silent"],
)
def test_a_client_that_has_gone(said: bytes, handler: Handler, answered: bool) -> None:
    async def visit(stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", stage.port))
            await loop.sock_sendall(sock, said)
            if answered:
                assert await loop.sock_recv(sock, 1000)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)

    async def play(stage: Stage) -> None:
        await visit(stage)
        with leftovers() as found:
            for _ in range(3):
                await visit(stage)
        assert not found

    on_stage(play, handler)


async def well(connection: ClientConnection) -> None:
    """Ask and read to the end."""
    await connection.send(GET, b"x" * 1000, Patience(1, 1))
    while await connection.read():
        pass
    connection.release()
    connection.abort()


async def broken(connection: ClientConnection) -> None:
    """Ask in vain, or for half an answer; whoever keeps the error keeps it without its frames."""
    try:
        await well(connection)
    except UpstreamFault as error:
        error.__traceback__ = None
    connection.release()


@pytest.mark.parametrize(
    ("answer", "ask"),
    [
        (OK, well),
        (b"CLOSE", broken),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhiCLOSE", broken),
        (b"nonsense\r\n\r\n", broken),
    ],
    ids=["whole", "none", "half", "nonsense"],
)
def test_an_upstream_that_has_gone(answer: bytes, ask: Callable[[ClientConnection], Awaitable[None]]) -> None:
    async def run(peer: Peer) -> None:
        pool = Pool(connect_timeout=1)

        async def visit() -> None:
            await ask(await pool.acquire(peer.origin))
            await asyncio.sleep(0.01)

        try:
            await visit()
            with leftovers() as found:
                for _ in range(3):
                    await visit()
            assert not found
        finally:
            pool.close()

    asyncio.run(with_peer(run, [answer] * 4))


def test_an_answer_that_nobody_can_take() -> None:
    def sink(data: bytes) -> bool:
        raise ValueError(data)

    async def run(peer: Peer) -> None:
        pool = Pool(connect_timeout=1)

        async def visit() -> None:
            connection = await pool.acquire(peer.origin)
            await connection.send(GET, b"", Patience(1, 1))
            asyncio.get_running_loop().call_later(0.01, peer.say, b"hi")
            try:
                await connection.pour(sink)
            except ValueError:
                pass
            else:
                raise AssertionError
            connection.abort()
            await asyncio.sleep(0.01)

        await visit()
        with leftovers() as found:
            for _ in range(3):
                await visit()
        assert not found
        pool.close()

    asyncio.run(with_peer(run, [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"] * 4))


def test_an_upstream_that_was_never_there() -> None:
    async def run(peer: Peer) -> None:
        pool = Pool(connect_timeout=1)
        with leftovers() as found:
            for _ in range(3):
                try:
                    await pool.acquire(Origin("http", "127.0.0.1", closed_port()))
                except UpstreamFault as error:
                    error.__traceback__ = None
        assert not found
        pool.close()

    asyncio.run(with_peer(run, []))
