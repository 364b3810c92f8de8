"""The accepting side of HTTP/1.1: one connection, its deadline, its queue of requests.

What the bytes mean is the reader's business (`reader.py`). A request is handed to the handler as an
`Exchange`; one task per request, one request at a time. After a switch a WebSocket gets every byte.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Protocol, cast

from llm_gateway.errors import Draining, GatewayError, RequestTimeout
from llm_gateway.http import wording
from llm_gateway.http.carrier import GOING_AWAY, RESTARTING, Carrier, Switched
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.handover import duplicate
from llm_gateway.http.limits import Limits
from llm_gateway.http.outbox import Outbox
from llm_gateway.http.reader import BETWEEN, BODY, HEAD, RequestReader

__all__ = ["Connection", "Handler", "Owner", "Refusal"]

Handler = Callable[[Exchange], Coroutine[object, object, None]]
Refusal = Callable[[GatewayError], tuple[bytes, bytes]]
"""Render an error that happens before a request has a dialect: header lines and body."""

_LINGER = 2.0
_PROBE_AGAIN = 0.025


class Owner(Protocol):
    """What a connection needs from the listener that accepted it."""

    loop: asyncio.AbstractEventLoop
    handler: Handler
    refusal: Refusal
    limits: Limits
    outbox: Outbox
    draining: bool
    leaving: bool

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
        "_listener",
        "_loop",
        "_outbox",
        "_reader",
        "_socket",
        "_task",
        "_transport",
        "closing",
        "deadline",
        "paused",
        "peer",
    )

    def __init__(self, listener: Owner) -> None:
        self._listener = listener
        self._loop = listener.loop
        self._outbox = listener.outbox
        self._reader = RequestReader(listener.limits, self._open)
        self._current: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._drain: asyncio.Future[None] | None = None
        self.peer = ""
        self._socket: Switched | None = None
        self.paused = False
        self.closing = False
        self.deadline = 0.0

    # from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the accepted transport."""
        # uvloop's transports have the methods of asyncio.Transport without being one.
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        self.deadline = self._loop.time() + self._listener.limits.header_timeout
        if not self._listener.joined(self, self.peer) and not self.closing:
            self.abort()
        elif self._listener.leaving:
            self._loop.call_soon(self.stay)  # uvloop begins to read when this has returned

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what was being answered: nobody listens any more."""
        self.closing = True
        self._listener.left(self)
        self._resume_writers()
        self._reader.close()
        self._cancel()
        if self._task is not None:  # what it ends with holds its frames, and with them this connection
            self._task.add_done_callback(self._forget)

    def data_received(self, data: bytes) -> None:
        """Read what came, then start what became ready."""
        if self._socket is not None:
            if not self.closing:
                self._socket.received(data)
            return
        reader = self._reader
        if self.closing or reader.refused:
            return
        before = reader.section
        reader.feed(data)
        current = self._current
        if reader.error is not None:
            self._broken(reader.error)
        elif current is None:
            if reader.ready:
                self._next()
            elif before == BETWEEN:
                self.deadline = self._loop.time() + self._listener.limits.header_timeout
        elif reader.reading is current:
            self.deadline = self._loop.time() + self._listener.limits.body_timeout
        elif current.complete and not self.paused:
            self.deadline = 0.0

    def eof_received(self) -> bool:
        """Keep answering a client that only closed its sending side; find out whether it did."""
        current = self._current
        if self._socket is not None:
            self._cancel()  # a WebSocket has no half-closed state
            return False
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
        if self._current is not None and self._reader.section != BODY:
            self.deadline = 0.0
        if self._socket is not None and not self.closing:
            self._socket.resumed()
        self._resume_writers()

    # from the exchange (`Wire`)

    def send(self, data: bytes) -> None:
        """Write bytes to the client; nothing once it is gone."""
        if not self.closing:
            self._outbox.write(self._transport, data)

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
        if self._socket is not None:
            self._socket.abandon()
            self._close(linger=True)
        elif exchange.close_after or self._listener.draining:
            self._close(linger=not exchange.complete)
        elif self._reader.ready:
            # In its own turn of the loop: this one still runs inside the handler of the last.
            self._loop.call_soon(self._next)
        elif self._listener.leaving:
            self.stay()
        elif not self.closing:
            timeout = self._listener.limits
            self.deadline = self._loop.time() + (
                timeout.header_timeout if self._reader.section == HEAD else timeout.idle_timeout
            )

    # from the WebSocket (`Carrier`)

    @property
    def limits(self) -> Limits:
        """Return the bounds of the listener."""
        return self._listener.limits

    def carrier(self) -> Carrier:
        """Return what carries a WebSocket: this connection."""
        return self

    def carry(self, socket: Switched) -> None:
        """Hand every byte that comes from now on, and those that came early, to `socket`."""
        self._socket = socket
        if early := self._reader.take_early():
            socket.received(early)
        if self._listener.draining or self._listener.leaving:
            socket.go_away(RESTARTING if self._listener.leaving else GOING_AWAY)

    def resume_reading(self) -> None:
        """Read again."""
        if not self.closing:
            self._transport.resume_reading()

    def within(self, seconds: float) -> None:
        """Set the deadline; while the client does not read, the one for that stands."""
        if not self.paused and not self.closing:
            self.deadline = self._loop.time() + seconds

    def now(self) -> float:
        """Return the time of the loop."""
        return self._loop.time()

    def soon(self, go_on: Callable[[], None]) -> None:
        """Call `go_on` in the next turn of the loop, unless the connection closes."""
        self._loop.call_soon(self._unless_closing, go_on)

    def hang_up(self) -> None:
        """Cancel the handler and close."""
        self._cancel()
        self._close(linger=True)

    # details

    def _open(self) -> Exchange:
        return Exchange(self, self.peer)

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        self.deadline = 0.0
        current = self._current
        if self.paused or self.closing:
            self._transport.abort()
        elif self._socket is not None:
            self._socket.expire()
        elif current is None and self._reader.section == BETWEEN:
            self._close(linger=False)
        elif current is not None:
            if not current.complete:
                current.fail(RequestTimeout("the body came too slowly"))
        else:
            self._broken(RequestTimeout("the request came too slowly"))

    def look(self, now: float, every: float) -> None:
        """Let a client know that its stream goes on, which says nothing for a while."""
        if self._current is not None and self._current.keep_alive:
            self._current.look(now, every)

    def decline(self, error: GatewayError) -> None:
        """Say why this connection may not stay, and close it, without waiting for what it asks."""
        headers, body = self._listener.refusal(error)
        status = wording.status_line(error.status)
        fields = b"%bretry-after: 1\r\nconnection: close\r\n" % headers
        self._transport.write(b"%b%bcontent-length: %d\r\n\r\n%b" % (status, fields, len(body), body))
        self._close(linger=False)
        self._loop.call_later(_LINGER, self._transport.abort)  # a goodbye in TLS has two sides

    def shut(self) -> None:
        """Close if nothing is being answered; else after the answer."""
        if self._socket is not None:
            self._socket.go_away()
        elif self._current is None and not self._reader.ready:
            self._close(linger=False)
        elif self._current is not None:
            self._current.close_after = True

    def stay(self) -> None:
        """Read nothing new, so that the connection can be handed over; what has begun goes on before."""
        if self._transport.get_extra_info("ssl_object") is not None:
            self.shut()  # the state of TLS is in this process
        elif self._socket is not None:
            self._socket.go_away(RESTARTING)
        elif self._is_idle():
            self.deadline = 0.0  # what the client sends now waits in the kernel; it is not too late
            self._transport.pause_reading()

    @property
    def rests(self) -> bool:
        """Whether nothing of a request or an answer is in this process."""
        self._outbox.flush()  # what is still in there is in no buffer yet
        return self._is_idle() and not self._transport.get_write_buffer_size()

    def give_away(self) -> socket.socket:
        """Return the connection as a socket, and let go of it; OSError says that there is no room for one."""
        try:
            return duplicate(self._transport.get_extra_info("socket").fileno())
        finally:
            self.abort()  # closes only our own descriptor

    def cut(self) -> None:
        """End what is under way: its handler says its last word, and then the connection closes."""
        if self._task is None or self._task.done() or self.closing:
            self.abort()
            return
        self._task.add_done_callback(lambda _: self._close(linger=False))
        self._cancel(Draining.kind)

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.closing = True
        self._transport.abort()

    def _next(self) -> None:
        if not self._reader.ready or self._current is not None or self.closing:
            return
        exchange = self._current = self._reader.ready.popleft()
        timeout = self._listener.limits.body_timeout
        self.deadline = 0.0 if exchange.complete else self._loop.time() + timeout
        self._task = self._loop.create_task(self._listener.handler(exchange))

    def _cancel(self, why: str | None = None) -> None:
        # Only once: a second cancellation would interrupt what the first one makes the handler do.
        if self._task is not None and not self._task.cancelling():
            self._task.cancel(why)

    def _forget(self, _: "asyncio.Task[None]") -> None:
        self._task = self._current = None

    def _broken(self, error: GatewayError) -> None:
        """Refuse what could not be read, after what was read before it."""
        reading, self._reader.reading = self._reader.reading, None
        if reading is not None and reading is self._current:
            reading.fail(error)  # its handler answers, in the client's own words
            return
        if reading is not None and reading in self._reader.ready:
            self._reader.ready.remove(reading)
        if self._current is not None or self._reader.ready:
            self._loop.call_soon(self._next)
            last = self._reader.ready[-1] if self._reader.ready else self._current
            assert last is not None
            last.close_after = True
            return
        headers, body = self._listener.refusal(error)
        refused = Exchange(self, self.peer)
        refused.close_after = True
        self._current = refused
        refused.respond(error.status, headers, body)
        self._listener.refused(error)

    def _close(self, *, linger: bool) -> None:
        if self.closing:
            return
        self.closing = True
        self._outbox.flush()
        if linger and not self._transport.is_closing():
            # The client may still be sending: closing now would reset the connection and could
            # destroy the answer before it is read (RFC 9112, 9.6). Read on for a moment, in vain.
            self.deadline = self._loop.time() + _LINGER
            self._transport.resume_reading()
            if self._transport.can_write_eof():
                self._transport.write_eof()
                return
        self._transport.close()

    def _is_idle(self) -> bool:
        reader = self._reader
        between = reader.section == BETWEEN and not reader.ready and not reader.refused
        return between and self._current is None and self._socket is None and not self.closing

    def _unless_closing(self, go_on: Callable[[], None]) -> None:
        if not self.closing:
            go_on()

    def _probe_again(self, exchange: Exchange) -> None:
        if exchange is self._current and not self.closing:
            exchange.probe()

    def _resume_writers(self) -> None:
        drain, self._drain = self._drain, None
        if drain is not None and not drain.done():
            drain.set_result(None)
