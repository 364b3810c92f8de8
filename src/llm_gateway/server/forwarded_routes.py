"""Every path below `/v1/` that is nobody else's, with any method: files, batches, audio, images and so on.

Which provider gets such a request, and whether any does, is decided in `pipeline/forwarding.py`.
"""

from urllib.parse import unquote

from llm_gateway.dialects.contract import Dialect
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.forwarding import Forwarding, Onward, forward
from llm_gateway.server.query import query_text
from llm_gateway.server.routes import Route
from llm_gateway.wire.headers import Headers, get

__all__ = ["METHODS", "forwarded_routes", "is_plain", "pass_on"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Those that are passed on."""

_SUMMARY = "Anything else: passed on to the provider that the model or `server.default_provider` names"
# What a client tells of itself is for whoever runs this gateway, and for no provider.
_TELEMETRY = frozenset(("logs", "metrics", "traces"))
_ENDPOINTS = ("chat", "responses", "messages")


def forwarded_routes(forwarding: Forwarding) -> tuple[Route, ...]:
    """Return a route for each method; any other route that fits a path comes before them."""

    async def answer(exchange: Exchange, rest: str) -> None:
        path = rest.removeprefix("v1/")  # of clients that bring a version along and are given another one
        if path in _TELEMETRY:
            raise NotFound("telemetry is taken by POST at /v1/logs, /v1/metrics and /v1/traces only")
        await pass_on(exchange, forwarding, path)

    return tuple(Route(method, "/v1/{}", answer, _SUMMARY, "key") for method in METHODS)


async def pass_on(exchange: Exchange, forwarding: Forwarding, path: str, lacking: str = "") -> None:
    """Pass a request on below a provider's version path; `lacking` is what to say where nobody gets it."""
    if not is_plain(path):
        raise NotFound("there is nothing at this path: it has characters or dots that no provider's has")
    dialect = _dialect(path, exchange.headers)
    await forward(exchange, forwarding, dialect, _onward(path, query_text(exchange.target), dialect, lacking))


def _onward(path: str, query: str, dialect: Dialect, lacking: str) -> Onward:
    if path.startswith("responses/"):
        return Onward(path, query, ("responses",), lacking)
    return Onward(path, query, tuple(dict.fromkeys((dialect.name, *_ENDPOINTS))))


def _dialect(path: str, headers: Headers) -> Dialect:
    """Return the dialect of whoever asks: by the path, or by what only Anthropic's clients send."""
    if path.startswith("responses/"):
        return DIALECTS["responses"]
    is_anthropic = path.startswith("messages/") or get(headers, b"anthropic-version") is not None
    return DIALECTS["messages"] if is_anthropic else DIALECTS["chat"]


def is_plain(path: str) -> bool:
    """Return whether a path stays below the provider's own, however it is read there."""
    if not (path.isascii() and path.isprintable()) or " " in path:
        return False
    decoded = unquote(path)
    segments = decoded.replace("\\", "/").split("/")
    return decoded.isprintable() and not any(segment in ("", ".", "..") for segment in segments)
