"""How much and how long a WebSocket puts up with: messages nobody takes, clients that do not read or say."""

import asyncio
import base64
import socket
import struct
import sys
import zlib
from collections.abc import Callable

import pytest
from wsproto.events import Ping

from http_loop import Stage, on_stage
from llm_gateway.http.carrier import Switched
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.limits import Limits
from llm_gateway.http.websocket import Opening, WebSocket
from websocket_peer import websocket

KEYED = (b"sec-websocket-key", base64.b64encode(bytes(16)))
VERSIONED = (b"sec-websocket-version", b"13")
PING, PONG = b"\x89\x00", b"\x8a\x80\0\0\0\0"
HI = b"\x81\x82\0\0\0\0hi"


# backpressure


def test_messages_that_nobody_takes_stop_the_client_and_come_all_the_same() -> None:
    go = asyncio.Event()
    taken: list[int] = []

    async def slow(exchange: Exchange) -> None:
        channel = exchange.accept_websocket()
        await go.wait()
        while (message := await channel.receive()) is not None:
            taken.append(len(message))
            if message == b"last":
                channel.send(b"%d" % len(taken))

    async def play(stage: Stage) -> None:
        async with websocket(stage.port) as peer:
            peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            for _ in range(400):
                peer.send("x" * 100_000)
            peer.send("last")
            draining = asyncio.get_running_loop().create_task(peer.writer.drain())
            done, _ = await asyncio.wait({draining}, timeout=0.3)
            assert not done, "40 MB are not held for a handler that takes none of them"
            go.set()
            await draining
            assert await peer.text() == "401"

    on_stage(play, slow)


def test_a_slow_client_blocks_the_handler_and_is_cut_in_the_end() -> None:
    blocked = asyncio.Event()
    ended = asyncio.Event()

    async def flood(exchange: Exchange) -> None:
        channel = exchange.accept_websocket()
        try:
            while True:
                channel.send(b"y" * 100_000)
                if channel.blocked:
                    blocked.set()
                    await channel.drain()
        finally:
            ended.set()

    async def play(stage: Stage) -> None:
        async with websocket(stage.port) as peer:
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # every transport that reads has it
            await asyncio.wait_for(blocked.wait(), 5)
            peer.say(Ping(b"1"))
            peer.say(Ping(b"2"))
            await asyncio.wait_for(ended.wait(), 5)

    on_stage(play, flood, Limits(write_timeout=1.0))


# deadlines


