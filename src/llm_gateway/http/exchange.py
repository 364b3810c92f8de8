"""One request and its response on a server connection, as the rooms above see it.

An exchange never touches the socket: it hands bytes to its connection (`Wire`) and is told of bytes,
of the end and of failure. What the request means is not its business.
"""

import asyncio
import importlib
from typing import TYPE_CHECKING, Protocol

from llm_gateway.errors import BodyTooLarge, GatewayError, UpgradeRefused
from llm_gateway.http import wording
from llm_gateway.http.carrier import Carrier
from llm_gateway.wire.headers import Headers, get

if TYPE_CHECKING:
    from llm_gateway.http.websocket import WebSocket

__all__ = ["Exchange", "Memo", "Wire"]

_EARLY_BODY = 256 * 1024
# Only looked for at the end of what is sent: an ending that comes in two pieces is one when the next is sent.
_EVENT_ENDS = (b"\n\n", b"\r\n\r\n")


class Wire(Protocol):
    """What an exchange needs from its connection."""

    paused: bool

    def send(self, data: bytes) -> None:
        """Write bytes to the client."""
        ...

    def resume_body(self) -> None:
        """Let body bytes flow again."""
        ...

    def pause_body(self) -> None:
        """Stop body bytes until they are asked for."""
        ...

    async def drained(self) -> None:
        """Wait until the client has taken what was written."""
        ...

    def carrier(self) -> Carrier:
        """Return what carries a WebSocket from now on."""
        ...

    def finished(self, exchange: "Exchange") -> None:
        """Take note that the response is complete."""
        ...


class Memo:
    """What the rooms above found out about a header section.

    The requests of one connection mostly come with the same header section again and again; those
    that do share one memo. `admitted` is the guard's, `sender` the pipeline's.
    """

    __slots__ = ("admitted", "sender")

    def __init__(self) -> None:
        self.admitted = False
        self.sender: object = None


