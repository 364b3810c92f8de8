"""The local door of a desktop, put together: its listener, its guard, and its way to the gateway."""

import errno
import ssl
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from llm_gateway.companion.door import AWAY_AFTER_S, LocalDoor, Rules, Told
from llm_gateway.companion.stand_in import StandIn
from llm_gateway.config import Loaded, Server
from llm_gateway.config.settings import UpstreamSettings
from llm_gateway.errors import ConfigError
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.server.dialect_routes import dialect_at
from llm_gateway.server.guard import Guard
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Line, Upstream
from llm_gateway.upstream.fleet import Fleet
from llm_gateway.upstream.muster import muster
from llm_gateway.upstream.opening import open_upstream

__all__ = ["OpenDoor", "WayOut", "line_to_gateway", "stand_ins"]

_HOST = "127.0.0.1"
_WAY_OUT = UpstreamSettings(
    connect_timeout=AWAY_AFTER_S, first_byte_timeout=3600.0, idle_timeout=90.0, max_idle_connections=0
)
_DRAIN = 5.0


class WayOut(NamedTuple):
    """Where a door leads, and whom to trust there; without `trust` the system's certificate authorities."""

    line: Line
    trust: ssl.SSLContext | None = None


class OpenDoor:
    """A door that is open at `port` until it is closed."""

    def __init__(self, door: LocalDoor, listener: Listener, upstream: Upstream) -> None:
        self._door = door
        self._listener = listener
        self._upstream = upstream
        self.port = 0

    @classmethod
    async def open(
        cls,
        loaded: Loaded,
        way: WayOut,
        engines: tuple[StandIn, ...],
        tasks: Tasks,
        told: Callable[[Told], None],
    ) -> "OpenDoor":
        """Open the door at the configured port; ConfigError when somebody else has it."""
        guard = Guard(Server(port=loaded.settings.companion.door))
        upstream = open_upstream(_WAY_OUT, lambda: way.trust or ssl.create_default_context())
        rules = Rules(guard.check, dialect_at, loaded.settings.server.max_body_bytes, engines, told)
        door = LocalDoor(way.line, upstream, rules, tasks)
        made = cls(door, Listener(door.serve, door.refusal, Limits()), upstream)

        async def listen(_: LocalDoor, host: str, port: int) -> int:
            return await made._listener.listen(host, port)

        try:
            made.port = await door.open(listen, _HOST, loaded.settings.companion.door)
        except OSError as error:
            upstream.close()
            raise _taken(loaded.settings.companion.door, error) from None
        guard.listen_on(made.port)
        return made

    async def close(self) -> None:
        """Take nothing new, and let answers finish."""
        self._door.draining = True
        await self._listener.close(_DRAIN)
        self._upstream.close()


def line_to_gateway(url: str) -> Line:
    """Return the way to a gateway by its URL; ConfigError when that is none."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        raise ConfigError(f"{url!r} is not the address of a gateway: it must begin with https:// or http://")
    secure = parts.scheme == "https"
    return Line(
        Endpoint(
            provider="gateway",
            dialect="",
            scheme="https" if secure else "http",
            host=parts.hostname,
            port=parts.port or (443 if secure else 80),
            base_path=parts.path.rstrip("/"),
            auth="none",
        )
    )


async def stand_ins(
    loaded: Loaded, environ: Mapping[str, str], fleet: Fleet, skipped: Callable[[str], None]
) -> tuple[StandIn, ...]:
    """Return the engines here that may answer while the gateway is away, if the configuration lets any."""
    if loaded.settings.companion.when_away != "local":
        return ()
    muster(fleet, loaded.settings, environ, {}, skipped)
    await fleet.refresh()
    return tuple(
        StandIn(line, member.models)
        for member in fleet.members.values()
        if member.row.kind == "local"
        for line in member.lines.values()
    )


def _taken(port: int, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"companion.door: port {port} on {_HOST} is taken, by a gateway of this machine perhaps "
            "(`llm-gateway status`); end that, or choose another port"
        )
    return ConfigError(f"companion.door: port {port} on {_HOST} cannot be opened: {error.strerror}")