class FakeCarrier:
    """A connection whose time the test moves."""

    def __init__(self, limits: Limits) -> None:
        self.paused = False
        self.limits = limits
        self.sent = b""
        self.patience = 0.0
        self.time = 0.0
        self.hung_up = False
        self.reading = True
        self.later: list[Callable[[], None]] = []

    def carry(self, socket: Switched) -> None:
        """Nothing came early."""

    def send(self, data: bytes) -> None:
        self.sent += data

    async def drained(self) -> None:
        """Never slow."""

    def pause_body(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def within(self, seconds: float) -> None:
        self.patience = seconds

    def now(self) -> float:
        return self.time

    def soon(self, go_on: Callable[[], None]) -> None:
        self.later.append(go_on)

    def turn(self) -> bool:
        """Play a turn of the loop; return whether there was anything to do."""
        due, self.later = self.later, []
        for go_on in due:
            go_on()
        return bool(due)

    def hang_up(self) -> None:
        self.hung_up = True

    def said(self) -> bytes:
        """Return what was sent since the last time."""
        sent, self.sent = self.sent, b""
        return sent


def opened(limits: Limits, *headers: tuple[bytes, bytes]) -> tuple[WebSocket, FakeCarrier]:
    carrier = FakeCarrier(limits)
    told = Opening([VERSIONED, KEYED, *headers], limits)
    return WebSocket(carrier, told), carrier


def test_a_silent_client_is_asked_and_then_given_up() -> None:
    channel, carrier = opened(Limits(idle_timeout=7))
    assert carrier.patience == 7
    channel.expire()
    assert (carrier.said(), carrier.hung_up) == (PING, False)
    channel.received(PONG)
    channel.expire()
    assert (carrier.said(), carrier.hung_up) == (PING, False)
    channel.expire()
    assert (carrier.said(), carrier.hung_up) == (b"", True)


@pytest.mark.parametrize("sign", [PONG, b"\x89\x80\0\0\0\0"], ids=["answers pings", "pings by itself"])
def test_a_client_that_rests_for_long_is_closed_and_not_in_the_middle_of_a_turn(sign: bytes) -> None:
    async def scene() -> None:
        channel, carrier = opened(Limits(idle_timeout=10, socket_idle_timeout=30))

        def pass_time(seconds: int) -> None:
            for _ in range(seconds // 10):
                carrier.time += 10
                if sign == PONG:
                    channel.expire()
                channel.received(sign)

        channel.received(HI)
        assert await channel.receive() == b"hi"
        pass_time(50)
        waiting = asyncio.get_running_loop().create_task(channel.receive())
        await asyncio.sleep(0)
        pass_time(20)
        await asyncio.sleep(0)
        assert not waiting.done(), "while the handler is at something, it is no rest"
        pass_time(10)
        assert await asyncio.wait_for(waiting, 1) is None

    asyncio.run(scene())


def test_of_the_pings_of_a_client_that_does_not_read_the_last_is_answered() -> None:
    channel, carrier = opened(Limits())
    carrier.paused = True
    for number in range(3):
        channel.received(b"\x89\x81\0\0\0\0%d" % number)
    assert carrier.said() == b"" and channel.blocked
    carrier.paused = False
    channel.resumed()
    channel.resumed()
    assert carrier.said() == b"\x8a\x012"


def test_a_message_that_does_not_go_on_is_given_up() -> None:
    channel, carrier = opened(Limits(body_timeout=3))
    channel.received(b"\x01\x82\0\0\0\0hi")
    assert carrier.patience == 3
    channel.expire()
    assert carrier.hung_up and struct.pack("!H", 1008) in carrier.said()


def test_a_message_that_we_do_not_read_on_is_not_too_slow() -> None:
    """What was read before we stopped reading ends in the middle of the next message."""

    async def scene() -> None:
        channel, carrier = opened(Limits(body_timeout=3, idle_timeout=7))
        many = 65
        channel.received(HI * many + b"\x01\x82\0\0\0\0ho")
        assert (carrier.reading, carrier.patience) == (False, 7)
        channel.expire()
        assert (carrier.said(), carrier.hung_up) == (PING, False)
        assert [await channel.receive() for _ in range(many)] == [b"hi"] * many
        assert (carrier.reading, carrier.patience) == (True, 3)
        channel.expire()
        assert carrier.hung_up

    asyncio.run(scene())


def test_of_what_was_read_at_once_no_more_is_taken_apart_than_the_handler_needs() -> None:
    """A read of many deflated messages is not held inflated."""

    async def scene() -> None:
        channel, carrier = opened(Limits(), (b"sec-websocket-extensions", b"permessage-deflate"))
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = (deflate.compress(b" " * 4_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
        frame = b"\xc1\xfe" + struct.pack("!H", len(packed)) + bytes(4) + packed
        many = 200_000 // len(frame)
        channel.received(frame * many)
        assert not carrier.reading
        assert len(channel._ready) < 10 < many
        sizes = [len(message) for _ in range(many) if (message := await channel.receive()) is not None]
        assert sizes == [4_000_000] * many
        assert carrier.reading

    asyncio.run(scene())


def test_a_flood_of_frames_leaves_the_loop_to_others() -> None:
    """One read holds forty thousand pings: read at once, they would stop everybody for a second."""
    channel, carrier = opened(Limits(), (b"sec-websocket-extensions", b"permessage-deflate"))
    channel.received(b"\x89\x80\0\0\0\0" * 10_000 + HI)
    answered = [len(carrier.said())]
    assert [carrier.reading] == [False]
    channel.received(b"\x89\x81\0\0\0\0z" + HI)
    assert carrier.said() == b"", "what comes later is read later"
    while carrier.turn():
        answered.append(len(carrier.said()))
    assert sum(answered) == 2 * 10_000 + 3 and max(answered) < 2 * 2000
    assert carrier.reading
    assert [asyncio.run(channel.receive()) for _ in range(2)] == [b"hi"] * 2


def test_a_flood_of_messages_that_are_answered_at_once_leaves_the_loop_to_others() -> None:
    async def scene() -> None:
        channel, carrier = opened(Limits())
        channel.received(HI * 20_000)

        async def answer_all() -> None:
            for _ in range(20_000):
                assert await channel.receive() == b"hi"

        answering = asyncio.get_running_loop().create_task(answer_all())
        turns = 0
        while not answering.done():
            turns += 1
            carrier.turn()
            await asyncio.sleep(0)
        answering.result()
        assert turns > 20

    asyncio.run(scene())


def test_a_flood_is_read_to_the_goodbye_that_is_waited_for() -> None:
    async def scene() -> None:
        channel, carrier = opened(Limits())
        closing = asyncio.get_running_loop().create_task(channel.close())
        await asyncio.sleep(0)
        channel.received(PONG * 5_000 + b"\x88\x80\0\0\0\0")
        while carrier.turn():
            assert not closing.done()
        await asyncio.wait_for(closing, 1)

    asyncio.run(scene())


def test_a_message_in_very_many_fragments_is_held_as_its_bytes() -> None:
    channel, carrier = opened(Limits())
    channel.received(b"\x01\x80\0\0\0\0" + b"\x00\x82\0\0\0\0hi" * 10_000)
    while carrier.turn():
        pass
    assert 20_000 < sys.getsizeof(channel._begun) < 30_000
    channel.received(b"\x80\x80\0\0\0\0")
    assert asyncio.run(channel.receive()) == b"hi" * 10_000


def test_a_handler_whose_socket_was_given_up_gets_no_more_messages() -> None:
    async def scene() -> None:
        channel, _ = opened(Limits())
        channel.received(HI)
        channel.abandon()
        assert await channel.receive() is None

    asyncio.run(scene())


def test_nothing_is_sent_after_goodbye() -> None:
    channel, carrier = opened(Limits())
    channel.abandon()
    assert struct.pack("!H", 1011) in carrier.said()
    channel.abandon()
    channel.send(b"x")
    channel.resumed()
    channel.received(PING)
    assert carrier.said() == b""


def test_text_that_is_not_utf8_does_not_close_the_socket() -> None:
    channel, carrier = opened(Limits())
    channel.send(b"a\xff")
    assert carrier.said() == b"\x81\x04a\xef\xbf\xbd"
