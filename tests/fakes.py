"""Fakes that every test may pass in: a clock that the test moves, a client, a connection, an engine."""

import asyncio
from collections.abc import Callable, Sequence

from llm_gateway.canonical.abilities import Abilities
from llm_gateway.errors import BodyTooLarge, GatewayError
from llm_gateway.http.carrier import Carrier
from llm_gateway.http.exchange import Exchange, Memo
from llm_gateway.upstream.answer import Answer
from llm_gateway.wire.headers import Headers, get
from rawhttp import Reply, parse_replies

__all__ = ["FakeClock", "FakeEngine", "FakeIncoming", "FakeWire"]


class FakeClock:
    """A clock that the test moves."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self.now = now_us
        self.elapsed = 0.0

    def now_us(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * 1_000_000)
        self.elapsed += seconds


class FakeIncoming:
    """The client's side of one request: what it asks, and what it is told, in order.

    `pieces` holds everything that was sent, each piece with what `watch` said at that moment: so a test can
    tell what was true when the client learnt something. While `blocked` is true, `drain` waits for `drained`.
    With `failure` the body does not come.
    """

    def __init__(
        self,
        body: bytes = b"",
        headers: Sequence[tuple[bytes, bytes]] = (),
        *,
        watch: Callable[[], object] = lambda: None,
        failure: GatewayError | None = None,
    ) -> None:
        self.memo = Memo()
        self.method = b"POST"
        self.target = b"/v1/chat/completions"
        self.headers: Headers = list(headers)
        self.started = False
        self.bytes_out = 0
        self.ends_event = False
        self.keep_alive = False
        self.blocked = False
        self.status = 0
        self.fields: Headers = []
        self.pieces: list[tuple[bytes, object]] = []
        self.done = False
        self.abandoned = False
        self._body = body
        self._watch = watch
        self._failure = failure
        self._heard = asyncio.Event()
        self.drained = asyncio.Event()

    @property
    def sent(self) -> bytes:
        """Return the whole body that the client was sent."""
        return b"".join(piece for piece, _ in self.pieces)

    def field(self, name: bytes) -> bytes | None:
        """Return the first value of a header field that the client was sent."""
        return get(self.fields, name)

    async def heard(self, text: bytes) -> None:
        """Wait until the client has been sent `text`."""
        while text not in self.sent:
            self._heard.clear()
            await self._heard.wait()

    # what the pipeline sees

    def whole(self, limit: int) -> bytes | None:
        return self._body if self._failure is None and len(self._body) <= limit else None

    async def body(self, limit: int) -> bytes:
        if self._failure is not None:
            raise self._failure
        if len(self._body) > limit:
            raise BodyTooLarge(f"the body is over {limit} bytes")
        return self._body

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        self._begin(status, headers)
        self._end(body)

    def begin(self, status: int, headers: bytes, first: bytes = b"") -> None:
        self._begin(status, headers)
        self._take(first)

    def write(self, data: bytes) -> None:
        assert self.started and not self.done
        self._take(data)

    def end(self, data: bytes = b"") -> None:
        assert self.started
        self._end(data)

    def abandon(self) -> None:
        self.abandoned = self.done = True

    async def drain(self) -> None:
        await self.drained.wait()
        self.blocked = False

    def _begin(self, status: int, headers: bytes) -> None:
        assert not self.started, "a request is answered once"
        self.started = True
        self.status = status
        lines = [line.partition(b": ") for line in headers.split(b"\r\n") if line]
        self.fields = [(name, value) for name, _, value in lines]

    def _take(self, data: bytes) -> None:
        if data:
            self.pieces.append((data, self._watch()))
            self.bytes_out += len(data)
            self.ends_event = data.endswith(b"\n\n")
            self._heard.set()

    def _end(self, data: bytes) -> None:
        assert not self.done, "an answer ends once"
        self.pieces.append((data, self._watch()))  # an end without bytes is something that the client learns
        self.bytes_out += len(data)
        self.done = True
        self._heard.set()


class FakeWire:
    """A connection for one `Exchange` of the server: remembers what is written to it."""

    def __init__(self) -> None:
        self.paused = False
        self.sent = b""

    def exchange(
        self,
        method: bytes,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]] = (),
        *,
        body: bytes = b"",
    ) -> Exchange:
        """Return a request that has come whole, from a client on this machine."""
        exchange = Exchange(self, "127.0.0.1")
        exchange.method = method
        exchange.target = target
        exchange.headers = [(b"host", b"127.0.0.1"), *headers]
        exchange.body_received(body)
        exchange.body_complete()
        return exchange

    @property
    def reply(self) -> Reply:
        """Return the one answer that was written."""
        (reply,) = parse_replies(self.sent)
        return reply

    # what the exchange sees

    def send(self, data: bytes) -> None:
        self.sent += data

    def resume_body(self) -> None:
        """Nothing flows here."""

    def pause_body(self) -> None:
        """Nothing flows here."""

    def carrier(self) -> Carrier:
        """Nothing else is spoken here."""
        raise AssertionError("this connection speaks HTTP only")

    async def drained(self) -> None:
        """Nothing is ever slow here."""

    def finished(self, exchange: Exchange) -> None:
        """There is no next request."""


class FakeEngine:
    """An engine that answers whatever it is asked with what `answer` returns or raises."""

    def __init__(self, name: str, answer: Callable[[], Answer], *, counts: bool = True) -> None:
        self.name = name
        self.models: Sequence[str] = ("m",)
        self.counts = counts
        self.dialect = "chat"
        self.abilities: Abilities | None = None
        self.people: frozenset[str] | None = None
        self._answer = answer

    async def answer(self, operation: str, body: bytes, model: str) -> Answer:
        return self._answer()

    async def close(self) -> None:
        """Nothing is held."""
