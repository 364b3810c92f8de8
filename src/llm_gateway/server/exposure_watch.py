"""While the gateway listens beyond loopback: whether it still may, and what is closed when it may not.

A confirmation that has ended or was taken back, a flag or a network that went out of the file: within a
second nobody listens beyond loopback, and whoever came from there is cut off. Not the judge at the start,
and nothing that opens a door: what is looser in the file takes effect at the next start.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.config import Loaded, Server
from llm_gateway.config.addresses import networks, reach
from llm_gateway.config.watch import FileWatch
from llm_gateway.errors import AuditUnavailable, ConfigError
from llm_gateway.http.listener import Listener
from llm_gateway.server.door import context_for
from llm_gateway.server.exposure import refusal_of
from llm_gateway.server.guard import Peers

__all__ = ["ExposureWatch", "Recording", "Retreat", "is_exposed", "tightened"]

_EVERY_S = 1.0
_HERE = "127.0.0.1"
_NOBODY_ELSE = ("127.0.0.0/8", "::1")


class Recording(Protocol):
    """Put on record what is about to be done."""

    def __call__(
        self, action: str, target: str = "", actor: str = "owner", /, **detail: str | int
    ) -> Awaitable[None]:
        """Write a line; AuditUnavailable says that it could not be written."""
        ...


def is_exposed(servers: Sequence[Server]) -> bool:
    """Return whether anybody but this machine can connect to one of these."""
    return any(reach(server.host) != "loopback" for server in servers)


def tightened(started: Server, now: Server) -> str:
    """Return what the file no longer allows of an exposure that it allowed at the start, "" for nothing."""
    if reach(started.host) != "loopback" and reach(now.host) == "loopback":
        return f"server.host is {now.host} now"
    if started.expose and not now.expose:
        return "server.expose is no longer true"
    if not now.allow_from:
        return ""  # whoever may connect by TLS and key alone was confirmed for that
    wanted = networks(now.allow_from)
    for text in started.allow_from or ("0.0.0.0/0", "::/0"):
        (network,) = networks((text,))
        # mypy knows no comparison over both versions
        if not any(
            network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]
            for other in wanted
        ):
            return f"server.allow_from no longer has {text}"
    return ""


class ExposureWatch:
    """Say when the gateway may no longer listen where it does.

    `servers` are the settings that it was `loaded` with at the start, each with the address that is really
    listened on; `in_file` reads the file anew, and raises ConfigError where it cannot be used: then what it
    said last counts.
    """

    def __init__(
        self, loaded: Loaded, clock: Clock, servers: Sequence[Server], in_file: Callable[[], Server]
    ) -> None:
        self._home = loaded.home
        self._started = loaded.settings.server
        self._file = FileWatch(loaded.file)
        self._clock = clock
        self._servers = servers
        self._in_file = in_file
        self._tightened = ""

    def why_not(self) -> str:
        """Return why it may not listen beyond loopback any longer, "" while it may."""
        for server in self._servers:
            try:
                refusal = refusal_of(self._home, server, self._clock.now_us())
            except (ConfigError, OSError) as error:
                return str(error)
            if refusal is not None:
                return str(refusal)
        if self._file.changed():
            try:
                self._tightened = tightened(self._started, self._in_file())
            except ConfigError:
                pass  # half a file; the next change of it is looked at
        return self._tightened

    async def over(self, every: float = _EVERY_S) -> str:
        """Wait until it may not, and return why."""
        why = ""
        while not why:
            await asyncio.sleep(every)
            why = await asyncio.to_thread(self.why_not)
        return why


class Retreat:
    """Close what is open beyond loopback, and go on for this machine alone, on the same port."""

    def __init__(self, listener: Listener, record: Recording) -> None:
        self._listener = listener
        self._record = record

    async def to_loopback(self, server: Server, port: int, why: str) -> Server:
        """Do it, and return where is listened now; ConfigError where this machine's port is taken."""
        self._listener.retreat(Peers(_NOBODY_ELSE).admits)
        try:
            await self._record("exposure.close", f"{server.host}:{port}", "gateway", why=why)
        except AuditUnavailable:
            pass  # what cannot be put on record must not stay open for that
        here = msgspec.structs.replace(server, host=_HERE, port=port)
        try:
            await self._listener.listen(_HERE, port, context_for(here))
        except OSError as error:
            why = error.strerror or str(error)
            raise ConfigError(f"server.port: {_HERE}:{port} cannot be listened on: {why}") from error
        return here
