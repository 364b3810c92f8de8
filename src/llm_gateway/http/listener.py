"""The listening sockets, the set of open connections, and the clock over their deadlines."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress

from llm_gateway.errors import Draining, GatewayError, TooManyConnections
from llm_gateway.http.handover import Inherited, duplicate
from llm_gateway.http.limits import Limits
from llm_gateway.http.outbox import Outbox
from llm_gateway.http.peers import Peers
from llm_gateway.http.server import Connection, Handler, Refusal
from llm_gateway.http.sweep import Sweep

__all__ = ["Listener"]

_SEND_BUFFER = 512 * 1024
_BACKLOG = 1024
_LAST_WORD = 2.0
_LOOK_AGAIN = 0.01
# An accepted connection takes three turns of asyncio's loop until it is one of ours.
_TURNS = 4


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
        self.leaving = False  # another program of this process takes over: what rests stays open
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
        bound = await self.bind(host, port, tls)
        await self.accept()
        return bound

    async def bind(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Bind and return the port; nobody is let in before `accept`."""
        server = await self.loop.create_server(
            self._connection, host, port, ssl=tls, backlog=_BACKLOG, reuse_address=True, start_serving=False
        )
        return self._add(server)

    async def use(self, bound: Sequence[socket.socket], tls: ssl.SSLContext | None = None) -> int:
        """Take sockets that are bound, and return the port of the first; nobody is let in before `accept`."""
        ports = [
            self._add(
                await self.loop.create_server(
                    self._connection, sock=each, ssl=tls, backlog=_BACKLOG, start_serving=False
                )
            )
            for each in bound
        ]
        return ports[0]

    async def accept(self) -> None:
        """Let clients in."""
        if self._sweep is None:
            self._sweep = Sweep(self.loop, self._expire)
        for server in self._servers:
            await server.start_serving()

    async def adopt(self, accepted: socket.socket) -> None:
        """Go on with a connection that was accepted before, in plain TCP."""
        _, connection = await self.loop.connect_accepted_socket(self._connection, accepted)
        if connection.rests:
            connection.deadline = self.loop.time() + self.limits.idle_timeout

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

    @property
    def ending(self) -> bool:
        """Whether answers are to come to their end: for good, or for the next gateway to take over."""
        return self.draining or self.leaving

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

    async def hand_over(self, drain: float, stopped: Callable[[], bool]) -> Inherited | None:
        """Let answers finish for `drain` seconds, then give away what listens and what rests.

        New clients wait in the kernel meanwhile, and so does what resting ones send. None, once `stopped`:
        then nothing is given away, and `close` is to follow.
        """
        self.leaving = True
        bound = [duplicate(each.fileno()) for server in self._servers for each in server.sockets]
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.stay()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        limit = self.loop.call_later(drain, self.hurry)
        while self._busy() and not stopped():  # noqa: ASYNC110 - a buffer that empties tells nobody
            await asyncio.sleep(_LOOK_AGAIN)
        limit.cancel()
        if stopped():
            self.leaving = False
            for each in bound:
                each.close()
            return None
        connections = []
        for connection in tuple(self._connections):
            with suppress(OSError):  # without a descriptor for it, it is closed
                connections.append(connection.give_away())
        await self._empty.wait()
        return Inherited(bound=tuple(bound), connections=tuple(connections))

    def retreat(self, admits: Callable[[str], bool]) -> None:
        """Listen nowhere any more, and cut off at once whoever is not admitted by what counts from now on."""
        self._admits = admits
        for server in self._servers:
            server.close()
        self._servers.clear()
        for connection in tuple(self._connections):
            if not admits(connection.peer):
                connection.abort()

    def hurry(self) -> None:
        """Cut every connection now; who does not take the last word in a moment does without."""
        for connection in self._busy():
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
        for connection in self._busy():
            connection.abort()

    def _busy(self) -> list[Connection]:
        """Return the connections that are to be closed: all, unless those that rest can be given away."""
        return [each for each in self._connections if not (self.leaving and each.rests)]

    def _connection(self) -> Connection:
        return Connection(self)

    def _add(self, server: asyncio.Server) -> int:
        self._servers.append(server)
        for each in server.sockets:
            # Accepted sockets inherit it. Else the kernel keeps up to 4 MiB for a reader that stops.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        bound: socket.socket = server.sockets[0]
        return int(bound.getsockname()[1])

    def _expire(self, now: float) -> None:
        every = self.limits.keep_alive_interval
        for connection in tuple(self._connections):
            if 0.0 < connection.deadline < now:
                connection.expire()
            elif every:
                connection.look(now, every)
