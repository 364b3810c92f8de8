"""The listener that a browser comes back to after a sign-in: on loopback, one path, one use.

RFC 8252, 7.3 and 8.3. It takes nothing but a GET of its own path with its own Host, and is gone when the
sign-in is over, which is in ten minutes at most.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Literal, cast

from llm_gateway.bridges.faults import BridgeFault

__all__ = ["PATH", "Callback", "Took", "listening"]

PATH = "/auth/callback"

Took = Literal["taken", "declined", "not ours", "used"]
"""What came: what is waited for, the same without a code, the answer to another sign-in, one too many."""

_HOST = "127.0.0.1"
_MOST = 16 * 1024
_REQUEST = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]*) HTTP/1\.[01]")

_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>LLM Gateway</title>'
    "<body><h1>%s</h1><p>%s</p></body></html>\n"
)
_ANSWERS = {
    "taken": ("200 OK", "Thank you", "LLM Gateway goes on from here. You can close this window."),
    "declined": ("200 OK", "Not signed in", "LLM Gateway says why. You can close this window."),
    "used": ("410 Gone", "Used already", "This sign-in is over. You can close this window."),
    "not ours": ("400 Bad Request", "Not this sign-in", "Begin again with llm-gateway login chatgpt."),
    "no page": ("404 Not Found", "Not here", "Nothing else is to be found here."),
    "no get": ("405 Method Not Allowed", "Not so", "A browser comes here by itself."),
    "not for us": ("403 Forbidden", "Not from there", "Only a sign-in leads here."),
    "unreadable": ("400 Bad Request", "Not understood", "That is no request."),
}


class Callback:
    """What the listener does with the query that comes: `take` says what it is."""

    def __init__(self, take: Callable[[str], Took], patience: float) -> None:
        self.take = take
        self.patience = patience
        self.port = 0

    @property
    def url(self) -> str:
        """Return where the browser comes back to."""
        return f"http://{_HOST}:{self.port}{PATH}"


@asynccontextmanager
async def listening(take: Callable[[str], Took], patience: float = 10.0) -> AsyncGenerator[Callback, None]:
    """Listen while this lasts, at a free port; BridgeFault when that is not possible.

    `patience` is for how long somebody may take to say what they want.
    """
    loop = asyncio.get_running_loop()
    connections: set[_Connection] = set()
    callback = Callback(take, patience)
    try:
        server = await loop.create_server(lambda: _Connection(callback, connections), _HOST, 0)
    except OSError as error:
        raise BridgeFault(
            "bridge_failed", f"nobody can listen on {_HOST} for the browser to come back to: {error.strerror}"
        ) from None
    callback.port = server.sockets[0].getsockname()[1]
    try:
        yield callback
    finally:
        server.close()
        for connection in tuple(connections):
            connection.close()


class _Connection(asyncio.Protocol):
    """One connection: a request, an answer, the end."""

    def __init__(self, callback: Callback, others: "set[_Connection]") -> None:
        self._callback = callback
        self._others = others
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, for a few seconds."""
        # uvloop's transports have the methods of asyncio.Transport without being one.
        self._transport = cast(asyncio.Transport, transport)
        self._others.add(self)
        self._late = asyncio.get_running_loop().call_later(self._callback.patience, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """Answer as soon as the head is whole."""
        if self._transport is None or self._transport.is_closing():
            return
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 and len(self._buffer) <= _MOST:
            return
        head = bytes(self._buffer[:end]) if 0 <= end <= _MOST else b""
        self._answer(self._judged(head))

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of it."""
        self._others.discard(self)
        if self._late is not None:
            self._late.cancel()

    def close(self) -> None:
        """End the connection; an answer that is on its way still goes out."""
        if self._transport is not None:
            self._transport.close()

    def _judged(self, head: bytes) -> str:
        """Return which answer a request gets."""
        first, *lines = head.split(b"\r\n")
        request = _REQUEST.fullmatch(first)
        if request is None:
            return "unreadable"
        fields = [
            (name.strip().lower(), value.strip())
            for name, _, value in (line.partition(b":") for line in lines)
        ]
        hosts = [value for name, value in fields if name == b"host"]
        if hosts != [f"{_HOST}:{self._callback.port}".encode()] or any(
            name == b"origin" for name, _ in fields
        ):
            return "not for us"
        path, _, query = request[2].decode("ascii").partition("?")
        if path != PATH:
            return "no page"
        if request[1] != b"GET":
            return "no get"
        return self._callback.take(query)

    def _answer(self, which: str) -> None:
        status, title, text = _ANSWERS[which]
        body = (_PAGE % (title, text)).encode()
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
            "cache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\n"
            "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\nconnection: close\r\n"
            + ("allow: GET\r\n" if status.startswith("405") else "")
            + "\r\n"
        )
        assert self._transport is not None
        self._transport.write(head.encode("ascii") + body)
        self._transport.close()
