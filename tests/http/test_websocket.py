"""A WebSocket passes messages, keeps to its bounds, and ends in order whoever ends it."""

import asyncio
import base64
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.client import connect
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from http_loop import Stage, on_stage
from llm_gateway.errors import GatewayError, MalformedRequest, UpgradeRefused
from llm_gateway.http.carrier import GOING_AWAY, NORMAL
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.limits import Limits
from llm_gateway.http.websocket import Opening
from rawhttp import parse_replies
from websocket_peer import WebSocketPeer, fragments, opening, websocket

Scene = Callable[[Stage], Awaitable[None]]
KEY = base64.b64encode(bytes(16))
KEYED, VERSIONED = (b"sec-websocket-key", KEY), (b"sec-websocket-version", b"13")


async def echo(exchange: Exchange) -> None:
    """Answer every message with itself; `close` closes, `fail` fails."""
    try:
        channel = exchange.accept_websocket()
    except GatewayError as error:
        exchange.respond(error.status, b"", error.kind.encode())
        return
    while (message := await channel.receive()) is not None:
        if message == b"close":
            await channel.close(NORMAL, "as you wish")
            break
        if message == b"fail":
            break
        channel.send(message)
    else:
        await channel.close(GOING_AWAY, "bye")
    exchange.abandon()


