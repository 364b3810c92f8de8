"""Every path that a gateway answers, in one table. What each of them does is in the modules named here."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from llm_gateway.clients.watching import Watching
from llm_gateway.config import Loaded, Server
from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.content.content import Content
from llm_gateway.dashboard.landing import landing_page
from llm_gateway.http.asgi import serve_asgi
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.forwarding import Forwarding
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.key_admin import KeyAdmin
from llm_gateway.pipeline.quota_keeping import QuotaKeeping
from llm_gateway.server.bridges_api import BridgesApi
from llm_gateway.server.companion_routes import CompanionsApi
from llm_gateway.server.dashboard_api import DashboardApi
from llm_gateway.server.dialect_routes import dialect_routes
from llm_gateway.server.explain import Explaining
from llm_gateway.server.forwarded_routes import forwarded_routes
from llm_gateway.server.imports_api import ImportsApi
from llm_gateway.server.kept_responses import KeptResponses
from llm_gateway.server.keys_api import KeysApi
from llm_gateway.server.ledger_api import LedgerApi
from llm_gateway.server.login_routes import login_routes
from llm_gateway.server.models_api import ModelsApi
from llm_gateway.server.ollama_api import OllamaApi
from llm_gateway.server.openapi import describe
from llm_gateway.server.operations import Operations
from llm_gateway.server.otlp_routes import Receiver, otlp_routes
from llm_gateway.server.responses_api import ResponsesApi
from llm_gateway.server.routes import Route, Routes
from llm_gateway.server.shelf import Shelf
from llm_gateway.server.subscriptions_api import SubscriptionsApi
from llm_gateway.server.usage_api import UsageApi
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.fleet import Fleet

__all__ = ["Parts", "surface"]


class Parts(msgspec.Struct, frozen=True):
    """What the paths need beside the pipeline. `refused` says why the configuration's file is not in use."""

    gateway: Gateway
    fleet: Fleet
    watching: Watching
    keys: KeyAdmin
    content: Content
    kept: KeptResponses
    bridges: BridgesApi
    companions: CompanionsApi
    server: Server
    tasks: Tasks
    quotas: QuotaKeeping
    subscriptions: Callable[[], Sequence[SubscriptionSettings]]
    configured: Callable[[], tuple[Loaded, Mapping[str, str]]]
    url: Callable[[], str]
    refused: Callable[[], str]


def surface(parts: Parts) -> Routes:
    """Return the table of a gateway's paths."""
    gateway, server = parts.gateway, parts.server
    shelf = Shelf(parts.fleet, gateway.router, gateway.clock, parts.tasks)
    models = ModelsApi(gateway, shelf)
    forwarding = Forwarding(gateway, server.default_provider)
    telling = Receiver(
        gateway.keys, gateway.clock, gateway.metrics, parts.watching.receive, server.max_body_bytes
    )

    async def landing(exchange: Exchange, _: str) -> None:
        await serve_asgi(exchange, landing_page(parts.url()))

    table = Routes(
        dialect_routes(gateway, parts.kept)
        + models.routes()
        + OllamaApi(gateway, shelf).routes()
        + DashboardApi(gateway, parts.fleet, parts.watching, parts.refused).routes()
        + UsageApi(gateway).routes()
        + Explaining(gateway.router, gateway.routing, parts.fleet).routes()
        + KeysApi(parts.keys, parts.content).routes()
        + LedgerApi(gateway.ledger, gateway.clock, parts.tasks).routes()
        + parts.bridges.routes()
        + SubscriptionsApi(gateway, parts.fleet, parts.quotas, parts.subscriptions).routes()
        + ImportsApi(gateway, parts.watching, parts.tasks, parts.configured).routes()
        + parts.companions.routes()
        + Operations(gateway.ledger, gateway.metrics, lambda: describe(table.all)).routes()
        + ResponsesApi(parts.kept, forwarding).routes()
        + otlp_routes(telling)
        + login_routes(forwarding, models.listed)
        + forwarded_routes(forwarding)
        + (Route("GET", "/", landing, "A page that says what this is", "open"),)
    )
    return table
