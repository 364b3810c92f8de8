"""A WebSocket client of one socket: wsproto reads and writes the frames, a test may also send any bytes.

For tests only: it opens, says what it is told to, and tells what comes; nothing is answered by itself.
"""

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.extensions import Extension, PerMessageDeflate

__all__ = ["Closed", "WebSocketPeer", "fragments", "opening", "websocket"]

_PATIENCE_S = 10.0


class Closed(Exception):
    """The other side closed, with a code and a reason; 1006 when it only went away."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


def opening(
    target: str = "/v1/responses", *fields: str, key: str = "", version: str = "13", method: str = "GET"
) -> bytes:
    """Return a request for a WebSocket; the gateway's key goes with it when there is one."""
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Version: {version}",
        f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
        *([f"Authorization: Bearer {key}"] if key else []),
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@asynccontextmanager
async def websocket(port: int, request: bytes = b"") -> AsyncIterator["WebSocketPeer"]:
    """Open a connection and a WebSocket on it; at the end it is cut if it is still open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request or opening())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE_S)
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n"), head
        yield WebSocketPeer(reader, writer, head)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0.01)


class WebSocketPeer:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self.head = head
        self.reader = reader
        self.writer = writer
        extensions: list[Extension] = []
        if b"permessage-deflate" in head:
            deflate = PerMessageDeflate()
            deflate.finalize("permessage-deflate")
            extensions.append(deflate)
        self.frames = Connection(ConnectionType.CLIENT, extensions)
        self._events: deque[Event] = deque()
        self._text = ""

    def say(self, event: Event) -> None:
        """Send what an event means."""
        self.writer.write(self.frames.send(event))

    def send(self, text: str) -> None:
        """Send a text message in one frame."""
        self.say(TextMessage(text))

    def send_json(self, **members: object) -> None:
        """Send a message that is a JSON object."""
        self.send(json.dumps(members))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)

    async def event(self) -> Event:
        """Return the next event, a text message whole; `CloseConnection` with 1006 for a bare end."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                while self._events:
                    event = self._events.popleft()
                    if not isinstance(event, TextMessage):
                        return event
                    self._text += event.data
                    if event.message_finished:
                        text, self._text = self._text, ""
                        return TextMessage(text)
                try:
                    data = await self.reader.read(65536)
                except ConnectionResetError:
                    data = b""
                self.frames.receive_data(data or None)
                self._events.extend(self.frames.events())

    async def text(self) -> str:
        """Return the next text message; raise Closed when there is none any more. Pings are answered."""
        while True:
            match await self.event():
                case TextMessage(data=data):
                    return data
                case CloseConnection(code=code, reason=reason):
                    raise Closed(int(code), reason or "")
                case Ping() as ping:
                    self.say(ping.response())
                case Pong():
                    pass

    async def json(self) -> dict[str, object]:
        """Return the next message, which is a JSON object."""
        value = json.loads(await self.text())
        assert isinstance(value, dict)
        return value

    async def until(self, *kinds: str) -> list[dict[str, object]]:
        """Return the messages up to the first of one of these types, that one included."""
        heard = [await self.json()]
        while heard[-1]["type"] not in kinds:
            heard.append(await self.json())
        return heard

    async def closed(self) -> tuple[int, str]:
        """Return how the other side closes; what it says before is passed over."""
        while True:
            try:
                await self.text()
            except Closed as closed:
                return closed.code, closed.reason

    def leave(self) -> None:
        """Go away without a word."""
        self.writer.transport.abort()


def fragments(text: str, sizes: Sequence[int]) -> list[TextMessage]:
    """Return a message cut into fragments of these sizes and the rest."""
    out: list[TextMessage] = []
    for size in sizes:
        out.append(TextMessage(text[:size], message_finished=False))
        text = text[size:]
    return [*out, TextMessage(text)]
