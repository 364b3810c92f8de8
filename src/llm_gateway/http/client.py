"""The calling side of HTTP/1.1: one connection that sends a request and reads its answer.

The bytes of the request are made by the caller; here they are sent, and the answer is parsed (llhttp)
and handed out piece by piece with bounded buffering. Which connection is used is the pool's business.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

import httptools

from llm_gateway.errors import UpstreamBroken, UpstreamFault, UpstreamTimeout, UpstreamTruncated
from llm_gateway.http.news import has_news
from llm_gateway.http.outbox import Outbox
from llm_gateway.wire.headers import Headers

__all__ = ["ClientConnection", "Patience"]

_HIGH_WATER = 256 * 1024
_RECEIVE_BUFFER = 512 * 1024
_MAX_HEAD = 64 * 1024
_MAX_HEADERS = 256


class Patience:
    """How many seconds an answer may take to begin, then between two of its pieces, and in all (0: any)."""

    __slots__ = ("between", "first", "total")

    def __init__(self, first: float, between: float, total: float = 0.0) -> None:
        self.first = first
        self.between = between
        self.total = total


class ClientConnection(asyncio.Protocol):
    """One connection to an upstream, used for one exchange at a time.

    After `send` returns, `status` and `headers` (lower-case names) are set; `read` gives the body.
    """

    __slots__ = (
        "_buffer",
        "_complete",
        "_failure",
        "_head_bytes",
        "_interim",
        "_keep",
        "_last",
        "_loop",
        "_on_free",
        "_outbox",
        "_parser",
        "_patience",
        "_reading_paused",
        "_sink",
        "_sink_failure",
        "_size",
        "_stuck",
        "_transport",
        "_waiter",
        "busy",
        "closed",
        "deadline",
        "headers",
        "idle_since",
        "received",
        "status",
        "uses",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        outbox: Outbox,
        on_free: Callable[["ClientConnection"], None],
    ) -> None:
        self._loop = loop
        self._outbox = outbox
        self._on_free = on_free
        self._buffer: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._failure: UpstreamFault | None = None
        self._patience = Patience(0.0, 0.0)
        self._sink: Callable[[bytes], bool] | None = None
        self._sink_failure: Exception | None = None
        self._size = 0
        self._stuck = False  # more is to be sent than the kernel takes
        self._head_bytes = 0
        self._complete = False
        self._interim = False
        self._keep = False
        self._reading_paused = False
        self._last = 0.0
        self.headers: Headers = []
        self.status = 0
        self.received = False
        self.busy = False
        self.closed = False
        self.deadline = 0.0
        self.idle_since = 0.0
        self.uses = 0

    # for the caller

    async def send(self, head: bytes, body: bytes, patience: Patience) -> None:
        """Send a request and wait for the head of its answer.

        Raises an UpstreamFault when no answer comes; `received` then says whether any byte of it did.
        """
        self.busy = True
        self.uses += 1
        self._patience = patience
        self._complete = False
        self._keep = False
        self._failure = None
        self._sink_failure = None
        self.received = False
        self.status = 0
        self.headers = []
        self._head_bytes = 0
        now = self._loop.time()
        self.deadline = now + patience.first
        self._last = now + patience.total if patience.total else 0.0
        if len(body) < 65536:
            self._outbox.write(self._transport, head + body)
        else:
            self._outbox.write(self._transport, head)
            self._outbox.write(self._transport, body)
        while not self.status:
            if self._failure is not None:
                raise self._failure
            if self.closed:
                raise UpstreamBroken("the upstream closed the connection without an answer")
            await self._wait()
        self.deadline = self._loop.time() + patience.between

    async def read(self) -> bytes:
        """Return what has come of the body since the last call; b"" at its proper end."""
        while not self._buffer:
            if self._failure is not None:
                raise self._failure
            if self._complete:
                self.deadline = 0.0
                return b""
            await self._wait()
        return self.take()

    async def arrive(self) -> None:
        """Wait until something of the body is here, or its end; raise what came instead."""
        while not self._buffer:
            if self._failure is not None:
                raise self._failure
            if self._complete:
                return
            await self._wait()

    def take(self) -> bytes:
        """Return the body bytes that are here already, or b""."""
        buffer = self._buffer
        if not buffer:
            return b""
        data = buffer[0] if len(buffer) == 1 else b"".join(buffer)
        buffer.clear()
        self._size = 0
        if self._reading_paused:
            self._reading_paused = False
            if not self.closed:
                self._transport.resume_reading()
        return data

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand each piece of the body to `sink` as it comes, within the turn of the loop that brought it.

        Returns when `sink` says False, which holds back what comes then, or at the proper end. A stream
        of many small pieces costs no task switch for each of them.
        """
        while not self.ended:
            if self._buffer:
                if not sink(self.take()):
                    return
                continue
            if self._failure is not None:
                raise self._failure
            self._sink = sink
            try:
                await self._wait()
            finally:
                stopped, self._sink = self._sink is None, None
            if self._sink_failure is not None:
                failure, self._sink_failure = self._sink_failure, None
                try:
                    raise failure
                finally:
                    del failure  # its traceback has this frame: they would hold each other
            if stopped:
                return

    @property
    def gone_out(self) -> bool:
        """Whether the upstream may have the whole request, though no answer came.

        Not what is still in this process. And a kept connection that closes without a word was closed before
        the request had arrived: nobody read it (RFC 9112, 9.3.1).
        """
        if self.received or (self.closed and self.uses > 1):
            return self.received
        waits = not self.closed and self._transport.get_write_buffer_size() > 0
        return not (self._stuck or waits or self._outbox.holds(self._transport))

    @property
    def ended(self) -> bool:
        """Whether the whole answer has come and nothing of it is left to take."""
        return self._complete and not self._buffer and self._failure is None

    def release(self) -> None:
        """Give the connection back: to the pool after a whole answer, else closed."""
        if not self.busy:
            return
        self.busy = False
        self.deadline = 0.0
        self._buffer.clear()
        self._size = 0
        if self._complete and not self.closed and self._failure is None and self._keep:
            self.idle_since = self._loop.time()
            self._on_free(self)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once; the upstream sees the connection go."""
        self.busy = False
        if not self.closed:
            self._transport.abort()

    def has_news(self) -> bool:
        """Whether the peer closed, or sent unasked, and the event loop has not said so yet.

        Then it must not be used: what is sent would be lost, and nobody know whether it was read.
        """
        return has_news(self._transport)

    def expire(self, now: float) -> None:
        """Give up an answer whose deadline has passed."""
        if 0.0 < self.deadline < now:
            patience = self._patience
            if self.status:
                why = f"sent nothing for {patience.between:g} seconds"
            else:
                why = f"did not begin to answer within {patience.first:g} seconds"
        elif 0.0 < self._last < now and not self._complete:
            why = f"did not end its answer within {self._patience.total:g} seconds"
        else:
            return
        self.deadline = 0.0
        self._fail(UpstreamTimeout(f"the upstream {why}"))

    # from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connected transport."""
        # uvloop's transports have the methods of asyncio.Transport without being one.
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpResponseParser(self)
        if (sock := transport.get_extra_info("socket")) is not None:
            # An answer is read as fast as its client takes it: what is not taken shall stay upstream.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)

    def pause_writing(self) -> None:
        """Take note that the kernel takes no more of the request for now."""
        self._stuck = True

    def resume_writing(self) -> None:
        """Take note that it takes more again."""
        self._stuck = False

    def data_received(self, data: bytes) -> None:
        """Parse a piece of the answer."""
        if not self.busy:
            self.abort()  # bytes that nobody asked for: whatever they are, not an answer
            return
        self.received = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(UpstreamBroken("the upstream switched protocols unasked"))
        except httptools.HttpParserCallbackError:
            self._transport.abort()  # the callback that raised has said what it means
        except httptools.HttpParserError as error:
            self._fail(UpstreamBroken(f"the upstream's answer is not valid HTTP/1.1: {str(error)[:80]}"))
        if self.deadline and self.status:  # a head that drips does not get more time by that
            self.deadline = self._loop.time() + self._patience.between
        if self._size > _HIGH_WATER and not self._reading_paused and not self.closed:
            self._reading_paused = True
            self._transport.pause_reading()
        if self._sink is not None and self._buffer:
            self._deliver(self._sink)
        else:
            self._wake()

    def eof_received(self) -> bool:
        """Tell an answer that lasts until the close from one that was cut."""
        if self.busy and self.status and not self._complete:
            if self._until_close():
                self._complete = True
            else:
                self._fail(
                    UpstreamTruncated("the upstream closed the connection in the middle of its answer")
                )
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that nothing more will come."""
        self.closed = True
        if self.busy and not self._complete and self._failure is None:
            if self.status:
                self._failure = UpstreamTruncated(
                    "the upstream's connection broke in the middle of its answer"
                )
            else:
                self._failure = UpstreamBroken("the upstream closed the connection without an answer")
        self._on_free(self)
        self._wake()
        del self._parser  # it and this hold each other

    # from the parser

    def on_message_begin(self) -> None:
        """Stop at a second answer: it was not asked for, and whose it is nobody knows."""
        if self._complete:
            self._keep = False
            # Either its length was wrong, and this is the rest of it, or somebody answers what nobody asked.
            self._failure = UpstreamBroken("the upstream sent more than its answer")
            raise self._failure

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header field."""
        if self.status:
            return  # a trailer
        self._head_bytes += len(name) + len(value)
        self.headers.append((name.lower(), value))
        if self._head_bytes > _MAX_HEAD or len(self.headers) > _MAX_HEADERS:
            self._failure = UpstreamBroken("the header section of the upstream's answer is too large")
            raise self._failure

    def on_headers_complete(self) -> None:
        """Take the status; interim answers are passed over."""
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._interim = True
            self.headers = []
        else:
            self.status = status

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body until it is taken."""
        self._buffer.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        """Take note of the end of an answer."""
        if self._interim:
            self._interim = False
        else:
            self._complete = True
            self._keep = self._parser.should_keep_alive()

    # details

    def _until_close(self) -> bool:
        return {name for name, _ in self.headers}.isdisjoint((b"content-length", b"transfer-encoding"))

    def _deliver(self, sink: Callable[[bytes], bool]) -> None:
        try:
            more = sink(self.take())
        except Exception as error:
            # The stream edge: what the sink cannot take is for whoever poured, not for the event loop.
            self._sink_failure = error
            more = False
        if not more or self._complete:
            self._sink = None
            self._wake()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail(self, failure: UpstreamFault) -> None:
        if self._failure is None and not self._complete:
            self._failure = failure
        if not self.closed:
            self._transport.abort()
        self._wake()
