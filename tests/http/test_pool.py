"""Connections are kept, looked at before they are used again, and say why there is none."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable

import pytest

from http_peer import OK, Peer, with_peer
from llm_gateway.errors import UpstreamUnreachable
from llm_gateway.http.client import ClientConnection, Patience
from llm_gateway.http.origin import Origin
from llm_gateway.http.pool import Pool

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
PATIENCE = Patience(5, 5)


async def fetch(pool: Pool, origin: Origin) -> tuple[ClientConnection, bytes]:
    """Ask once and give the connection back."""
    connection = await pool.acquire(origin)
    await connection.send(GET, b"", PATIENCE)
    body = b""
    while piece := await connection.read():
        body += piece
    connection.release()
    return connection, body


def play(scene: Callable[[Pool, Peer], Awaitable[None]], *answers: bytes) -> None:
    """Run a scene with a pool and a peer that gives these answers, one a request."""

    async def run(peer: Peer) -> None:
        pool = Pool(connect_timeout=1)
        try:
            await scene(pool, peer)
        finally:
            pool.close()
            await asyncio.sleep(0)

    asyncio.run(with_peer(run, answers))


def test_a_connection_is_used_again() -> None:
    async def scene(pool: Pool, peer: Peer) -> None:
        first, body = await fetch(pool, peer.origin)
        second, _ = await fetch(pool, peer.origin)
        assert body == b"hi"
        assert first is second
        assert pool.open_connections == 1

    play(scene, OK, OK)


def test_a_connection_that_the_peer_will_close_is_not_kept() -> None:
    async def scene(pool: Pool, peer: Peer) -> None:
        first, _ = await fetch(pool, peer.origin)
        second, _ = await fetch(pool, peer.origin)
        assert first is not second

    play(scene, OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), OK)


def test_a_connection_that_was_closed_while_it_rested_is_not_used() -> None:
    async def scene(pool: Pool, peer: Peer) -> None:
        first, _ = await fetch(pool, peer.origin)
        peer.hang_up()
        first.idle_since -= 10  # as if it had rested for long: then it is looked at
        second, body = await fetch(pool, peer.origin)
        assert body == b"hi"
        assert second is not first

    play(scene, OK, OK)


def test_a_connection_with_unread_bytes_is_not_kept() -> None:
    async def scene(pool: Pool, peer: Peer) -> None:
        connection = await pool.acquire(peer.origin)
        await connection.send(GET, b"", PATIENCE)
        connection.release()
        await asyncio.sleep(0.01)
        assert pool.open_connections == 0

    play(scene, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhi")


def test_a_closed_port_is_unreachable_and_says_so() -> None:
    async def run() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        pool = Pool(connect_timeout=1)
        with pytest.raises(UpstreamUnreachable, match="refused"):
            await pool.acquire(Origin("http", "127.0.0.1", port))
        pool.close()

    asyncio.run(run())


def test_a_name_that_does_not_exist_is_unreachable_and_says_so() -> None:
    async def run() -> None:
        pool = Pool(connect_timeout=5)
        with pytest.raises(UpstreamUnreachable, match=r"no-such-host\.invalid"):
            await pool.acquire(Origin("http", "no-such-host.invalid", 80))
        pool.close()

    asyncio.run(run())


def test_plain_http_behind_https_is_a_tls_failure() -> None:
    async def scene(pool: Pool, peer: Peer) -> None:
        with pytest.raises(UpstreamUnreachable, match="TLS"):
            await pool.acquire(Origin("https", "127.0.0.1", peer.origin.port))

    play(scene, OK)


def test_a_name_that_is_not_answered_is_given_up_before_a_connection_would_be() -> None:
    answered = threading.Event()

    def silent(host: str, port: int) -> list[str]:
        answered.wait(10)
        return ["127.0.0.1"]

    async def run() -> None:
        pool = Pool(connect_timeout=30, look_up=silent, look_up_timeout=0.05)
        try:
            with pytest.raises(
                UpstreamUnreachable, match=r"name up\.test does not resolve within 0\.05 seconds"
            ):
                await pool.acquire(Origin("http", "up.test", 1))
        finally:
            answered.set()
            pool.close()

    asyncio.run(run())
