"""Connections of clients to the gateway, kept and used again as clients do, and exchanges over them.

The bytes that come are read as they come, in time that grows with their number only. Nothing is retried.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Literal

from rawhttp import Reply

__all__ = ["Connections", "Ended", "Exchange"]

Ended = Literal["whole", "cut", "left", "late", "nothing"]
"""How an exchange ended for the client: in order, with the connection closed inside the answer, because the
client left, because its patience was over, or without a single byte."""

# Well within the gateway's own patience with a connection that rests: none is used while it is being closed.
_LONGEST_REST_S = 30.0
_LARGEST_HEAD = 256 * 1024


class _Left(Exception):
    """The client has had enough."""


@dataclass
class Exchange:
    """One answer, as far as it has come."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytearray = field(default_factory=bytearray)
    ended: Ended = "nothing"

    @property
    def reply(self) -> Reply | None:
        """Return what came, None when that was nothing."""
        if not self.status:
            return None
        return Reply(self.status, self.headers, bytes(self.body), self.ended == "whole")

    def header(self, name: str) -> str:
        """Return the value of a header field, "" where there is none."""
        return next((value for field_name, value in self.headers if field_name == name), "")


@dataclass
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    rested_since: float = 0.0

    def usable(self, now: float) -> bool:
        return not self.reader.at_eof() and now - self.rested_since < _LONGEST_REST_S

    def end(self) -> None:
        self.writer.transport.abort()


class Connections:
    """Connections to a port on loopback; those that rest are used first."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._resting: list[_Connection] = []
        self.opened = 0

    def close(self) -> None:
        """Close those that rest."""
        while self._resting:
            self._resting.pop().end()

    async def exchange(self, request: bytes, *, fresh: bool = False, leave_after: int = 0) -> Exchange:
        """Send a request and return its answer; leave after so many pieces of its body, if any is said.

        A `fresh` connection is for this exchange alone.
        """
        exchange = Exchange()
        connection = await self._connection(fresh)
        kept = False
        try:
            connection.writer.write(request)
            await connection.writer.drain()
            await _head(connection.reader, exchange)
            await _body(connection.reader, exchange, leave_after)
            exchange.ended = "whole"
            kept = not fresh and exchange.header("connection") != "close"
        except _Left:
            exchange.ended = "left"
        except (asyncio.IncompleteReadError, OSError):
            pass  # as `ended` says
        finally:
            if kept:
                connection.rested_since = time.monotonic()
                self._resting.append(connection)
            else:
                connection.end()
        return exchange

    async def break_off(self, request: bytes, pause: float) -> None:
        """Send the first half of a request, and leave."""
        connection = await self._connection(True)
        try:
            connection.writer.write(request[: len(request) // 2])
            await connection.writer.drain()
            await asyncio.sleep(pause)
        except OSError:
            pass  # nobody reads it
        finally:
            connection.end()

    async def _connection(self, fresh: bool) -> _Connection:
        now = time.monotonic()
        while self._resting and not fresh:
            connection = self._resting.pop()
            if connection.usable(now):
                return connection
            connection.end()
        self.opened += 1
        return _Connection(*await asyncio.open_connection("127.0.0.1", self._port, limit=_LARGEST_HEAD))


async def _head(reader: asyncio.StreamReader, exchange: Exchange) -> None:
    while exchange.status < 200:
        data = await reader.readuntil(b"\r\n\r\n")
        first, *lines = data[:-4].decode("latin-1").split("\r\n")
        exchange.status = int(first.split(" ", 2)[1])
        exchange.headers = tuple(
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        )
    exchange.ended = "cut"


async def _body(reader: asyncio.StreamReader, exchange: Exchange, leave_after: int) -> None:
    if exchange.header("transfer-encoding") != "chunked":
        left = int(exchange.header("content-length") or 0)
        while left:
            data = await reader.read(left)
            if not data:
                raise asyncio.IncompleteReadError(bytes(exchange.body), left)
            exchange.body += data
            left -= len(data)
        return
    pieces = 0
    while size := int(await reader.readuntil(b"\r\n"), 16):
        exchange.body += await reader.readexactly(size)
        await reader.readexactly(2)
        pieces += 1
        if pieces == leave_after:
            raise _Left
    await reader.readexactly(2)
