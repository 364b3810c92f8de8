"""The page at `/`: what a person who opens the gateway's address should know. It shows no data."""

from collections.abc import Awaitable, Callable
from html import escape

from llm_gateway.http.asgi import Application, Message

__all__ = ["landing_page"]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>LLM Gateway</title></head><body><main>
<h1>LLM Gateway is running</h1>
<p>Point an OpenAI-compatible client at <code>{url}/v1</code> with a gateway key
(<code>llm-gateway keys create NAME</code>).</p>
<p>On this machine, <code>llm-gateway status</code>, <code>llm-gateway requests --follow</code> and
<code>llm-gateway doctor</code> say how it is. The same as JSON, with the dashboard token:
<code>{url}/api/dashboard/health</code>; every path: <code>{url}/openapi.json</code>.</p>
</main></body></html>
"""

_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


def landing_page(url: str) -> Application:
    """Return the page as an ASGI application."""
    body = _PAGE.format(url=escape(url)).encode()

    async def application(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": body})

    return application
