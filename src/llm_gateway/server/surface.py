"""Every path that a gateway answers, in one table. What each of them does is in the modules named here."""

from llm_gateway.pipeline.forwarding import Forwarding
from llm_gateway.server.client_connections import ClientConnections
from llm_gateway.server.dashboard_api import DashboardApi
from llm_gateway.server.dialect_routes import dialect_routes
from llm_gateway.server.explain import Explaining
from llm_gateway.server.forwarded_routes import forwarded_routes
from llm_gateway.server.imports_api import ImportsApi
from llm_gateway.server.keys_api import KeysApi
from llm_gateway.server.ledger_api import LedgerApi
from llm_gateway.server.login_routes import login_routes
from llm_gateway.server.models_api import ModelsApi
from llm_gateway.server.ollama_api import OllamaApi
from llm_gateway.server.openapi import describe
from llm_gateway.server.operations import Operations
from llm_gateway.server.otlp_routes import Receiver, otlp_routes
from llm_gateway.server.pages.all_pages import page_routes
from llm_gateway.server.pages.page import Frame
from llm_gateway.server.parts import Apis, Parts
from llm_gateway.server.responses_api import ResponsesApi
from llm_gateway.server.routes import Routes
from llm_gateway.server.shelf import Shelf
from llm_gateway.server.subscriptions_api import SubscriptionsApi
from llm_gateway.server.usage_api import UsageApi

__all__ = ["surface"]


def surface(parts: Parts) -> Routes:
    """Return the table of a gateway's paths."""
    gateway, server = parts.gateway, parts.server
    shelf = Shelf(parts.fleet, gateway.router, gateway.clock, parts.tasks)
    models = ModelsApi(gateway, shelf)
    forwarding = Forwarding(gateway, server.default_provider)
    telling = Receiver(
        gateway.keys, gateway.clock, gateway.metrics, parts.watching.receive, server.max_body_bytes
    )

    apis = _apis(parts, shelf)
    frame = Frame(gateway.clock, parts.sign_in.csrf_of, lambda: apis.dashboard.health_view().status)
    table = Routes(
        dialect_routes(gateway, parts.kept)
        + models.routes()
        + OllamaApi(gateway, shelf).routes()
        + apis.dashboard.routes()
        + apis.connections.routes()
        + apis.usage.routes()
        + apis.explaining.routes()
        + apis.keys.routes()
        + LedgerApi(gateway.ledger, gateway.clock, parts.tasks).routes()
        + apis.bridges.routes()
        + apis.subscriptions.routes()
        + ImportsApi(gateway, parts.watching, parts.tasks, parts.configured).routes()
        + parts.companions.routes()
        + parts.sign_in.routes()
        + Operations(gateway.ledger, gateway.metrics, lambda: describe(table.all)).routes()
        + ResponsesApi(parts.kept, forwarding).routes()
        + otlp_routes(telling)
        + login_routes(forwarding, models.listed)
        + forwarded_routes(forwarding)
        + page_routes(parts, apis, frame, parts.sign_in.stays)
    )
    return table


def _apis(parts: Parts, shelf: Shelf) -> Apis:
    gateway = parts.gateway
    return Apis(
        DashboardApi(gateway, parts.fleet, parts.watching, parts.refused),
        UsageApi(gateway),
        Explaining(gateway.router, gateway.routing, parts.fleet),
        KeysApi(parts.keys, parts.content, parts.sign_in.person),
        parts.bridges,
        SubscriptionsApi(gateway, parts.fleet, parts.quotas, parts.subscriptions),
        parts.companions,
        shelf,
        ClientConnections(
            parts.keys, shelf, parts.tasks, parts.configured, parts.url, parts.sign_in.signed_in
        ),
    )
