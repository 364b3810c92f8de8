"""Serve an exchange by an ASGI application (asgi.readthedocs.io, HTTP connection scope 2.4).

For pages, where a framework's comfort is worth its cost; requests for models never pass here. Lifespan and
WebSockets are not spoken.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from llm_gateway.http import wording
from llm_gateway.http.exchange import Exchange
from llm_gateway.wire.headers import Headers

__all__ = ["Application", "Message", "serve_asgi"]

Message = MutableMapping[str, Any]  # dictionaries of many types, by ASGI's definition
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]

_MAX_BODY = 1024 * 1024


async def serve_asgi(exchange: Exchange, application: Application, *, max_body: int = _MAX_BODY) -> None:
    """Let an application answer; what it raises is the caller's to turn into an answer."""
    conversation = _Conversation(exchange, max_body)
    await application(_scope(exchange), conversation.receive, conversation.send)


class _Conversation:
    """What passes between an application and one exchange."""

    def __init__(self, exchange: Exchange, max_body: int) -> None:
        self._exchange = exchange
        self._max_body = max_body
        self._asked = False
        self._status = 0
        self._headers = b""

    async def receive(self) -> Message:
        """Give the body in one piece; after that nothing comes but a cancellation."""
        if self._asked:
            await asyncio.get_running_loop().create_future()
        self._asked = True
        return {"type": "http.request", "body": await self._exchange.body(self._max_body), "more_body": False}

    async def send(self, message: Message) -> None:
        """Take the head, then the body, in as many pieces as it comes."""
        exchange = self._exchange
        if message["type"] == "http.response.start":
            self._status = message["status"]
            fields: Headers = [(name.lower(), value) for name, value in message.get("headers", ())]
            kept = [field for field in fields if field[0] not in (b"content-length", b"transfer-encoding")]
            self._headers = wording.fields(kept)
            return
        if not self._status:
            raise RuntimeError("the application sent a body before its head")
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            if exchange.started:
                exchange.end(body)
            else:
                exchange.respond(self._status, self._headers, body)
        elif exchange.started:
            exchange.write(body)
        else:
            exchange.begin(self._status, self._headers, body)
        if exchange.blocked:
            await exchange.drain()


def _scope(exchange: Exchange) -> Message:
    raw_path, _, query = exchange.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.0" if exchange.http10 else "1.1",
        "method": exchange.method.decode("ascii"),
        "scheme": "http",
        "path": unquote(raw_path.decode("ascii", "replace")),
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": exchange.headers,
        "client": (exchange.peer, 0),
        "server": None,
    }
