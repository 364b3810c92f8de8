"""The server's side put together: who is signed in, the paths, the sockets, and the edge before them."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from llm_gateway.clock import Clock
from llm_gateway.companion.opening import Companions
from llm_gateway.config import Loaded
from llm_gateway.ledger.dashboard_sessions import How
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.server.access import Access
from llm_gateway.server.companion_routes import companion_sockets
from llm_gateway.server.dialect_routes import dialect_at
from llm_gateway.server.edge import Edge
from llm_gateway.server.guard import Guard
from llm_gateway.server.guesses import Guesses
from llm_gateway.server.identity import Provider, is_listed, secret_of
from llm_gateway.server.oidc_routes import OidcRoutes
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
    loaded: Loaded,
    environ: Mapping[str, str],
    owner: Secret,
    around: tuple[Ledger, Clock, Log],
    url: Callable[[], str],
) -> SignIn:
    """Return how the dashboard is signed in to, with the sessions that were there before.

    A session goes on while who began it is still let in. ConfigError says why nobody can be.
    """
    ledger, clock, log = around
    settings = loaded.settings.dashboard.oidc
    secure = bool(loaded.settings.server.tls_cert)
    token = loaded.dashboard_token
    shown = token.reveal().encode() if token is not None else b""
    # With the owner's token, which nobody guesses: without it the ledger would give a weak one away.
    mark = hmac.new(owner.reveal().encode(), b"dashboard token " + shown, hashlib.sha256).hexdigest()[:32]
    sessions = Sessions(ledger, clock, secure=secure, mark=mark)

    def admitted(how: How, who: str) -> bool:
        return how == "link" or (bool(shown) and who == mark if how == "token" else is_listed(settings, who))

    await sessions.load(admitted)
    sign_in = SignIn(sessions, Access(owner.reveal().encode(), shown, Guesses(clock), sessions.of), url)
    if settings.issuer:
        provider = Provider(settings, secret_of(settings, environ), clock)
        issuer = urlsplit(settings.issuer).netloc
        sign_in.also_by(issuer, OidcRoutes(sign_in, provider, log, secure=secure).routes())
    return sign_in


def open_edge(
    parts: Parts, companions: Companions, guard: Guard, telemetry: tuple[Log, Metrics]
) -> tuple[Edge, Routes]:
    """Return what answers every connection, and the table of paths behind it."""
    table = surface(parts)
    sockets = dict(responses_sockets(parts.gateway, parts.kept)) if parts.server.websockets else {}
    sockets |= companion_sockets(companions.hub)
    return Edge(table, guard, parts.sign_in.access, dialect_at, telemetry, sockets), table
