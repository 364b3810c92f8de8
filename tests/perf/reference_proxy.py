"""A proxy of known cost: the yardstick of the CPU guard. Run as a program.

    python reference_proxy.py UPSTREAM_PORT      prints the port it listens on

One connection to the upstream for each of a client's, bytes passed as they come, nothing changed. Each
request is read a few times over, in plain Python and with the standard library's JSON, to no purpose but
that the mixture of system calls and interpreting is like a gateway's: what slows down the one on a busy
machine or another Python slows down the other alike, and their ratio stays.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

__all__ = ["main"]


_READINGS = 4


def read(request: bytes) -> int:
    """Take a request apart; return how much there was to it."""
    head, _, body = request.partition(b"\r\n\r\n")
    found = 0
    for _ in range(_READINGS):
        fields: dict[bytes, list[bytes]] = {}
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            fields.setdefault(name.strip().lower(), []).append(value.strip())
        found += len(fields)
    return found + len(json.loads(body))


class Downstream(asyncio.Protocol):
    """A client's connection."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._waiting = bytearray()
        self._upstream: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the upstream for this client."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has the verbs, not the type
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(self._connect(loop))

    def data_received(self, data: bytes) -> None:
        """Read and pass what came, once it is a whole request; one at a time comes."""
        self._waiting += data
        if self._upstream is not None and self._waiting.endswith(b"}"):
            self._pass()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the upstream go, too."""
        if self._upstream is not None:
            self._upstream.abort()

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> None:
        transport, _ = await loop.create_connection(lambda: Upstream(self), "127.0.0.1", self._upstream_port)
        self._upstream = transport
        if self._waiting.endswith(b"}"):
            self._pass()

    def _pass(self) -> None:
        assert self._upstream is not None
        request = bytes(self._waiting)
        head, _, body = request.partition(b"\r\n\r\n")
        if len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            return
        self._waiting.clear()
        if read(request):
            self._upstream.write(request)


class Upstream(asyncio.Protocol):
    """The connection to the upstream that belongs to a client's."""

    def __init__(self, downstream: Downstream) -> None:
        self._downstream = downstream

    def data_received(self, data: bytes) -> None:
        """Pass what came."""
        self._downstream.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the client go, too."""
        self._downstream.transport.abort()


async def main(upstream_port: int) -> None:
    """Serve until ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Downstream(upstream_port), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
