"""The accepting side of HTTP/1.1: one connection, its parser, its deadline, its queue of requests.

llhttp (through httptools) reads the bytes; what it lets pass and we do not is refused here: no Host or
two, a Transfer-Encoding other than `chunked`, header sections over the caps. A request is handed to
the handler as an `Exchange`; one task per request, one request at a time per connection.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Protocol, cast

import httptools

from llm_gateway.errors import GatewayError, HeadersTooLarge, MalformedRequest, RequestTimeout, TargetTooLong
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.limits import Limits

__all__ = ["Connection", "Handler", "Owner", "Refusal"]

Handler = Callable[[Exchange], Coroutine[object, object, None]]
Refusal = Callable[[GatewayError], tuple[bytes, bytes]]
"""Render an error that happens before a request has a dialect: header lines and body."""

_MAX_PIPELINED = 32
_LINGER = 2.0
_PROBE_AGAIN = 0.025
_WATCHED = frozenset((b"host", b"transfer-encoding", b"expect", b"upgrade"))


class Owner(Protocol):
    """What a connection needs from the listener that accepted it."""

    loop: asyncio.AbstractEventLoop
    handler: Handler
    refusal: Refusal
    limits: Limits
    draining: bool

    def joined(self, connection: "Connection", peer: str) -> bool:
        """Count a connection in; False when it may not stay."""
        ...

    def left(self, connection: "Connection") -> None:
        """Count a connection out."""
        ...

    def refused(self, error: GatewayError) -> None:
        """Take note of bytes that never became a request."""
        ...


class Connection(asyncio.Protocol):
    """One accepted connection."""

    __slots__ = (
        "_current",
        "_drain",
        "_error",
        "_hosts",
        "_listener",
        "_loop",
        "_parser",
        "_peer",
        "_queue",
        "_raw",
        "_reading",
        "_section",
        "_seen",
        "_task",
        "_transport",
        "closing",
        "deadline",
        "paused",
    )

    def __init__(self, listener: Owner) -> None:
        self._listener = listener
        self._loop = listener.loop
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._drain: asyncio.Future[None] | None = None
        self._error: GatewayError | None = None
        self._reading: Exchange | None = None  # the exchange whose bytes are being parsed
        self._section = 0  # 0 between requests, 1 in the header section, 2 in the body
        self._seen = 0  # bytes of complete header fields
        self._raw = 0  # bytes that came while the header section was incomplete
        self._hosts = 0
        self._peer = ""
        self.paused = False
        self.closing = False
        self.deadline = 0.0

    # from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the accepted transport."""
        # uvloop's transports have the methods of asyncio.Transport without being one.
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        self.deadline = self._loop.time() + self._listener.limits.header_timeout
        if not self._listener.joined(self, self._peer):
            self.closing = True
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what was being answered: nobody listens any more."""
        self.closing = True
        self._listener.left(self)
        self._resume_writers()
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Parse what came, then start what became ready."""
        if self.closing or self._error is not None:
            return
        section = self._section
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is complete; the connection closes after its answer
        except httptools.HttpParserCallbackError:
            if self._error is None:
                self._error = MalformedRequest("the request could not be read")
        except httptools.HttpParserError as error:
            if self._error is None:
                self._error = MalformedRequest(f"the request is not valid HTTP/1.1: {str(error)[:80]}")
        if self._section == 1 and section == 1:
            self._raw += len(data)
            if self._raw > self._listener.limits.max_head_bytes and self._error is None:
                self._error = self._too_large()
        if self._error is not None:
            self._broken(self._error)
        elif self._current is None:
            self._next()
        elif self._section == 2:
            self.deadline = self._loop.time() + self._listener.limits.body_timeout

    def eof_received(self) -> bool:
        """Keep answering a client that only closed its sending side; find out whether it did."""
        current = self._current
        if current is None or self.closing or not current.complete:
            return False
        current.close_after = True
        current.probe()
        self._loop.call_later(_PROBE_AGAIN, self._probe_again, current)
        return True

    def pause_writing(self) -> None:
        """Take note that the client reads more slowly than we write."""
        self.paused = True
        self.deadline = self._loop.time() + self._listener.limits.write_timeout

    def resume_writing(self) -> None:
        """Let the writers go on."""
        self.paused = False
        if self._current is not None and self._section != 2:
            self.deadline = 0.0
        self._resume_writers()

    # from the parser

    def on_message_begin(self) -> None:
        """Open an exchange for the request that begins."""
        self._section = 1
        self._seen = 0
        self._raw = 0
        self._hosts = 0
        self._reading = Exchange(self, self._peer)
        if self._current is None and not self._queue:
            self.deadline = self._loop.time() + self._listener.limits.header_timeout

    def on_url(self, url: bytes) -> None:
        """Take the request target, which may come in pieces."""
        exchange = self._reading
        assert exchange is not None
        exchange.target += url
        if len(exchange.target) > self._listener.limits.max_target_bytes:
            limit = self._listener.limits.max_target_bytes
            raise self._refuse(TargetTooLong(f"the request target is over {limit} bytes"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header field; fields of the trailer section are passed over."""
        if self._section != 1:
            return
        exchange = self._reading
        assert exchange is not None
        name = name.lower()
        headers = exchange.headers
        headers.append((name, value))
        self._seen += len(name) + len(value) + 4
        if self._seen > self._listener.limits.max_head_bytes:
            raise self._refuse(self._too_large())
        if len(headers) > self._listener.limits.max_headers:
            limit = self._listener.limits.max_headers
            raise self._refuse(HeadersTooLarge(f"there are more than {limit} header fields"))
        if name in _WATCHED:
            self._watch(exchange, name, value)

    def on_headers_complete(self) -> None:
        """Check what the parser does not, and queue the request."""
        exchange = self._reading
        assert exchange is not None
        parser = self._parser
        exchange.method = parser.get_method()
        if parser.get_http_version() == "1.0":
            exchange.http10 = True
        if self._hosts != 1:
            raise self._refuse(MalformedRequest(f"there are {self._hosts} Host headers; send exactly one"))
        if not exchange.target.startswith(b"/") and exchange.target != b"*":
            raise self._refuse(MalformedRequest("the request target is not a path"))
        if not parser.should_keep_alive():
            exchange.close_after = True
        if exchange.upgrade:
            if parser.should_upgrade():
                exchange.close_after = True
            else:
                exchange.upgrade = b""
        self._section = 2
        if len(self._queue) >= _MAX_PIPELINED:
            raise self._refuse(MalformedRequest(f"more than {_MAX_PIPELINED} requests are pipelined"))
        self._queue.append(exchange)

    def on_body(self, body: bytes) -> None:
        """Hand a piece of the body to its exchange."""
        exchange = self._reading
        assert exchange is not None
        exchange.body_received(body)

    def on_message_complete(self) -> None:
        """Tell the exchange that its request is whole."""
        exchange = self._reading
        assert exchange is not None
        self._reading = None
        self._section = 0
        if exchange is self._current:
            self.deadline = 0.0
        exchange.body_complete()

    # from the exchange (`Wire`)

    def send(self, data: bytes) -> None:
        """Write bytes to the client; nothing once it is gone."""
        if not self.closing:
            self._transport.write(data)

    def resume_body(self) -> None:
        """Let body bytes flow, and give them their deadline."""
        if not self.closing:
            self.deadline = self._loop.time() + self._listener.limits.body_timeout
            self._transport.resume_reading()

    def pause_body(self) -> None:
        """Stop reading; what handler and limit make of the rest decides."""
        if not self.closing:
            self._transport.pause_reading()

    async def drained(self) -> None:
        """Wait until the client has taken what was written; returns at once when it is gone."""
        while self.paused and not self.closing:
            if self._drain is None:
                self._drain = self._loop.create_future()
            await self._drain

    def finished(self, exchange: Exchange) -> None:
        """Go on to the next request, or close."""
        if exchange is not self._current:
            return
        self._current = None
        if exchange.close_after or self._listener.draining:
            self._close(linger=not exchange.complete)
        elif self._queue:
            # In its own turn of the loop: this one still runs inside the handler of the last.
            self._loop.call_soon(self._next)
        elif not self.closing:
            timeout = self._listener.limits
            self.deadline = self._loop.time() + (
                timeout.header_timeout if self._section == 1 else timeout.idle_timeout
            )

    # details

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        self.deadline = 0.0
        current = self._current
        if self.paused or self.closing:
            self._transport.abort()
        elif current is None and self._section == 0:
            self._close(linger=False)
        elif current is not None:
            if not current.complete:
                current.fail(RequestTimeout("the body came too slowly"))
        else:
            self._broken(RequestTimeout("the request came too slowly"))

    def shut(self) -> None:
        """Close if nothing is being answered; else after the answer."""
        if self._current is None and not self._queue:
            self._close(linger=False)
        elif self._current is not None:
            self._current.close_after = True

    def cut(self) -> None:
        """Close at once, whatever is under way."""
        self._transport.abort()

    def _watch(self, exchange: Exchange, name: bytes, value: bytes) -> None:
        match name:
            case b"host":
                self._hosts += 1
            case b"transfer-encoding":
                if value.strip(b" \t").lower() != b"chunked" or self._parser.get_http_version() == "1.0":
                    raise self._refuse(MalformedRequest("transfer-encoding must be exactly `chunked`"))
            case b"expect":
                exchange.expects_continue = value.strip(b" \t").lower() == b"100-continue"
            case _:
                exchange.upgrade = value.strip(b" \t").lower()

    def _too_large(self) -> GatewayError:
        limit = self._listener.limits.max_head_bytes
        return HeadersTooLarge(f"the header section is over {limit} bytes")

    def _refuse(self, error: GatewayError) -> GatewayError:
        self._error = error
        return error

    def _next(self) -> None:
        if not self._queue or self._current is not None or self.closing:
            return
        exchange = self._current = self._queue.popleft()
        if exchange.complete:
            self.deadline = 0.0
        else:
            self.deadline = self._loop.time() + self._listener.limits.body_timeout
        self._task = self._loop.create_task(self._listener.handler(exchange))

    def _broken(self, error: GatewayError) -> None:
        """Refuse what could not be read, after what was read before it."""
        reading, self._reading = self._reading, None
        if reading is not None and reading is self._current:
            reading.fail(error)  # its handler answers, in the client's own words
            return
        if reading is not None and reading in self._queue:
            self._queue.remove(reading)
        if self._current is not None or self._queue:
            self._loop.call_soon(self._next)
            last = self._queue[-1] if self._queue else self._current
            assert last is not None
            last.close_after = True
            return
        headers, body = self._listener.refusal(error)
        refused = Exchange(self, self._peer)
        refused.close_after = True
        refused.complete = True
        self._current = refused
        refused.respond(error.status, headers, body)
        self._listener.refused(error)

    def _close(self, *, linger: bool) -> None:
        if self.closing:
            return
        self.closing = True
        if linger and not self._transport.is_closing():
            # The client may still be sending: closing now would reset the connection and could
            # destroy the answer before it is read (RFC 9112, 9.6). Read on for a moment, in vain.
            self.deadline = self._loop.time() + _LINGER
            self._transport.resume_reading()
            if self._transport.can_write_eof():
                self._transport.write_eof()
                return
        self._transport.close()

    def _probe_again(self, exchange: Exchange) -> None:
        if exchange is self._current and not self.closing:
            exchange.probe()

    def _resume_writers(self) -> None:
        drain, self._drain = self._drain, None
        if drain is not None and not drain.done():
            drain.set_result(None)