class Watched:
    """A handler that echoes and takes note of how it ended."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.cancelled = False

    async def __call__(self, exchange: Exchange) -> None:
        try:
            await echo(exchange)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self.ended.set()


def watched(scene: Callable[[WebSocketPeer, Watched], Awaitable[None]], limits: Limits | None = None) -> None:
    """Play a scene with a client and the handler that it is answered by."""

    async def play(stage: Stage) -> None:
        async with websocket(stage.port) as peer:
            await scene(peer, handlers[0])

    handlers: list[Watched] = []

    async def handle(exchange: Exchange) -> None:
        handlers.append(Watched())
        await handlers[-1](exchange)

    on_stage(play, handle, limits)


async def soon(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 5)


# opening


def test_the_answer_to_the_example_of_the_standard() -> None:
    headers = [
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        (b"sec-websocket-extensions", b"x-other, permessage-deflate; client_max_window_bits"),
    ]
    told = Opening(headers, Limits())
    assert told.fields == (
        b"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"sec-websocket-extensions: permessage-deflate\r\n"
    )
    assert [extension.enabled() for extension in told.extensions] == [True]
    assert Opening(headers[:2], Limits()).extensions == []


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([KEYED], UpgradeRefused),
        ([KEYED, (b"sec-websocket-version", b"8")], UpgradeRefused),
        ([VERSIONED], MalformedRequest),
        ([VERSIONED, KEYED, KEYED], MalformedRequest),
        ([VERSIONED, (b"sec-websocket-key", b"AAAA")], MalformedRequest),
        ([VERSIONED, (b"sec-websocket-key", b"?" * 24)], MalformedRequest),
        ([VERSIONED, (b"sec-websocket-key", b"\xff" * 24)], MalformedRequest),
    ],
)
def test_what_is_no_opening_is_refused(headers: list[tuple[bytes, bytes]], error: type[GatewayError]) -> None:
    with pytest.raises(error):
        Opening(headers, Limits())


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (opening(version="8"), 426),
        (opening(method="POST"), 426),
        (opening().replace(b"HTTP/1.1", b"HTTP/1.0"), 426),
        (opening("/", "Content-Length: 2") + b"hi", 426),
        (opening("/", "Transfer-Encoding: chunked") + b"2\r\nhi\r\n0\r\n\r\n", 426),
        (opening().replace(KEY, b"AAAA"), 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 426),
    ],
    ids=["version", "method", "HTTP/1.0", "body", "chunked body", "key", "no upgrade"],
)
def test_a_refusal_is_an_ordinary_answer(request_: bytes, status: int) -> None:
    async def play(stage: Stage) -> None:
        (reply,) = parse_replies(await stage.say(request_))
        assert reply.status == status and reply.whole

    on_stage(play, echo)


def test_messages_that_come_with_the_opening_are_not_lost() -> None:
    async def play(stage: Stage) -> None:
        for pieces in (0, 1):
            reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
            data = opening() + b"\x81\x82\0\0\0\0hi"
            for start in range(0, len(data), pieces or len(data)):
                writer.write(data[start : start + (pieces or len(data))])
                await writer.drain()
            assert (await reader.readuntil(b"\x81\x02hi")).startswith(b"HTTP/1.1 101 ")
            writer.close()

    on_stage(play, echo)


def test_what_comes_before_it_is_accepted_is_bounded() -> None:
    entered = asyncio.Event()

    async def waits(exchange: Exchange) -> None:
        entered.set()
        await asyncio.Event().wait()

    async def play(stage: Stage) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + opening())
        await soon(entered)
        for _ in range(40):
            writer.write(bytes(2048))
            await writer.drain()
        writer.close()
        await reader.read()

    on_stage(play, waits)


# messages


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 10_000])
def test_messages_are_the_same_wherever_their_bytes_are_cut(pieces: int) -> None:
    async def scene(peer: WebSocketPeer, _: Watched) -> None:
        said = [
            TextMessage("Grüße"),
            *fragments("aus Köln", (1, 0, 3)),
            TextMessage(""),
            TextMessage("z" * 200),
        ]
        data = b"".join(peer.frames.send(event) for event in said)
        for start in range(0, len(data), pieces):
            peer.send_raw(data[start : start + pieces])
            await peer.writer.drain()
            await asyncio.sleep(0)
        assert [await peer.text() for _ in range(4)] == ["Grüße", "aus Köln", "", "z" * 200]

    watched(scene)


def test_a_large_message_passes_both_ways() -> None:
    async def scene(peer: WebSocketPeer, _: Watched) -> None:
        text = "Köln " * 300_000
        peer.send(text)
        assert await peer.text() == text

    watched(scene)


def test_a_ping_is_answered_in_the_middle_of_a_message() -> None:
    async def scene(peer: WebSocketPeer, _: Watched) -> None:
        first, last = fragments("hello", (2,))
        for event in (first, Ping(b"there?"), last):
            peer.say(event)
        assert await peer.event() == Pong(b"there?")
        assert await peer.text() == "hello"

    watched(scene)


def test_deflated_messages_are_understood() -> None:
    async def play(stage: Stage) -> None:
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
        async with websocket(stage.port, opening("/", offer)) as peer:
            assert b"sec-websocket-extensions: permessage-deflate\r\n" in peer.head
            for text in ("a" * 10_000, "b", "a" * 10_000):
                peer.send(text)
                assert await peer.text() == text

    on_stage(play, echo)


def test_a_client_of_another_make_is_understood() -> None:
    async def play(stage: Stage) -> None:
        async with connect(f"ws://127.0.0.1:{stage.port}/", proxy=None) as client:
            await client.send("Grüße " * 1000)
            assert await client.recv() == "Grüße " * 1000
            await client.send(["in ", "three ", "pieces"])
            assert await client.recv() == "in three pieces"
            await (await client.ping())
            await client.send("close")
            await client.wait_closed()
            assert (client.close_code, client.close_reason) == (1000, "as you wish")

    on_stage(play, echo)


# what breaks the protocol


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02hi", 1002),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\x80\x80\0\0\0\0", 1002),
        (b"\x09\x80\0\0\0\0", 1002),
        (b"\x89\xfe\0\x80\0\0\0\0", 1002),
        (b"\xc1\x80\0\0\0\0", 1002),
        (b"\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 1002),
        (b"\x88\x81\0\0\0\0x", 1002),
        (b"\x81\x82\0\0\0\0\xff\xff", 1007),
    ],
    ids=[
        "no mask", "opcode", "continuation of nothing", "fragmented ping", "long ping", "reserved bit",
        "length", "close of one byte", "not UTF-8",
    ],
)  # fmt: skip
def test_what_breaks_the_protocol_is_told_and_ends_the_handler(data: bytes, code: int) -> None:
    async def scene(peer: WebSocketPeer, handler: Watched) -> None:
        peer.send_raw(data)
        told, reason = await peer.closed()
        assert told == code and reason and "0xff" not in reason
        await soon(handler.ended)
        assert handler.cancelled

    watched(scene)


def test_bytes_are_no_text() -> None:
    async def scene(peer: WebSocketPeer, handler: Watched) -> None:
        peer.say(BytesMessage(b"\0"))
        peer.send("more")
        assert (await peer.closed())[0] == 1003
        await soon(handler.ended)

    watched(scene)


@pytest.mark.parametrize("deflated", [False, True])
def test_a_message_over_the_limit_is_refused_before_it_is_whole(deflated: bool) -> None:
    async def play(stage: Stage) -> None:
        offers = ["Sec-WebSocket-Extensions: permessage-deflate"] * deflated
        async with websocket(stage.port, opening("/", *offers)) as peer:
            peer.send("x" * 1000)
            assert await peer.text() == "x" * 1000
            # Of a deflated message the client holds back what is no whole block yet.
            for event in [TextMessage("x" * 1001)] if deflated else fragments("x" * 1101, [100] * 11)[:-1]:
                peer.say(event)
            assert await peer.closed() == (1009, "the message is over 1000 bytes (server.max_body_bytes)")

    on_stage(play, echo, Limits(max_body_bytes=1000))


# the ends


@pytest.mark.parametrize(("code", "reason"), [(1000, "done"), (1001, ""), (4321, "mine")])
def test_a_client_that_closes_hears_its_code_and_cancels_the_handler(code: int, reason: str) -> None:
    async def scene(peer: WebSocketPeer, handler: Watched) -> None:
        peer.say(CloseConnection(code, reason or None))
        assert await peer.closed() == (code, reason)
        await soon(handler.ended)
        assert handler.cancelled
        assert await peer.reader.read() == b""

    watched(scene)


def test_a_client_that_goes_away_cancels_the_handler() -> None:
    async def scene(peer: WebSocketPeer, handler: Watched) -> None:
        peer.send("x")
        await peer.text()
        peer.leave()
        await soon(handler.ended)
        assert handler.cancelled

    watched(scene)


def test_a_client_that_closes_its_sending_side_has_left() -> None:
    async def scene(peer: WebSocketPeer, handler: Watched) -> None:
        peer.writer.write_eof()
        await soon(handler.ended)
        assert handler.cancelled
        assert await peer.reader.read() == b""

    watched(scene)


def test_the_handler_closes_with_code_and_reason() -> None:
    async def scene(peer: WebSocketPeer, handler: Watched) -> None:
        peer.send("close")
        peer.send("ignored")
        event = await peer.event()
        assert event == CloseConnection(1000, "as you wish")
        assert not handler.ended.is_set(), "it waits for the answer"
        peer.send_raw(peer.frames.send(CloseConnection(1000)))
        await soon(handler.ended)
        assert not handler.cancelled
        assert await peer.reader.read() == b""

    watched(scene)


def test_a_close_that_nobody_answers_is_waited_for_only_so_long() -> None:
    async def scene(peer: WebSocketPeer, handler: Watched) -> None:
        peer.send("close")
        await soon(handler.ended)
        assert not handler.cancelled

    watched(scene)


def test_a_handler_that_ends_without_closing_has_failed() -> None:
    async def scene(peer: WebSocketPeer, handler: Watched) -> None:
        peer.send("fail")
        code, reason = await peer.closed()
        assert code == 1011 and "log" in reason

    watched(scene)


def test_a_listener_that_closes_lets_the_handler_say_goodbye() -> None:
    async def play(stage: Stage) -> None:
        async with websocket(stage.port) as peer:
            closing = asyncio.get_running_loop().create_task(stage.listener.close(5))
            assert await peer.closed() == (1001, "bye")
            peer.writer.close()
            await asyncio.wait_for(closing, 3)

    on_stage(play, echo)
