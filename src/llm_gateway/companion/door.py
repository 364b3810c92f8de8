"""The local door: requests that come to a desktop's own loopback address, carried to the gateway and back.

For applications that take nothing but 127.0.0.1 as an address. It decides nothing about a request: the key
and the words in it are the gateway's business, and its answer passes as it comes. It opens no socket of its
own: the listener, the guard and the way out are handed in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from llm_gateway.companion.stand_in import StandIn, choose
from llm_gateway.config.addresses import reach
from llm_gateway.dialects.contract import Dialect
from llm_gateway.errors import (
    Draining,
    GatewayAway,
    GatewayError,
    MalformedRequest,
    NotFound,
    RefusedByPolicy,
    UpgradeRefused,
    UpstreamBroken,
    UpstreamFault,
    UpstreamUnreachable,
)
from llm_gateway.http.exchange import Exchange
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.answer import Answer, is_event_stream
from llm_gateway.upstream.client import Line, Upstream
from llm_gateway.wire.headers import HOP_BY_HOP, Headers, connection_names, get

__all__ = ["AWAY_AFTER_S", "Listen", "LocalDoor", "Rules", "Told"]

AWAY_AFTER_S = 1.5
"""How long a connection to the gateway may take: what the pool of the door's way out is to be given.

That pool keeps no connection (`max_idle=0`): on a laptop one that rested has mostly lost its network, and
nothing would tell so before an answer is waited for.
"""

_LOOK_S = 2.0  # a head that has not come: is the gateway still there?
_LOOK_PATIENCE_S = 1.5
_WHOLE = 256 * 1024
_AGAIN_S = 2.0

# What belongs to one connection, and what a browser says of this door and not of the gateway: that was judged
# here. The line says its own Host, length and coding.
_NOT_ONWARD = HOP_BY_HOP | {
    b"host",
    b"content-length",
    b"accept-encoding",
    b"expect",
    b"cookie",
    b"origin",
    b"referer",
    b"sec-fetch-site",
    b"sec-fetch-mode",
    b"sec-fetch-dest",
    b"sec-fetch-user",
}
_NOT_BACK = HOP_BY_HOP | {b"content-length", b"set-cookie", b"alt-svc", b"strict-transport-security"}
_JSON = b"content-type: application/json\r\ncache-control: no-store\r\n"


class Told(NamedTuple):
    """An answer that a local engine gave in the gateway's place, of which the gateway knows nothing."""

    provider: str
    model: str
    path: str
    status: int


class Rules(NamedTuple):
    """What the door goes by.

    `check` is the guard's: it raises what refuses a request by its Host, Origin or site. `dialect_of` says
    in which words a path's clients want errors. `stand_ins` answer while the gateway is away, none for an
    error. `told` hears of each such answer.
    """

    check: Callable[[Headers], None]
    dialect_of: Callable[[bytes], Dialect]
    max_body: int
    stand_ins: tuple[StandIn, ...] = ()
    told: Callable[[Told], None] = lambda answer: None


Listen = Callable[["LocalDoor", str, int], Awaitable[int]]


