"""Read requests out of the bytes of one connection: no sockets, no clock.

llhttp (through httptools) reads the bytes; what it lets pass and we do not is refused here: no Host or
two, a Transfer-Encoding other than `chunked`, a target that is not a path, sections over the caps.
"""

from collections import deque
from collections.abc import Callable

import httptools

from llm_gateway.errors import GatewayError, HeadersTooLarge, MalformedRequest, TargetTooLong
from llm_gateway.http.exchange import Exchange, Memo
from llm_gateway.http.limits import Limits
from llm_gateway.wire.headers import Headers

__all__ = ["BETWEEN", "BODY", "HEAD", "RequestReader"]

BETWEEN, HEAD, BODY = 0, 1, 2

_MAX_PIPELINED = 32
_MOST_EARLY = 64 * 1024
_WATCHED = frozenset((b"host", b"transfer-encoding", b"expect", b"upgrade", b"content-length"))


class RequestReader:
    """Turn bytes into exchanges.

    `ready` holds the exchanges whose header section is complete, in order; `reading` is the one whose
    bytes come now; `section` is where in it we are; `error` ends the reading for good.
    """

    __slots__ = (
        "_add",
        "_bare",
        "_early",
        "_hosts",
        "_last",
        "_length",
        "_limits",
        "_memo",
        "_open",
        "_parser",
        "_raw",
        "_seen",
        "error",
        "reading",
        "ready",
        "section",
    )

    def __init__(self, limits: Limits, opened: Callable[[], Exchange]) -> None:
        self._limits = limits
        self._open = opened
        self._parser = httptools.HttpRequestParser(self)
        self._seen = 0  # bytes of complete header fields
        self._raw = 0  # bytes that came while the header section was incomplete
        self._hosts = 0
        self._length = 0
        self._bare = 0  # bytes of a body that the parser does not read
        self._early: bytearray | None = None  # what came behind a request for a WebSocket
        self._last: Headers = []
        self._add = self._last.append
        self._memo = Memo()
        self.ready: deque[Exchange] = deque()
        self.reading: Exchange | None = None
        self.section = BETWEEN
        self.error: GatewayError | None = None

    @property
    def refused(self) -> bool:
        """Whether the reading has ended for good."""
        return self.error is not None

    def feed(self, data: bytes) -> None:
        """Read a piece; afterwards `error` says whether the connection is still good for anything."""
        section = self.section
        try:
            if self._bare:
                self._bare_body(data)
            elif self._early is not None:
                self._keep(data)
            else:
                self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            # The parser takes what follows for another protocol. An upgrade that we do not take is a
            # plain request (RFC 9110, 7.8), whose body is then ours to read; some clients offer h2c
            # with every first POST.
            if self._early is not None:
                self._keep(data[stop.args[0] :])
            else:
                self._bare_body(data[stop.args[0] :])
        except httptools.HttpParserCallbackError:
            if self.error is None:
                self.error = MalformedRequest("the request could not be read")
        except httptools.HttpParserError as error:
            if self.error is None:
                self.error = MalformedRequest(f"the request is not valid HTTP/1.1: {str(error)[:80]}")
        if section == HEAD and self.section == HEAD:
            self._raw += len(data)
            if self._raw > self._limits.max_head_bytes and self.error is None:
                self.error = self._too_large()

    def take_early(self) -> bytes:
        """Return what came behind a request for a WebSocket, which is no HTTP any more."""
        early, self._early = bytes(self._early or b""), bytearray()
        return early

    def close(self) -> None:
        """Forget what is still to be answered, and let go of the parser: it and this hold each other."""
        self.ready.clear()
        self.reading = None
        del self._parser, self._open

    # from the parser

    def on_message_begin(self) -> None:
        """Open an exchange for the request that begins."""
        self.section = HEAD
        self._seen = 0
        self._raw = 0
        self._hosts = 0
        self._length = 0
        self.reading = self._open()
        self._add = self.reading.headers.append

    def on_url(self, url: bytes) -> None:
        """Take the request target, which may come in pieces."""
        exchange = self.reading
        assert exchange is not None
        exchange.target += url
        if len(exchange.target) > self._limits.max_target_bytes:
            limit = self._limits.max_target_bytes
            raise self._refuse(TargetTooLong(f"the request target is over {limit} bytes"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header field; fields of the trailer section are passed over."""
        if self.section != HEAD:
            return
        name = name.lower()
        self._seen += len(name) + len(value) + 4
        if name in _WATCHED:
            self._watch(name, value)
        else:
            self._add((name, value))

    def on_headers_complete(self) -> None:
        """Check what the parser does not, and queue the request."""
        exchange = self.reading
        assert exchange is not None
        parser = self._parser
        exchange.method = parser.get_method()
        if parser.get_http_version() == "1.0":
            exchange.http10 = True
        self._check_size(exchange)
        if self._hosts != 1:
            raise self._refuse(MalformedRequest(f"there are {self._hosts} Host headers; send exactly one"))
        exchange.announced = self._length
        if not exchange.target.startswith(b"/") and exchange.target != b"*":
            raise self._refuse(MalformedRequest("the request target is not a path"))
        if not parser.should_keep_alive():
            exchange.close_after = True
        if exchange.upgrade:
            if parser.should_upgrade():
                exchange.close_after = True
                self._bare = self._length
                if exchange.upgrade == b"websocket" and not self._bare:
                    self._early = bytearray()
            else:
                exchange.upgrade = b""
        if exchange.headers == self._last:
            exchange.memo = self._memo
        else:
            self._last = exchange.headers
            self._memo = exchange.memo
        self.section = BODY
        if len(self.ready) >= _MAX_PIPELINED:
            raise self._refuse(MalformedRequest(f"more than {_MAX_PIPELINED} requests are pipelined"))
        self.ready.append(exchange)

    def on_body(self, body: bytes) -> None:
        """Hand a piece of the body to its exchange."""
        exchange = self.reading
        assert exchange is not None
        exchange.body_received(body)

    def on_message_complete(self) -> None:
        """Tell the exchange that its request is whole."""
        if self._bare:
            return
        exchange = self.reading
        assert exchange is not None
        self.reading = None
        self.section = BETWEEN
        exchange.body_complete()

    # details

    def _check_size(self, exchange: Exchange) -> None:
        # A complete section came in few reads: what it can hold before this is asked is bounded.
        if self._seen > self._limits.max_head_bytes:
            raise self._refuse(self._too_large())
        if len(exchange.headers) > self._limits.max_headers:
            limit = self._limits.max_headers
            raise self._refuse(HeadersTooLarge(f"there are more than {limit} header fields"))

    def _watch(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":  # it says something of this body, not of who sends it
            self._length = int(value)  # digits only, says the parser
            return
        self._add((name, value))
        exchange = self.reading
        assert exchange is not None
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

    def _bare_body(self, data: bytes) -> None:
        if not self._bare or self.reading is None:
            return
        piece = data[: self._bare]
        self._bare -= len(piece)
        if piece:
            self.reading.body_received(piece)
        if not self._bare:
            self.on_message_complete()

    def _keep(self, data: bytes) -> None:
        assert self._early is not None
        self._early += data
        if len(self._early) > _MOST_EARLY and self.error is None:
            self.error = MalformedRequest("too much came before the WebSocket was accepted")

    def _too_large(self) -> GatewayError:
        limit = self._limits.max_head_bytes
        return HeadersTooLarge(f"the header section is over {limit} bytes")

    def _refuse(self, error: GatewayError) -> GatewayError:
        self.error = error
        return error
