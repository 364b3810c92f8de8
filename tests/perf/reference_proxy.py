"""The least that a proxy in Python can do: the yardstick of the CPU guard. Run as a program.

    python reference_proxy.py UPSTREAM_PORT      prints the port it listens on

One connection to the upstream for each of a client's, bytes passed as they come, nothing read, nothing
changed. Its cost is that of the machine, the event loop and the interpreter, so a ratio to it is not.
"""

import asyncio
import sys
from typing import cast

import uvloop

__all__ = ["main"]


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
        """Pass what came."""
        if self._upstream is None:
            self._waiting += data
        else:
            self._upstream.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the upstream go, too."""
        if self._upstream is not None:
            self._upstream.abort()

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> None:
        transport, _ = await loop.create_connection(lambda: Upstream(self), "127.0.0.1", self._upstream_port)
        self._upstream = transport
        transport.write(bytes(self._waiting))


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
