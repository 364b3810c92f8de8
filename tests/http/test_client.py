"""An answer is read at any split, bounded, and never taken for whole when it is not."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from http_peer import OK, Peer, with_peer
from llm_gateway.errors import UpstreamBroken, UpstreamFault, UpstreamTimeout, UpstreamTruncated
from llm_gateway.http.client import ClientConnection, Patience
from llm_gateway.http.pool import Pool

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


def play(scene: Callable[[ClientConnection, Peer], Awaitable[None]], *answers: bytes) -> None:
    """Run a scene with one connection to a peer that gives these answers."""

    async def run(peer: Peer) -> None:
        pool = Pool(connect_timeout=1)
        try:
            await scene(await pool.acquire(peer.origin), peer)
        finally:
            pool.close()
            await asyncio.sleep(0)

    asyncio.run(with_peer(run, answers))


async def read_all(connection: ClientConnection, patience: Patience | None = None) -> bytes:
    """Send a request and return the whole body."""
    await connection.send(GET, b"", patience or Patience(5, 5))
    body = b""
    while piece := await connection.read():
        body += piece
    return body


def test_an_answer_is_read_with_its_head() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        assert await read_all(connection) == b"hi"
        assert connection.status == 201
        assert connection.headers == [(b"x-thing", b"A"), (b"content-length", b"2")]
        assert connection.ended

    play(scene, b"HTTP/1.1 201 Created\r\nX-Thing: A\r\nContent-Length: 2\r\n\r\nhi")


def test_interim_answers_are_passed_over() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        assert await read_all(connection) == b"hi"
        assert connection.status == 200

    play(scene, b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK)


def test_a_body_without_a_length_lasts_until_the_close() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        assert await read_all(connection) == b"all of it"

    play(scene, b"HTTP/1.1 200 OK\r\n\r\nall of itCLOSE")


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"CLOSE", UpstreamBroken),
        (b"hello there\r\n\r\n", UpstreamBroken),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhiCLOSE", UpstreamTruncated),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\nCLOSE", UpstreamTruncated),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n", UpstreamBroken),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000 + b"\r\n\r\n", UpstreamBroken),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300 + b"\r\n", UpstreamBroken),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nboo", UpstreamBroken),
    ],
)
def test_what_is_not_an_answer_is_a_fault_with_its_kind(answer: bytes, fault: type[UpstreamFault]) -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        with pytest.raises(fault):
            await asyncio.wait_for(read_all(connection), 3)
        assert connection.closed or not connection.busy or connection._transport.is_closing()

    play(scene, answer)


def test_silence_is_a_timeout_before_the_head_and_after_it() -> None:
    async def before(connection: ClientConnection, peer: Peer) -> None:
        with pytest.raises(UpstreamTimeout):
            await asyncio.wait_for(read_all(connection, Patience(0.05, 5)), 4)

    async def after(connection: ClientConnection, peer: Peer) -> None:
        with pytest.raises(UpstreamTimeout):
            await asyncio.wait_for(read_all(connection, Patience(5, 0.05)), 4)

    play(before)
    play(after, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi")


def test_a_head_that_drips_has_no_more_time_than_one_that_does_not_come() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        with pytest.raises(UpstreamTimeout, match=r"did not begin to answer within 0\.5 seconds"):
            await asyncio.wait_for(read_all(connection, Patience(0.5, 60)), 4)

    play(scene, b"HTTP/1.1 200 OK\r\nx-slow: ")


def test_an_answer_that_does_not_end_is_given_up() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        with pytest.raises(UpstreamTimeout, match=r"did not end its answer within 0\.5 seconds"):
            await asyncio.wait_for(read_all(connection, Patience(5, 60, 0.5)), 4)

    play(scene, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi")


def test_an_answer_that_has_ended_is_not_given_up() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        await connection.send(GET, b"", Patience(5, 5, 0.1))
        await asyncio.sleep(2.1)
        assert await connection.read() == b"hi"
        assert await connection.read() == b""

    play(scene, OK)


def test_what_arrives_first_can_be_waited_for_and_is_still_there() -> None:
    async def comes(connection: ClientConnection, peer: Peer) -> None:
        await connection.send(GET, b"", Patience(5, 5))
        await connection.arrive()
        assert connection.take() == b"hi"
        await connection.arrive()  # its end has come, too

    async def breaks(connection: ClientConnection, peer: Peer) -> None:
        await connection.send(GET, b"", Patience(5, 5))
        with pytest.raises(UpstreamTruncated):
            await connection.arrive()

    play(comes, OK)
    play(breaks, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nCLOSE")


def test_an_answer_that_is_given_up_closes_the_connection_at_once() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        await connection.send(GET, b"", Patience(5, 5))
        connection.release()
        await asyncio.wait_for(peer.left.wait(), 0.1)

    play(scene, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi")


def test_an_answer_that_nobody_reads_is_not_taken_in_without_bound() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        await connection.send(GET, b"", Patience(5, 5))
        await asyncio.sleep(0.1)
        first = connection.take()
        assert len(first) < 2 * 1024 * 1024
        body = first
        while piece := await connection.read():
            body += piece
        assert len(body) == 20_000_000

    play(scene, b"HTTP/1.1 200 OK\r\ncontent-length: 20000000\r\n\r\n" + b"x" * 20_000_000)


def test_bytes_that_nobody_asked_for_end_a_resting_connection() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        assert await read_all(connection) == b"hi"
        connection.release()
        peer.say(OK)
        await asyncio.sleep(0.02)
        assert connection.closed

    play(scene, OK)


@pytest.mark.parametrize("rest", [b" and more", OK], ids=["the rest", "another answer"])
def test_an_answer_with_more_behind_it_is_none(rest: bytes) -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        with pytest.raises(UpstreamBroken, match="more than its answer"):
            await read_all(connection)
        assert not connection.ended
        connection.release()
        assert connection.closed or await asyncio.wait_for(peer.left.wait(), 1)

    play(scene, OK + rest)


def test_what_one_sink_cannot_take_is_not_told_to_the_next() -> None:
    class Odd(Exception):
        """What a sink may raise."""

    def refuses(data: bytes) -> bool:
        raise Odd

    async def scene(connection: ClientConnection, peer: Peer) -> None:
        await connection.send(GET, b"", Patience(5, 5))
        with pytest.raises(Odd):
            await connection.pour(refuses)
        connection.release()
        taken: list[bytes] = []

        def takes(data: bytes) -> bool:
            taken.append(data)
            return True

        await connection.send(GET, b"", Patience(5, 5))
        await connection.pour(takes)
        assert taken == [b"hi"]

    play(scene, OK, OK)


def test_a_sink_gets_the_pieces_as_they_come_and_may_stop() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        taken: list[bytes] = []

        def one(data: bytes) -> bool:
            taken.append(data)
            return False

        await connection.send(GET, b"", Patience(5, 5))
        await connection.pour(one)
        assert b"".join(taken) == b"hi"
        assert connection.ended

    play(scene, OK)


# whether a request has gone out


async def asked(connection: ClientConnection, peer: Peer, body: bytes = b"") -> "asyncio.Task[None]":
    """Send a request and return when the peer has some of it."""
    task = asyncio.ensure_future(connection.send(GET, body, Patience(5, 5)))
    while not peer.received:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return task


def test_a_request_that_waits_for_the_end_of_the_turn_has_not_gone_out() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        task = asyncio.ensure_future(connection.send(GET, b"", Patience(5, 5)))
        asyncio.get_running_loop().call_soon(lambda: gone.append(connection.gone_out))
        gone: list[bool] = []
        await task
        assert gone == [False] and connection.gone_out

    play(scene, OK)


def test_a_request_that_the_peer_has_has_gone_out() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        task = await asked(connection, peer)
        assert connection.gone_out and not connection.received
        task.cancel()

    play(scene)


def test_a_request_that_the_peer_does_not_take_has_not_gone_out() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        peer.deaf = True
        task = await asked(connection, peer, b"x" * 50_000_000)
        assert not connection.gone_out
        task.cancel()
        connection.abort()

    play(scene)


def test_what_was_sent_on_a_kept_connection_that_then_closes_has_reached_nobody() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        with pytest.raises(UpstreamBroken):
            await read_all(connection)
        assert connection.gone_out, "a new one"

    play(scene, b"CLOSE")

    async def again(connection: ClientConnection, peer: Peer) -> None:
        await read_all(connection)
        with pytest.raises(UpstreamBroken):
            await read_all(connection)
        assert not connection.gone_out

    play(again, OK, b"CLOSE")


def test_an_answer_that_began_shows_that_its_request_has_gone_out() -> None:
    async def scene(connection: ClientConnection, peer: Peer) -> None:
        await read_all(connection)
        with pytest.raises(UpstreamBroken):
            await read_all(connection)
        assert connection.gone_out

    play(scene, OK, b"HTTP/1.1 2CLOSE")
