"""Bridges over the dashboard API: how each is and what helps, logging in and out, pausing.

Of a login only what a person needs passes here: an address and a code, never a token.
"""

import asyncio
from collections.abc import Callable

import msgspec

from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action, Health
from llm_gateway.bridges.logins import LoginProgress
from llm_gateway.bridges.opening import Bridges
from llm_gateway.companion.opening import Companions
from llm_gateway.companion.remote import RemoteEngine
from llm_gateway.errors import MalformedRequest, NotFound, UpstreamUnreachable
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.providers.catalog import ProviderRow
from llm_gateway.server.edge import respond_json
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.server.subscription_views import WindowView, windows_of
from llm_gateway.server.views import iso

__all__ = ["BridgeView", "BridgesApi", "BridgesView", "LoginView", "bridge_view"]

_MAX_BODY = 64 * 1024
_WAIT = 20.0


class BridgeView(msgspec.Struct, frozen=True):
    """A bridge: its state, why, what helps, what is known to be true, and its subscription's windows."""

    name: str
    label: str
    machine: str
    state: str
    reason: str
    action: Action | None
    verified: str
    fidelity: str
    account: str
    version: str
    required: str
    resets_at: str | None
    windows: list[WindowView]
    models: list[str]
    running: int
    waiting: int
    last_success_at: str | None
    last_error: str
    terms: str
    docs: str
    program: str = ""
    """The vendor's program that it runs; "" for one that needs none."""


class BridgesView(msgspec.Struct, frozen=True):
    """Every bridge, the gateway's own first."""

    bridges: list[BridgeView]


class LoginView(msgspec.Struct, frozen=True):
    """How far a login is."""

    steps: tuple[LoginStep, ...]
    over: bool
    error: str


class _Pasted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


def bridge_view(row: ProviderRow, health: Health, models: tuple[str, ...], machine: str = "") -> BridgeView:
    """Show a bridge; `machine` is "" for the gateway's own."""
    bridge = row.bridge
    assert bridge is not None
    return BridgeView(
        name=row.name,
        label=row.label,
        machine=machine,
        state=health.state,
        reason=health.reason,
        action=health.action,
        verified=health.verified,
        fidelity=bridge.fidelity,
        account=health.account,
        version=health.version,
        required=health.required,
        resets_at=iso(health.resets_us) if health.resets_us else None,
        windows=windows_of(health),
        models=list(models),
        running=health.running,
        waiting=health.waiting,
        last_success_at=iso(health.last_success_us) if health.last_success_us else None,
        last_error=health.last_error,
        terms=bridge.terms,
        docs=row.docs,
        program=bridge.program,
    )


