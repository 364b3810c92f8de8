"""The connection edge: every request passes the guard, finds its route and gets an answer, come what may."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType

from llm_gateway.dialects.contract import Dialect
from llm_gateway.errors import (
    Draining,
    GatewayError,
    Internal,
    MethodNotAllowed,
    SignInNeeded,
    UpgradeRefused,
)
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.authenticate import credentials
from llm_gateway.pipeline.relay import refuse
from llm_gateway.server.access import Access, is_visit, sign_in_location
from llm_gateway.server.guard import Guard, is_arrival
from llm_gateway.server.routes import Answering, Routes
from llm_gateway.telemetry.log import Log
from llm_gateway.telemetry.metrics import Metrics

__all__ = ["JSON", "Edge", "respond_json"]

_NO_STORE = b"cache-control: no-store\r\n"
_PLAIN = b"content-type: text/plain; charset=utf-8\r\n" + _NO_STORE
JSON = b"content-type: application/json\r\n" + _NO_STORE


class Edge:
    """Answer exchanges: the handler of the listener.

    `sockets` answer upgrades to a WebSocket, by path.
    """

    def __init__(
        self,
        routes: Routes,
        guard: Guard,
        access: Access,
        dialect_of: Callable[[bytes], Dialect],
        telemetry: tuple[Log, Metrics],
        sockets: Mapping[bytes, Answering] = MappingProxyType({}),
    ) -> None:
        self._routes = routes
        self._guard = guard
        self._access = access
        self._dialect_of = dialect_of
        self._log, self._metrics = telemetry
        self._sockets = sockets
        self.draining = False

    async def serve(self, exchange: Exchange) -> None:
        """Answer one exchange; only a cancellation gets out."""
        try:
            path = exchange.target.partition(b"?")[0]
            if not exchange.memo.admitted:
                self._admit(exchange, path)
            if self.draining:
                raise Draining("the gateway is shutting down")
            if exchange.upgrade == b"websocket":
                await self._switch(exchange, path)
            else:
                route, rest = self._routes.find(exchange.method, path)
                if route.access != "key":
                    self._access.require(route.access, exchange)
                await route.answer(exchange, rest)
        except GatewayError as error:
            self._refuse(exchange, error)
        except asyncio.CancelledError as why:
            if Draining.is_why(why) and not exchange.started:
                self._refuse(exchange, Draining.cut())
            raise
        except Exception as error:
            # The connection edge: a defect of ours costs one answer, never the process.
            self._log.failure("request", error)
            self._refuse(exchange, Internal("the gateway failed on this request; its log says why"))
        if not exchange.done:
            exchange.abandon()

    def refusal(self, error: GatewayError) -> tuple[bytes, bytes]:
        """Render an error for bytes that never became a request."""
        return JSON, self._dialect_of(b"/").encode_error(error)

    def refused(self, error: GatewayError) -> None:
        """Count bytes that never became a request."""
        self._metrics.refused(error.kind)

    def _admit(self, exchange: Exchange, path: bytes) -> None:
        """Let a request pass the guard; a link on another site's page leads to our pages, and no further."""
        if exchange.method == b"GET" and is_arrival(exchange.headers) and self._routes.is_page(path):
            self._guard.check(exchange.headers, arriving=True)
        else:
            self._guard.check(exchange.headers)
            exchange.memo.admitted = True

    async def _switch(self, exchange: Exchange, path: bytes) -> None:
        answer = self._sockets.get(path) if exchange.method == b"GET" else None
        if answer is None:
            # Codex goes on over HTTP at once after exactly this status; after another one it waits.
            raise UpgradeRefused("this gateway speaks no WebSocket here; send the request over HTTP")
        await answer(exchange, "")

    def _refuse(self, exchange: Exchange, error: GatewayError) -> None:
        if isinstance(error, SignInNeeded) and _only_asks_whether(exchange):
            exchange.respond(200, _PLAIN, b"LLM Gateway is running")
            return
        self._metrics.refused(error.kind)
        if exchange.started:
            exchange.abandon()
            return
        if isinstance(error, SignInNeeded) and is_visit(exchange):
            location = b"location: %b\r\n" % sign_in_location(exchange.target)
            exchange.respond(303, location + _NO_STORE, b"")
            return
        fields = _NO_STORE
        if isinstance(error, MethodNotAllowed):
            fields += b"allow: %b\r\n" % ", ".join(error.allowed).encode()
        refuse(exchange, self._dialect_of(exchange.target), error, fields)


def _only_asks_whether(exchange: Exchange) -> bool:
    """Return whether somebody asks at the root whether anything is there, as monitors and some tools do."""
    root = exchange.target.partition(b"?")[0] == b"/" and exchange.method in (b"GET", b"HEAD")
    return root and not is_visit(exchange) and not credentials(exchange.headers)


def respond_json(exchange: Exchange, body: bytes, status: int = 200) -> None:
    """Answer with JSON that nobody should keep."""
    exchange.respond(status, JSON, body)
