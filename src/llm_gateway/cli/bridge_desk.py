"""Who a command asks about bridges: the gateway that runs here, or without one the bridges of this machine.

A desktop that only has a companion has bridges, too, and they have to be logged in there.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import msgspec

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.logins import LoginProgress
from llm_gateway.bridges.opening import Bridges, open_bridges
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.cli.audit import on_record
from llm_gateway.cli.context import Context
from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import FAILED, Stop, say
from llm_gateway.clock import SystemClock
from llm_gateway.config import Loaded
from llm_gateway.server.bridges_api import BridgeView, LoginView, bridge_view
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream
from llm_gateway.upstream.fleet import Fleet
from llm_gateway.upstream.opening import open_upstream

__all__ = ["ApiDesk", "Desk", "OwnDesk", "desk"]

T = TypeVar("T")

_WAIT = 20.0


class Desk(Protocol):
    """Whoever can be asked about bridges. What cannot be done ends the command, with the reason."""

    def listed(self, *, fresh: bool) -> list[BridgeView]:
        """Return every bridge, looked at anew or not."""
        ...

    def begin(self, bridge: str) -> LoginView:
        """Begin a login."""
        ...

    def after(self, bridge: str, seen: int) -> LoginView:
        """Return how far a login is when there are more steps than were seen, or after a while."""
        ...

    def paste(self, bridge: str, text: str) -> bool:
        """Hand on what a person pasted; return whether that was it."""
        ...

    def call_off(self, bridge: str) -> None:
        """End a login."""
        ...

    def logout(self, bridge: str) -> str:
        """Take a login back; return the state that the bridge is in then."""
        ...


class ApiDesk:
    """The gateway that runs here."""

    def __init__(self, api: LocalApi) -> None:
        self._api = api

    def listed(self, *, fresh: bool) -> list[BridgeView]:
        """Ask for all bridges."""
        told = self._api.get("/api/dashboard/bridges", fresh="1" if fresh else "0")
        return msgspec.convert(told["bridges"], list[BridgeView])

    def begin(self, bridge: str) -> LoginView:
        """Ask it to begin."""
        return msgspec.convert(self._api.call("POST", f"/api/bridge-logins/{bridge}"), LoginView)

    def after(self, bridge: str, seen: int) -> LoginView:
        """Ask how far it is."""
        return msgspec.convert(self._api.get(f"/api/bridge-logins/{bridge}", seen=str(seen)), LoginView)

    def paste(self, bridge: str, text: str) -> bool:
        """Hand it on."""
        body = msgspec.json.encode({"text": text})
        return self._api.send("PUT", f"/api/bridge-logins/{bridge}", body).status < 400

    def call_off(self, bridge: str) -> None:
        """Ask it to end."""
        self._api.call("DELETE", f"/api/bridge-logins/{bridge}")

    def logout(self, bridge: str) -> str:
        """Ask it to log out."""
        return str(self._api.call("POST", f"/api/bridge-logouts/{bridge}")["state"])


class OwnDesk:
    """The bridges of this machine, in this process."""

    def __init__(self, loaded: Loaded, bridges: Bridges, loop: asyncio.AbstractEventLoop) -> None:
        self._home = loaded.home
        self._bridges = bridges
        self._loop = loop

    def listed(self, *, fresh: bool) -> list[BridgeView]:
        """Look at all bridges; there is no older look."""
        found = self._run(self._bridges.attending.look_at_all(fresh=fresh))
        return [
            bridge_view(self._bridges.rows[name], health, tuple(self._bridges.engines[name].models))
            for name, health in found.items()
        ]

    def begin(self, bridge: str) -> LoginView:
        """Begin here."""
        self._require(bridge)
        on_record(self._home, "bridge.login", bridge)
        return _view(self._run(self._bridges.logins.begin(bridge, _WAIT)))

    def after(self, bridge: str, seen: int) -> LoginView:
        """Wait here."""
        return _view(self._run(self._bridges.logins.after(bridge, seen, _WAIT)))

    def paste(self, bridge: str, text: str) -> bool:
        """Hand it on here."""
        try:
            self._run(self._bridges.logins.answer(bridge, text))
        except BridgeFault:
            return False
        return True

    def call_off(self, bridge: str) -> None:
        """End it here."""
        self._loop.call_soon_threadsafe(self._bridges.logins.call_off, bridge)

    def logout(self, bridge: str) -> str:
        """Log out here."""
        self._require(bridge)
        on_record(self._home, "bridge.logout", bridge)
        try:
            self._run(self._bridges.engines[bridge].bridge.logout())
        except BridgeFault as fault:
            raise Stop(FAILED, f"error: {fault.message}") from None
        return self._run(self._bridges.attending.look(bridge, fresh=True)).state

    def _require(self, bridge: str) -> None:
        if bridge not in self._bridges.engines:
            known = ", ".join(self._bridges.engines) or "none"
            raise Stop(FAILED, f"error: there is no bridge {bridge[:40]!r} in use here (in use: {known})")

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@contextmanager
def desk(context: Context) -> Iterator[Desk]:
    """Return whom to ask; bridges that were started for it are ended behind it."""
    api = context.api_or_none()
    if api is not None:
        yield ApiDesk(api)
        return
    loaded = context.load()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="bridges", daemon=True)
    thread.start()
    opening = _Opened(loaded, context)
    try:
        bridges = asyncio.run_coroutine_threadsafe(opening.open(), loop).result()
        yield OwnDesk(loaded, bridges, loop)
    finally:
        asyncio.run_coroutine_threadsafe(opening.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Opened:
    """What is opened for one command."""

    def __init__(self, loaded: Loaded, context: Context) -> None:
        self._loaded = loaded
        self._context = context
        self._tasks = Tasks(_failed)
        self._upstream: Upstream | None = None
        self._bridges: Bridges | None = None

    async def open(self) -> Bridges:
        settings, clock = self._loaded.settings, SystemClock()
        upstream = self._upstream = open_upstream(settings.upstream)
        fleet = Fleet(upstream, clock, lambda: None)
        folder = self._loaded.home / "bridges"
        around = Surroundings(self._context.environ, clock, self._tasks, upstream, folder)
        self._bridges = open_bridges(settings.bridges, around, lambda: fleet)
        return self._bridges

    async def close(self) -> None:
        for engine in self._bridges.engines.values() if self._bridges is not None else ():
            await engine.close()
        await self._tasks.close()
        if self._upstream is not None:
            self._upstream.close()


def _failed(what: str, error: BaseException) -> None:
    say(f"error: {what}: {type(error).__name__}")


def _view(progress: LoginProgress) -> LoginView:
    return LoginView(progress.steps, progress.over, progress.error)