class BridgesApi:
    """Show bridges, log in and out, pause and resume; `actor` says who asks, for the audit log."""

    def __init__(
        self,
        bridges: Bridges,
        ledger: Ledger,
        companions: Companions,
        actor: Callable[[Exchange], str] = lambda exchange: "owner",
    ) -> None:
        self._actor = actor
        self._attending = bridges.attending
        self._rows = bridges.rows
        self._logins = bridges.logins
        self._ledger = ledger
        self._companions = companions
        self.patience = _WAIT
        """For how many seconds a logout is waited for."""

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, for whoever has the dashboard token."""
        table = (
            ("GET", "dashboard/bridges", self.listed, "Bridges to subscriptions, and how each is"),
            ("POST", "bridge-logins/{}", self.begin, "Begin to log a bridge in"),
            ("GET", "bridge-logins/{}", self.progress, "How far a bridge's login is"),
            ("PUT", "bridge-logins/{}", self.paste, "Hand on what a login asked a person for"),
            ("DELETE", "bridge-logins/{}", self.call_off, "Call a bridge's login off"),
            ("POST", "bridge-logouts/{}", self.logout, "Log a bridge out"),
            ("POST", "bridge-pauses/{}", self.pause, "Let a bridge take no more turns"),
            ("DELETE", "bridge-pauses/{}", self.resume, "Let a bridge take turns again"),
        )
        return tuple(
            Route(method, f"/api/{path}", answer, summary, "dashboard")
            for method, path, answer, summary in table
        )

    async def listed(self, exchange: Exchange, _: str) -> None:
        """Answer with every bridge; with `?fresh=1` each is looked at anew."""
        fresh = query_values(exchange.target).get("fresh", "") == "1"
        _answer(exchange, await self.bridges_view(fresh=fresh))

    async def bridges_view(self, *, fresh: bool = False) -> BridgesView:
        """Return every bridge; with `fresh` each is looked at anew."""
        found = await self._attending.look_at_all(fresh=fresh)
        shown = [self._view(name, health) for name, health in found.items()]
        elsewhere = self._companions.bridges()
        told = await asyncio.gather(*(engine.look(fresh=fresh) for _, engine in elsewhere))
        shown += [_elsewhere(*each, health) for each, health in zip(elsewhere, told, strict=True)]
        return BridgesView(shown)

    def bridges_known(self) -> BridgesView:
        """Return every bridge as it was when it was looked at last; nobody is asked for it."""
        shown = [self._view(name, engine.seen) for name, engine in self._attending.engines.items()]
        shown += [_elsewhere(*each, each[1].health) for each in self._companions.bridges()]
        return BridgesView(shown)

    async def check(self, name: str) -> BridgeView:
        """Return one bridge, here or on a companion, looked at anew."""
        for row, engine in self._companions.bridges():
            if row.name == name and name not in self._attending.engines:
                return _elsewhere(row, engine, await engine.look(fresh=True))
        return self._view(name, await self._attending.look(self._known(name), fresh=True))

    async def begin(self, exchange: Exchange, name: str) -> None:
        """Begin a login, and answer with its first step."""
        _answer(exchange, await self.begun(name, exchange))

    async def begun(self, name: str, exchange: Exchange) -> LoginView:
        """Begin a login, or go on with the one that runs, and return its first step."""
        self._known(name)
        await self._ledger.audit.record("bridge.login", name, self._actor(exchange))
        return _login_view(await self._logins.begin(name, _WAIT))

    async def progress(self, exchange: Exchange, name: str) -> None:
        """Answer when there are more steps than `?seen=`, the login is over, or after 20 seconds."""
        seen = query_values(exchange.target).get("seen", "0")
        if not seen.isdecimal() or len(seen) > 4:
            raise MalformedRequest(f"seen={seen[:20]!r} is not a number of steps", param="seen")
        _answer(exchange, await self.so_far(name, int(seen), _WAIT))

    async def so_far(self, name: str, seen: int, wait: float) -> LoginView:
        """Return how far a login is, when there are more steps than `seen`, it is over, or `wait` is."""
        try:
            progress = await self._logins.after(self._known(name), seen, wait)
        except KeyError:
            raise NotFound(f"nobody is logging the bridge {name} in; POST to this path begins it") from None
        if progress.over and not progress.error:
            await self._attending.look(name, fresh=True)
        return _login_view(progress)

    async def paste(self, exchange: Exchange, name: str) -> None:
        """Hand on what a person pasted."""
        pasted = await _read(exchange)
        try:
            await self._logins.answer(self._known(name), pasted.text)
        except BridgeFault as fault:
            raise MalformedRequest(fault.message, param="text") from None
        respond_json(exchange, b'{"taken":true}')

    async def call_off(self, exchange: Exchange, name: str) -> None:
        """End a login that runs."""
        self._logins.call_off(self._known(name))
        respond_json(exchange, b'{"called_off":true}')

    async def logout(self, exchange: Exchange, name: str) -> None:
        """Take a login back."""
        engine = self._attending.engines[self._known(name)]
        await self._ledger.audit.record("bridge.logout", name, self._actor(exchange))
        try:
            async with asyncio.timeout(self.patience):
                await engine.bridge.logout()
        except BridgeFault as fault:
            raise UpstreamUnreachable(fault.message) from None
        except TimeoutError:
            why = f"{name} was not logged out within {self.patience:g} seconds; try again"
            raise UpstreamUnreachable(why) from None
        health = await self._attending.look(name, fresh=True)
        _answer(exchange, self._view(name, health))

    async def pause(self, exchange: Exchange, name: str) -> None:
        """Take no more turns."""
        await self._set(exchange, name, paused=True)

    async def resume(self, exchange: Exchange, name: str) -> None:
        """Take turns again."""
        await self._set(exchange, name, paused=False)

    async def _set(self, exchange: Exchange, name: str, *, paused: bool) -> None:
        engine = self._attending.engines[self._known(name)]
        action = "bridge.pause" if paused else "bridge.resume"
        await self._ledger.audit.record(action, name, self._actor(exchange))
        engine.pause(paused=paused)
        health = await self._attending.look(name, fresh=True)
        _answer(exchange, self._view(name, health))

    def _view(self, name: str, health: Health) -> BridgeView:
        return bridge_view(self._rows[name], health, tuple(self._attending.engines[name].models))

    def _known(self, name: str) -> str:
        if name not in self._attending.engines:
            known = ", ".join(self._attending.engines) or "none"
            raise NotFound(f"there is no bridge {name[:40]!r} in use here (in use: {known})")
        return name


def _elsewhere(row: ProviderRow, engine: RemoteEngine, health: Health) -> BridgeView:
    return bridge_view(row, health, tuple(engine.models), engine.companion.machine)


def _login_view(progress: LoginProgress) -> LoginView:
    return LoginView(progress.steps, progress.over, progress.error)


async def _read(exchange: Exchange) -> _Pasted:
    try:
        return msgspec.json.decode(await exchange.body(_MAX_BODY), type=_Pasted)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedRequest('the body is not {"text": "…"}') from None


def _answer(exchange: Exchange, view: object) -> None:
    respond_json(exchange, msgspec.json.encode(view))