class LocalDoor:
    """Answer exchanges with what the gateway answers: the handler of a listener on loopback."""

    def __init__(self, gateway: Line, upstream: Upstream, rules: Rules, tasks: Tasks) -> None:
        self._gateway = gateway
        self._upstream = upstream
        self._rules = rules
        self._tasks = tasks
        self.draining = False

    async def open(self, listen: Listen, host: str, port: int) -> int:
        """Have a listener hand its requests here; return its port. RefusedByPolicy beyond loopback."""
        if reach(host) != "loopback":
            raise RefusedByPolicy(
                f"companion.door: {host} can be reached by others; a local door is for this machine alone, "
                "set it to 127.0.0.1"
            )
        return await listen(self, "127.0.0.1" if host.lower() == "localhost" else host, port)

    async def is_there(self) -> bool:
        """Return whether the gateway answers at all, within two seconds."""
        line = self._gateway
        try:
            answer = await self._upstream.send(
                line, line.get(line.endpoint.target("livez")), b"", self._upstream.hurried(_LOOK_PATIENCE_S)
            )
        except UpstreamFault:
            return False
        answer.abort()
        return True

    async def serve(self, exchange: Exchange) -> None:
        """Answer one exchange; only a cancellation gets out."""
        try:
            self._admit(exchange)
            body = await exchange.body(self._rules.max_body)
            answer, added = await self._ask(exchange, body)
            try:
                await _relay(exchange, answer, added)
            finally:
                answer.release()
        except GatewayError as error:
            self._fail(exchange, error)
        except asyncio.CancelledError as why:
            if Draining.is_why(why):
                self._fail(exchange, Draining.cut())
            raise
        finally:
            if not exchange.done:
                exchange.abandon()

    def refusal(self, error: GatewayError) -> tuple[bytes, bytes]:
        """Render an error for bytes that never became a request."""
        return _JSON, self._rules.dialect_of(b"/").encode_error(error)

    # a request

    def _admit(self, exchange: Exchange) -> None:
        if not exchange.memo.admitted:
            self._rules.check(exchange.headers)
            exchange.memo.admitted = True
        if self.draining:
            raise Draining("the companion is shutting down")
        if exchange.upgrade:
            # Codex goes on over HTTP at once after exactly this status; after another one it waits.
            raise UpgradeRefused("this door speaks no WebSocket; send the request over HTTP")
        if not exchange.target.startswith(b"/") or not exchange.target.isascii():
            raise MalformedRequest("the request target is no path in ASCII")
        if exchange.target.startswith(b"/bridge/"):
            raise NotFound("companions join the gateway itself, not through the door of one")

    async def _ask(self, exchange: Exchange, body: bytes) -> tuple[Answer, bytes]:
        """Return the gateway's answer, or a local engine's while it is away; with header lines to add."""
        line = self._gateway
        path = exchange.target[1:].decode("ascii")
        head = line.request(exchange.method, path, _lines(exchange.headers, _NOT_ONWARD), len(body))
        try:
            return await self._head(head, body), b""
        except UpstreamUnreachable as error:
            asked = choose(self._rules.stand_ins, exchange, body, self._rules.dialect_of(exchange.target))
            if asked is None:
                raise self._away(error.message) from error
            provider = asked.line.endpoint.provider
            try:
                answer = await self._upstream.send(asked.line, asked.head, asked.body)
            except UpstreamFault as other:
                raise self._away(f"{error.message}; nor does {provider} answer in its place") from other
            self._rules.told(Told(provider, asked.model, path.partition("?")[0], answer.status))
            return answer, b"x-llm-gateway-provider: %b\r\nx-llm-gateway-away: true\r\n" % provider.encode()
        except UpstreamBroken as error:
            raise self._away(error.message) from error

    async def _head(self, head: bytes, body: bytes) -> Answer:
        """Send a request and wait for the head of its answer, as long as the gateway is there."""
        asking = self._tasks.start("carry a request", self._sent(head, body))
        try:
            while not asking.done():
                await asyncio.wait({asking}, timeout=_LOOK_S)
                if not asking.done() and not await self.is_there():
                    raise self._away("it does not answer any more")
        except BaseException:
            asking.cancel()
            if asking.done() and not asking.cancelled() and not isinstance(got := asking.result(), Exception):
                got.release()
            raise
        answer = asking.result()
        if isinstance(answer, UpstreamFault):
            raise answer
        return answer

    async def _sent(self, head: bytes, body: bytes) -> "Answer | UpstreamFault":
        """Return a fault instead of raising it: a gateway that is away is no failure of a task."""
        try:
            return await self._upstream.send(self._gateway, head, body)
        except UpstreamFault as error:
            return error

    def _away(self, why: str) -> GatewayAway:
        return GatewayAway(
            f"the gateway at {self._gateway.endpoint.url} is away: {why}. Start it there (`llm-gateway up`), "
            "look at this machine's network, or send the request again when it is back",
            retry_after=_AGAIN_S,
        )

    def _fail(self, exchange: Exchange, error: GatewayError) -> None:
        """Say what went wrong in the client's words: as the answer, or as the end of one that has begun."""
        if exchange.done:
            return
        dialect = self._rules.dialect_of(exchange.target)
        told = dialect.encode_error(error)
        if exchange.started:
            if exchange.keep_alive:  # a stream of events
                torn = b"" if exchange.ends_event else b"\n\n"
                exchange.end(b"%bevent: error\ndata: %b\n\n" % (torn, told))
            else:
                exchange.abandon()
            return
        fields = _JSON
        if isinstance(error, UpgradeRefused):  # RFC 9110, 15.5.22
            fields += b"upgrade: %b\r\nconnection: upgrade\r\n" % error.to.encode()
        if error.retry_after is not None:
            fields += b"retry-after: %d\r\n" % max(round(error.retry_after), 1)
        exchange.respond(error.status, fields, told)


async def _relay(exchange: Exchange, answer: Answer, added: bytes) -> None:
    """Pass an answer on: a short one that has a length whole, everything else as it comes."""
    fields = _lines(answer.headers, _NOT_BACK) + added
    if exchange.method == b"HEAD" or answer.status in (204, 304):
        exchange.respond(answer.status, fields, b"")
        return
    length = get(answer.headers, b"content-length") or b""
    if length.isdigit() and int(length) <= _WHOLE:
        pieces = []
        while piece := await answer.read():
            pieces.append(piece)
        exchange.respond(answer.status, fields, b"".join(pieces))
        return
    exchange.begin(answer.status, fields, answer.take())
    exchange.keep_alive = is_event_stream(answer)

    def pass_on(data: bytes) -> bool:
        exchange.write(data)
        return not exchange.blocked

    while not answer.ended:
        await answer.pour(pass_on)
        if exchange.blocked:
            await exchange.drain()
    exchange.end()


def _lines(headers: Headers, dropped: frozenset[bytes]) -> bytes:
    """Return header lines without some, and without those that Connection names (RFC 9110, 7.6.1)."""
    gone = dropped | connection_names(headers)
    return b"".join([b"%b: %b\r\n" % field for field in headers if field[0] not in gone])
