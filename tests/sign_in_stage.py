"""The dashboard's door with real parts: sessions in a ledger, access, the paths of signing in, no socket."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from fakes import FakeClock, FakeWire
from ledger_samples import Failures
from llm_gateway.config import Server
from llm_gateway.dialects.chat import CHAT
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.server.access import Access
from llm_gateway.server.edge import Edge
from llm_gateway.server.guard import Guard
from llm_gateway.server.guesses import Guesses
from llm_gateway.server.routes import Route, Routes
from llm_gateway.server.sessions import COOKIE, Session, Sessions
from llm_gateway.server.sign_in import SignIn
from llm_gateway.telemetry.log import Log
from llm_gateway.telemetry.metrics import Metrics
from rawhttp import Reply
from server_stage import DASHBOARD, OWNER

__all__ = ["KINDS", "URL", "Lobby", "cookie_of", "hello", "in_a_lobby"]

T = TypeVar("T")
URL = "http://127.0.0.1:8787"
KINDS = ("open", "key", "dashboard", "page", "owner", "session")


class Lobby:
    """A gateway's door and a route of each kind behind it, at `/KIND`, for every method."""

    def __init__(self, home: Path, ledger: Ledger, clock: FakeClock, *, secure: bool = False) -> None:
        self.home = home
        self.ledger = ledger
        self.clock = clock
        self.sessions = Sessions(ledger, clock, secure=secure)
        self.access = Access(OWNER.encode(), DASHBOARD.encode(), Guesses(clock), self.sessions.of)
        self.sign_in = SignIn(self.sessions, self.access, lambda: URL)
        self.logged = io.StringIO()
        plain = tuple(
            Route(method, f"/{kind}", hello, kind, kind)
            for kind in KINDS
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        )
        self.edge = Edge(
            Routes((*plain, *self.sign_in.routes())),
            Guard(Server()),
            self.access,
            lambda target: CHAT,
            (Log(clock, "debug", self.logged), Metrics()),
        )

    async def ask(
        self,
        method: str,
        target: str,
        fields: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Reply:
        """Return the answer to a request."""
        wire, exchange = self.request(method, target, fields or {}, body)
        await self.edge.serve(exchange)
        assert exchange.done
        return wire.reply

    def request(
        self, method: str, target: str, fields: Mapping[str, str], body: object = None
    ) -> tuple[FakeWire, Exchange]:
        """Return a request that is not answered yet, and the connection that it came by."""
        wire = FakeWire()
        headers = [(name.lower().encode(), text.encode()) for name, text in fields.items()]
        data = b"" if body is None else msgspec.json.encode(body)
        return wire, wire.exchange(method.encode(), target.encode(), headers, body=data)

    async def signed_in(self, onward: str = "/") -> tuple[dict[str, str], Session]:
        """Sign in by a link; return the fields that a page of ours sends, and the session."""
        link = self.sessions.links.mint()
        reply = await self.ask("POST", "/sign-in/link", {}, {"link": link, "next": onward})
        assert reply.status == 200, reply
        cookie = cookie_of(reply)
        session = self.sessions.of([(b"cookie", cookie.encode())])
        assert session is not None
        return {"Cookie": cookie, "x-llm-gateway-csrf": session.csrf}, session


def in_a_lobby(home: Path, scene: Callable[[Lobby], Awaitable[T]], *, secure: bool = False) -> T:
    """Play a scene; what went wrong in the background fails it."""
    failures = Failures()

    async def play() -> T:
        clock = FakeClock()
        ledger = await Ledger.open(home, clock, on_failure=failures)
        try:
            return await scene(Lobby(home, ledger, clock, secure=secure))
        finally:
            await ledger.close()

    found = asyncio.run(play())
    assert failures == []
    return found


def cookie_of(reply: Reply) -> str:
    """Return the pair of a Set-Cookie field, as a browser sends it back."""
    value = reply.header("set-cookie")
    assert value is not None and COOKIE in value
    return value.partition(";")[0]


async def hello(exchange: Exchange, _: str) -> None:
    """Let whoever came this far know it."""
    exchange.respond(200, b"content-type: text/plain\r\n", b"hello")
