"""The server's side with real parts: an edge over the routes of a test, asked without a socket."""

import io
import json
from pathlib import Path

from fakes import FakeClock, FakeWire
from llm_gateway.config import Server
from llm_gateway.dialects.chat import CHAT
from llm_gateway.server.access import Access
from llm_gateway.server.edge import Edge
from llm_gateway.server.guard import Guard
from llm_gateway.server.routes import Route, Routes
from llm_gateway.telemetry.log import Log
from llm_gateway.telemetry.metrics import Metrics
from rawhttp import Reply

__all__ = ["DASHBOARD", "OWNER", "Door", "home_files"]

OWNER = "lgo_the-owner-token-of-this-machine"
DASHBOARD = "the-dashboard-token-of-this-test"


class Door:
    """An edge, and what was logged and counted behind it."""

    def __init__(self, *routes: Route, dashboard: str = DASHBOARD, metrics: Metrics | None = None) -> None:
        self.logged = io.StringIO()
        self.metrics = metrics or Metrics()
        self.edge = Edge(
            Routes(routes),
            Guard(Server()),
            Access(OWNER.encode(), dashboard.encode()),
            lambda target: CHAT,
            (Log(FakeClock(), "debug", self.logged), self.metrics),
        )

    async def ask(
        self,
        target: str,
        *headers: tuple[bytes, bytes],
        method: str = "GET",
        token: str = "",
        body: bytes = b"",
    ) -> Reply:
        """Return the answer to a request that shows `token` as its bearer."""
        bearer = [(b"authorization", b"Bearer " + token.encode())] if token else []
        wire = FakeWire()
        exchange = wire.exchange(method.encode(), target.encode(), [*bearer, *headers], body=body)
        await self.edge.serve(exchange)
        assert exchange.done
        return wire.reply

    async def json(self, target: str, *, token: str = DASHBOARD) -> dict[str, object]:
        """Return what a path answers in JSON, having checked that nobody may keep it."""
        reply = await self.ask(target, token=token)
        assert reply.status == 200, reply
        assert reply.header("content-type") == "application/json"
        assert reply.header("cache-control") == "no-store"
        return reply.json()

    def log_lines(self) -> list[dict[str, object]]:
        """Return what was logged."""
        return [json.loads(line) for line in self.logged.getvalue().splitlines()]


def home_files(home: Path) -> bytes:
    """Return everything that is stored below a home."""
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())