class Exchange:
    """A request that is being answered.

    `headers` have lower-case names, in order, Host included and Content-Length left out; `target` is the
    request target as sent.
    """

    __slots__ = (
        "_chunked",
        "_done",
        "_due",
        "_events",
        "_failure",
        "_heard",
        "_limit",
        "_parts",
        "_size",
        "_waiter",
        "_wire",
        "announced",
        "bytes_out",
        "close_after",
        "complete",
        "ends_event",
        "expects_continue",
        "headers",
        "http10",
        "keep_alive",
        "memo",
        "method",
        "peer",
        "started",
        "target",
        "upgrade",
    )

    def __init__(self, wire: Wire, peer: str) -> None:
        self._wire = wire
        self.peer = peer
        self.method = b""
        self.target = b""
        self.headers: Headers = []
        self.memo = Memo()
        self.http10 = False
        self.upgrade = b""
        self.close_after = False
        self.expects_continue = False
        self.announced = 0  # the Content-Length, where there is one
        self.complete = False
        self.started = False
        self.bytes_out = 0
        self.ends_event = False
        self.keep_alive = False
        self._parts: list[bytes] = []
        self._size = 0
        self._limit = -1
        self._failure: GatewayError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._chunked = False
        self._events = False
        self._heard = -1  # how much had been sent when it was looked at last
        self._due = 0.0
        self._done = False

    # the request's body

    async def body(self, limit: int) -> bytes:
        """Return the whole body as sent; BodyTooLarge when it is over `limit` bytes.

        A client that announced a body and waits for leave to send it gets that leave here
        (RFC 9110, 10.1.1), so a request that is refused before costs it nothing.
        """
        self._limit = limit
        if not self.complete:
            if self.expects_continue and not self._size and not self._over(limit):
                self._wire.send(wording.CONTINUE)
            self._wire.resume_body()
            while not self._settled(limit):
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
        if self._failure is not None:
            raise self._failure
        if self._over(limit):
            raise BodyTooLarge(f"the body is over {limit} bytes (server.max_body_bytes)")
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _settled(self, limit: int) -> bool:
        return self.complete or self._failure is not None or self._over(limit)

    def _over(self, limit: int) -> bool:
        return self._size > limit or self.announced > limit

    def whole(self, limit: int) -> bytes | None:
        """Return the body if all of it is here and within `limit`; None means that `body` is to be asked."""
        if not self.complete or self._failure is not None or self._size > limit:
            return None
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def body_received(self, data: bytes) -> None:
        """Take a piece of the body from the connection."""
        if self._done:
            return
        self._parts.append(data)
        self._size += len(data)
        if self._limit < 0:
            if self._size > _EARLY_BODY:
                self._wire.pause_body()
        elif self._size > self._limit:
            self._wire.pause_body()
            self._wake()

    def body_complete(self) -> None:
        """Take note that the whole request has come."""
        self.complete = True
        self._wake()

    def fail(self, error: GatewayError) -> None:
        """Make whoever waits for the body, now or later, see `error`."""
        self._failure = error
        self.close_after = True
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # the response

    @property
    def done(self) -> bool:
        """Whether the response is complete."""
        return self._done

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        """Send a whole response. `headers` are header lines; length and framing are added here."""
        closing = self._closing()
        self.started = True
        self.bytes_out += len(body)
        head = b"%b%b%bcontent-length: %d\r\n\r\n" % (
            wording.status_line(status),
            headers,
            b"connection: close\r\n" if closing else b"",
            len(body),
        )
        if status < 200 or status in (204, 304):
            head = b"%b%b\r\n" % (wording.status_line(status), headers)
            body = b""
        elif self.method == b"HEAD":
            body = b""
        self._wire.send(head + body if len(body) < 65536 else head)
        if len(body) >= 65536:
            self._wire.send(body)
        self._finish()

    def begin(self, status: int, headers: bytes, first: bytes = b"") -> None:
        """Send the head of a response of unknown length, and `first` with it.

        To a HEAD request that is all of it: the exchange is done, and what is written then goes nowhere.
        """
        bare = self.method == b"HEAD"
        first = b"" if bare else first
        self._chunked = not self.http10
        if self.http10:
            self.close_after = True
        self.started = True
        self.bytes_out += len(first)
        self._events = b"content-type: text/event-stream" in headers
        self.ends_event = not first or first.endswith(_EVENT_ENDS)
        self._wire.send(
            b"%b%b%b%b\r\n%b"
            % (
                wording.status_line(status),
                headers,
                b"transfer-encoding: chunked\r\n" if self._chunked else b"",
                b"connection: close\r\n" if self._closing() else b"",
                wording.chunk(first) if first and self._chunked else first,
            )
        )
        if bare:
            self._finish()

    def write(self, data: bytes) -> None:
        """Send a piece of the body of a begun response; nothing for no bytes."""
        if data and not self._done:
            self.bytes_out += len(data)
            self.ends_event = data.endswith(_EVENT_ENDS)
            self._wire.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def end(self, data: bytes = b"") -> None:
        """Complete a begun response, with `data` as its last piece."""
        if self._done:
            return
        self.bytes_out += len(data)
        if self._chunked:
            self._wire.send(wording.chunk(data) + wording.LAST_CHUNK if data else wording.LAST_CHUNK)
        elif data:
            self._wire.send(data)
        self._finish()

    def abandon(self) -> None:
        """Give up a begun response: the connection closes without the body's proper end."""
        self.close_after = True
        self._finish()

    def accept_websocket(self, most_binary: int = 0) -> "WebSocket":
        """Switch to a WebSocket; raise UpgradeRefused or MalformedRequest where its opening is not in order.

        It speaks text, or with `most_binary` binary messages of so many bytes at most. The exchange is over
        with the socket: a handler that ends without having closed it gives it up.
        """
        has_body = self.announced or not self.complete or get(self.headers, b"transfer-encoding") is not None
        if self.upgrade != b"websocket" or self.method != b"GET" or self.http10 or has_body:
            why = "a WebSocket is opened by a GET request without a body, in HTTP/1.1"
            raise UpgradeRefused(why, to="websocket")
        carrier = self._wire.carrier()
        websocket = importlib.import_module("llm_gateway.http.websocket")  # see `http/carrier.py`
        opening = websocket.Opening(self.headers, carrier.limits)
        self.started = True
        self._wire.send(b"%b%b\r\n" % (wording.status_line(101), opening.fields))
        socket: WebSocket = websocket.WebSocket(carrier, opening, most_binary)
        carrier.carry(socket)
        return socket

    @property
    def blocked(self) -> bool:
        """Whether the client is slower than we are; `await drain()` before the next write."""
        return self._wire.paused

    async def drain(self) -> None:
        """Wait until the client has taken enough for more to be written."""
        await self._wire.drained()

    def probe(self) -> None:
        """Send something harmless, so that a client that is gone answers with a reset.

        A client may close its sending side and still read; only a write tells it from one that left.
        """
        if not self.started:
            if not self.http10:
                self._wire.send(wording.STILL_THERE)
        elif self._chunked:
            self._wire.send(wording.BEGUN_CHUNK)
        elif self._events and self.ends_event:
            self._comment(b":\n\n")

    def look(self, now: float, every: float) -> None:
        """Say to a client that its stream goes on, once that has said nothing for `every` seconds.

        Called once a second. What was sent since the last time may have been sent just after it. Nothing is
        said in the middle of an event, nor to a client that does not read: that one has a deadline.
        """
        if self._heard != self.bytes_out:
            self._heard = self.bytes_out
            self._due = now + every - 1.0
        elif self._due <= now and self._events and self.ends_event and not self._wire.paused:
            self._comment(wording.KEEP_ALIVE)
            self._due = now + every

    def _comment(self, comment: bytes) -> None:
        self._wire.send(wording.chunk(comment) if self._chunked else comment)

    def _closing(self) -> bool:
        return self.close_after or self.http10 or not self.complete

    def _finish(self) -> None:
        if not self.complete:
            self.close_after = True
        self._done = True
        self._parts = []
        self._wire.finished(self)
