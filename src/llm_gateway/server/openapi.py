"""Describe the HTTP surface as OpenAPI 3.1, from the table of routes itself: nothing else is in it."""

import re
from collections.abc import Iterable

import msgspec

from llm_gateway import __version__
from llm_gateway.clients.connections import Connection
from llm_gateway.server import views
from llm_gateway.server.client_views import ClientView
from llm_gateway.server.explain import Explained
from llm_gateway.server.forecast_views import ForecastView
from llm_gateway.server.metrics_views import MetricsView
from llm_gateway.server.routes import Route
from llm_gateway.server.savings_views import SavingsView
from llm_gateway.server.statusline import StatuslineView
from llm_gateway.server.usage_views import UsageView

__all__ = ["describe"]

_SCHEMES = {
    "gatewayKey": {"type": "http", "scheme": "bearer", "description": "A gateway key, lgw_…"},
    "dashboardToken": {"type": "http", "scheme": "bearer", "description": "The dashboard token"},
    "ownerToken": {"type": "http", "scheme": "bearer", "description": "The owner's token of this machine"},
}
_NEEDS = {
    "key": "gatewayKey",
    "dashboard": "dashboardToken",
    "page": "dashboardToken",
    "owner": "ownerToken",
    "session": "ownerToken",
}

# The shape of a 200 answer, where it is ours; the dialects' shapes are their vendors'.
_ANSWERS: dict[str, tuple[type, str]] = {
    "/api/dashboard/health": (views.HealthView, ""),
    "/api/dashboard/providers": (views.ProviderView, "providers"),
    "/api/dashboard/requests": (views.RequestView, "requests"),
    "/api/dashboard/requests/{}": (views.RequestDetail, ""),
    "/api/dashboard/request-metrics": (MetricsView, ""),
    "/api/dashboard/usage": (UsageView, ""),
    "/api/dashboard/savings": (SavingsView, ""),
    "/api/dashboard/forecast": (ForecastView, "forecast"),
    "/api/dashboard/statusline": (StatuslineView, ""),
    "/api/dashboard/clients": (ClientView, "clients"),
    "/api/dashboard/clients/{}/connection": (Connection, ""),
    "/api/dashboard/explain": (Explained, ""),
}


def describe(routes: Iterable[Route]) -> bytes:
    """Return the description as JSON."""
    types = [view for view, _ in _ANSWERS.values()]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    by_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        operation = _operation(route, by_type)
        paths.setdefault(route.path.replace("{}", "{id}"), {})[route.method.lower()] = operation
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "LLM Gateway", "version": __version__, "license": {"name": "Apache-2.0"}},
            "paths": paths,
            "components": {"schemas": components, "securitySchemes": _SCHEMES},
        }
    )


def _operation(route: Route, schemas: dict[type, dict[str, object]]) -> dict[str, object]:
    name = re.sub(r"[^a-z0-9]+", "_", f"{route.method}{route.path.replace('{}', 'one')}".lower()).strip("_")
    operation: dict[str, object] = {
        "operationId": name,
        "summary": route.summary,
        "responses": {
            "200": _answer(route.path, schemas),
            "default": {"description": "An error, with its way out"},
        },
    }
    if route.access in _NEEDS:
        operation["security"] = [{_NEEDS[route.access]: []}]
    if "{}" in route.path:
        operation["parameters"] = [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    if route.method == "POST":
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    return operation


def _answer(path: str, schemas: dict[type, dict[str, object]]) -> dict[str, object]:
    known = _ANSWERS.get(path)
    if known is None:
        return {"description": "Done"}
    view, inside = known
    schema: dict[str, object] = schemas[view]
    if inside:
        schema = {"type": "object", "properties": {inside: {"type": "array", "items": schema}}}
    return {"description": "Done", "content": {"application/json": {"schema": schema}}}
