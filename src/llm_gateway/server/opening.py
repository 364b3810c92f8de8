"""The server's side put together: who is signed in, the paths, the sockets, and the edge before them."""

from collections.abc import Callable

from llm_gateway.clock import Clock
from llm_gateway.companion.opening import Companions
from llm_gateway.config import Loaded
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.server.access import Access
from llm_gateway.server.companion_routes import companion_sockets
from llm_gateway.server.dialect_routes import dialect_at
from llm_gateway.server.edge import Edge
from llm_gateway.server.guard import Guard
from llm_gateway.server.guesses import Guesses
from llm_gateway.server.parts import Parts
from llm_gateway.server.responses_socket import responses_sockets
from llm_gateway.server.routes import Routes
from llm_gateway.server.sessions import Sessions
from llm_gateway.server.sign_in import SignIn
from llm_gateway.server.surface import surface
from llm_gateway.telemetry.log import Log
from llm_gateway.telemetry.metrics import Metrics
from llm_gateway.vault import Secret

__all__ = ["open_edge", "open_sign_in"]


async def open_sign_in(
    loaded: Loaded, owner: Secret, ledger: Ledger, clock: Clock, url: Callable[[], str]
) -> SignIn:
    """Return how the dashboard is signed in to, with the sessions that were there before."""
    sessions = Sessions(ledger, clock, secure=bool(loaded.settings.server.tls_cert))
    await sessions.load()
    token = loaded.dashboard_token
    shown = token.reveal().encode() if token is not None else b""
    access = Access(owner.reveal().encode(), shown, Guesses(clock), sessions.of)
    return SignIn(sessions, access, url)


def open_edge(
    parts: Parts, companions: Companions, guard: Guard, telemetry: tuple[Log, Metrics]
) -> tuple[Edge, Routes]:
    """Return what answers every connection, and the table of paths behind it."""
    table = surface(parts)
    sockets = dict(responses_sockets(parts.gateway, parts.kept)) if parts.server.websockets else {}
    sockets |= companion_sockets(companions.hub)
    return Edge(table, guard, parts.sign_in.access, dialect_at, telemetry, sockets), table
