"""Applications behind an exchange: what they are told, and what becomes of what they say."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fakes import FakeWire
from http_loop import Stage, on_stage
from llm_gateway.errors import BodyTooLarge
from llm_gateway.http.asgi import Application, Message, serve_asgi
from llm_gateway.http.exchange import Exchange
from rawhttp import parse_replies, request

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def saying(*messages: Message) -> Application:
    async def application(scope: Message, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return application


def served(application: Application, exchange: Exchange) -> None:
    asyncio.run(serve_asgi(exchange, application))


def test_the_scope_says_what_was_asked() -> None:
    scopes: list[Message] = []

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await send(start())
        await send({"type": "http.response.body"})

    wire = FakeWire()
    served(application, wire.exchange(b"GET", b"/a%20b/%C3%BC?q=1&x=%20", [(b"x-name", b"value")]))
    assert scopes == [
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/a b/ü",
            "raw_path": b"/a%20b/%C3%BC",
            "query_string": b"q=1&x=%20",
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1"), (b"x-name", b"value")],
            "client": ("127.0.0.1", 0),
            "server": None,
        }
    ]
    assert (wire.reply.status, wire.reply.body) == (200, b"")


def test_the_body_comes_whole_and_then_nothing_more() -> None:
    got: list[Message] = []

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        got.append(await receive())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.01)
        await send(start(201))
        await send(body(bytes(got[0]["body"])[::-1]))

    wire = FakeWire()
    served(application, wire.exchange(b"POST", b"/", body=b"abc"))
    assert got == [{"type": "http.request", "body": b"abc", "more_body": False}]
    assert (wire.reply.status, wire.reply.body) == (201, b"cba")


def test_a_body_over_the_limit_is_refused() -> None:
    async def application(scope: Message, receive: Receive, send: Send) -> None:
        await receive()

    exchange = FakeWire().exchange(b"POST", b"/", body=b"x" * 11)
    with pytest.raises(BodyTooLarge):
        asyncio.run(serve_asgi(exchange, application, max_body=10))


def test_framing_is_ours() -> None:
    wire = FakeWire()
    fields = ((b"Content-Type", b"text/plain"), (b"Content-Length", b"99"), (b"Transfer-Encoding", b"gzip"))
    served(saying(start(200, *fields), body(b"hello")), wire.exchange(b"GET", b"/"))
    assert wire.reply.headers == (("content-type", "text/plain"), ("content-length", "5"))
    assert wire.reply.body == b"hello" and wire.reply.whole


def test_a_body_in_pieces_is_passed_on_in_pieces() -> None:
    wire = FakeWire()
    pieces = [body(b"one ", more=True), body(b"", more=True), body(b"two ", more=True), body(b"three")]
    served(saying(start(), *pieces), wire.exchange(b"GET", b"/"))
    assert wire.reply.header("transfer-encoding") == "chunked"
    assert (wire.reply.body, wire.reply.whole) == (b"one two three", True)


def test_a_slow_client_is_waited_for() -> None:
    class SlowWire(FakeWire):
        drains = 0

        def send(self, data: bytes) -> None:
            super().send(data)
            self.paused = True

        async def drained(self) -> None:
            self.drains += 1
            self.paused = False

    wire = SlowWire()
    served(saying(start(), body(b"one", more=True), body(b"two")), wire.exchange(b"GET", b"/"))
    assert wire.drains == 2


@pytest.mark.parametrize("messages", [(), (start(),), (start(), body(b"cut", more=True))])
def test_an_application_that_stops_early_leaves_the_exchange_open(messages: tuple[Message, ...]) -> None:
    exchange = FakeWire().exchange(b"GET", b"/")
    served(saying(*messages), exchange)
    assert not exchange.done, "the edge sees it and closes the connection"


def test_a_body_without_a_head_is_a_defect() -> None:
    exchange = FakeWire().exchange(b"GET", b"/")
    with pytest.raises(RuntimeError, match="before its head"):
        served(saying(body(b"x")), exchange)
    assert not exchange.started


def test_over_a_real_connection_a_head_request_has_no_body() -> None:
    async def scene(stage: Stage) -> bytes:
        said = request("HEAD", "/") + request("GET", "/", headers=[("Connection", "close")])
        return await stage.say(said)

    async def page(exchange: Exchange) -> None:
        await serve_asgi(exchange, saying(start(), body(b"hello")))

    raw = on_stage(scene, page)
    head, _, rest = raw.partition(b"\r\n\r\n")
    assert b"content-length: 5" in head and rest.startswith(b"HTTP/1.1 200 OK")
    assert parse_replies(rest)[0].body == b"hello"
