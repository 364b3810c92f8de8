"""Kept connections to upstreams, per origin. Which upstream is asked is decided elsewhere."""

import asyncio
import socket
import ssl
from collections.abc import Callable

from llm_gateway.errors import UpstreamUnreachable
from llm_gateway.http.client import ClientConnection
from llm_gateway.http.names import LookUp, Names, look_up
from llm_gateway.http.origin import Origin
from llm_gateway.http.outbox import Outbox
from llm_gateway.http.sweep import Sweep

__all__ = ["Pool"]

# An idle connection is looked at before use once it has rested this long: within one turn of the
# loop the loop itself knows of a close.
_FRESH = 0.5
# A name server that says nothing for so long is not there. Whoever asks next shares what it says later.
_LOOK_UP_S = 5.0


class Pool:
    """Hand out connections and keep those that come back whole."""

    def __init__(
        self,
        *,
        connect_timeout: float,
        idle_timeout: float = 55.0,
        max_idle: int = 100,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        look_up: LookUp = look_up,
        look_up_timeout: float = _LOOK_UP_S,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._loop)
        self._names = Names(look_up)
        self._look_up_timeout = look_up_timeout
        self._connect_timeout = connect_timeout
        self._idle_timeout = idle_timeout
        self._max_idle = max_idle
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[Origin, list[ClientConnection]] = {}
        self._open: dict[ClientConnection, Origin] = {}
        self._sweep = Sweep(self._loop, self._expire)

    def take(self, origin: Origin) -> ClientConnection | None:
        """Return a resting connection that is open as far as this machine can tell."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if not connection.closed and self._still_open(connection):
                return connection
        return None

    async def acquire(self, origin: Origin) -> ClientConnection:
        """Return a resting connection or a new one.

        Raises UpstreamUnreachable, with the cause named.
        """
        return self.take(origin) or await self._connect(origin)

    def close(self) -> None:
        """Close every connection and stop watching."""
        self._sweep.cancel()
        for connection in tuple(self._open):
            connection.abort()
        self._idle.clear()

    @property
    def open_connections(self) -> int:
        """How many connections are open, idle ones included."""
        return len(self._open)

    async def _connect(self, origin: Origin) -> ClientConnection:
        where = f"{origin.host}:{origin.port}"
        try:
            async with asyncio.timeout(self._connect_timeout):
                connection = await self._open_one(origin)
        except TimeoutError as error:
            # Not a timeout of the upstream's: nothing was sent, so anybody may be asked instead.
            raise UpstreamUnreachable(
                f"no connection to {where} within {self._connect_timeout:g} seconds"
            ) from error
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or "handshake failed"
            raise UpstreamUnreachable(f"TLS with {where} failed: {reason}") from error
        except socket.gaierror as error:
            raise UpstreamUnreachable(f"the name {origin.host} does not resolve") from error
        except OSError as error:
            raise UpstreamUnreachable(f"no connection to {where}: {_reason(error)}") from error
        self._open[connection] = origin
        return connection

    async def _open_one(self, origin: Origin) -> ClientConnection:
        """Connect to the first address that takes it; OSError is the last one's."""
        context = self._context() if origin.secure else None
        addresses = await self._addresses(origin)
        while True:
            try:
                _, connection = await self._loop.create_connection(
                    lambda: ClientConnection(self._loop, self._outbox, self._freed),
                    addresses.pop(0),
                    origin.port,
                    ssl=context,
                    server_hostname=origin.host if context else None,
                )
            except ssl.SSLError:
                raise
            except OSError:
                if not addresses:
                    raise
            else:
                return connection

    async def _addresses(self, origin: Origin) -> list[str]:
        try:
            async with asyncio.timeout(self._look_up_timeout):
                return list(await self._names.addresses(origin.host, origin.port))
        except TimeoutError as error:
            raise UpstreamUnreachable(
                f"the name {origin.host} does not resolve within {self._look_up_timeout:g} seconds"
            ) from error

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = self._make_tls()
            self._tls.minimum_version = max(self._tls.minimum_version, ssl.TLSVersion.TLSv1_2)
        return self._tls

    def _still_open(self, connection: ClientConnection) -> bool:
        if self._loop.time() - connection.idle_since < _FRESH:
            return True
        return not connection.has_news()

    def _freed(self, connection: ClientConnection) -> None:
        origin = self._open.get(connection)
        if origin is None:
            return
        if connection.closed:
            del self._open[connection]
            idle = self._idle.get(origin)
            if idle and connection in idle:
                idle.remove(connection)
            return
        idle = self._idle.setdefault(origin, [])
        if len(idle) < self._max_idle:
            idle.append(connection)
        else:
            connection.abort()

    def _expire(self, now: float) -> None:
        for connection in tuple(self._open):
            if connection.busy:
                connection.expire(now)
            elif now - connection.idle_since > self._idle_timeout:
                connection.abort()


def _reason(error: OSError) -> str:
    """Say why, without addresses that the exception may repeat."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; is it running?"
    if error.strerror and error.errno:
        return error.strerror
    return "connection refused or unreachable"
