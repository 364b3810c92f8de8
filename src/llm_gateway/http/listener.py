"""The listening sockets, the set of open connections, and the clock over their deadlines."""

import asyncio
import socket
import ssl
from collections.abc import Callable

from llm_gateway.errors import Draining, GatewayError, TooManyConnections
from llm_gateway.http.limits import Limits
from llm_gateway.http.outbox import Outbox
from llm_gateway.http.peers import Peers
from llm_gateway.http.server import Connection, Handler, Refusal
from llm_gateway.http.sweep import Sweep

__all__ = ["Listener"]

_SEND_BUFFER = 512 * 1024
_LAST_WORD = 2.0


class Listener:
    """Accept connections on one or more sockets and watch over their deadlines."""

    def __init__(
        self,
        handler: Handler,
        refusal: Refusal,
        limits: Limits,
        *,
        admits: Callable[[str], bool] = lambda peer: True,
        on_refused: Callable[[GatewayError], None] = lambda error: None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.handler = handler
        self.refusal = refusal
        self.refused = on_refused
        self.limits = limits
        self.outbox = Outbox(self.loop)
        self.draining = False
        self._admits = admits
        self._connections: set[Connection] = set()
        self._peers = Peers(limits.max_connections_per_peer, limits.max_connections_per_own_peer)
        self._empty = asyncio.Event()
        self._empty.set()
        self._servers: list[asyncio.Server] = []
        self._sweep: Sweep | None = None

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Bind and accept; return the port, which the system chose when `port` was 0."""
        server = await self.loop.create_server(
            lambda: Connection(self), host, port, ssl=tls, backlog=1024, reuse_address=True
        )
        self._servers.append(server)
        for each in server.sockets:
            # Accepted sockets inherit it. Else the kernel keeps up to 4 MiB for a reader that stops.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        if self._sweep is None:
            self._sweep = Sweep(self.loop, self._expire)
        bound: socket.socket = server.sockets[0]
        return int(bound.getsockname()[1])

    def joined(self, connection: Connection, peer: str) -> bool:
        """Count a connection in; False when it may not stay."""
        if not self._admits(peer):
            return False
        why = Draining("the gateway is shutting down") if self.draining else self._full(peer)
        if why is not None:
            self.refused(why)
            connection.decline(why)
            return False
        self._connections.add(connection)
        self._peers.joined(peer)
        self._empty.clear()
        return True

    def left(self, connection: Connection) -> None:
        """Count a connection out."""
        if connection in self._connections:  # one that might not stay is told of, too
            self._connections.remove(connection)
            self._peers.left(connection.peer)
        if not self._connections:
            self._empty.set()

    async def close(self, drain: float) -> None:
        """Accept nothing new, let answers finish for `drain` seconds, then cut the rest."""
        self.draining = True
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.shut()
        limit = self.loop.call_later(drain, self.hurry)
        await self._empty.wait()
        limit.cancel()
        await asyncio.sleep(0)
        if self._sweep is not None:
            self._sweep.cancel()

    def hurry(self) -> None:
        """Cut every connection now; who does not take the last word in a moment does without."""
        for connection in tuple(self._connections):
            connection.cut()
        self.loop.call_later(_LAST_WORD, self._abort)

    def _full(self, peer: str) -> TooManyConnections | None:
        if len(self._connections) >= (most := self.limits.max_connections):
            return TooManyConnections(
                f"there are {most} connections, as many as there may be (server.max_connections); "
                "close some that rest, or try again in a moment"
            )
        if most := self._peers.most(peer):
            return TooManyConnections(
                f"{most} connections come from your address, as many as may "
                "(server.max_connections_per_peer); use those that rest, or try again in a moment"
            )
        return None

    def _abort(self) -> None:
        for connection in tuple(self._connections):
            connection.abort()

    def _expire(self, now: float) -> None:
        for connection in tuple(self._connections):
            if 0.0 < connection.deadline < now:
                connection.expire()
