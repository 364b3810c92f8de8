"""Where companions dial in, and the owner's API about them: invite a machine, list, revoke.

The socket takes no page of a browser, whatever its origin. Who is let in is decided behind it, by a key.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from llm_gateway.companion.admission import Turned
from llm_gateway.companion.enrolment import TOKEN_LASTS, Registry
from llm_gateway.companion.frames import MOST
from llm_gateway.companion.hub import Connected, Hub
from llm_gateway.errors import Forbidden, MalformedRequest, NotFound, TooManyConnections
from llm_gateway.http.carrier import GOING_AWAY
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.companions import CompanionRow, Invitation
from llm_gateway.server.edge import respond_json
from llm_gateway.server.routes import Answering, Route
from llm_gateway.server.views import iso
from llm_gateway.wire.headers import get

__all__ = [
    "BridgeView",
    "CompanionView",
    "CompanionsApi",
    "companion_sockets",
    "companion_view",
    "invitation_view",
]

_PATH = b"/bridge/v1/connect"
_MOST_BODY = 16 * 1024
_MOST_UNKNOWN = 64  # connections that have not said who they are

_Name = Annotated[str, Meta(max_length=64)]


class BridgeView(msgspec.Struct, frozen=True):
    """A bridge of a companion: its name there, its provider's name here, and how it is."""

    bridge: str
    provider: str
    state: str
    reason: str


class CompanionView(msgspec.Struct, frozen=True):
    """A machine: `status` is invited, connected, offline or revoked; `bridges` are those that it may offer.

    `offers` is what it offers; `trouble` why it was away the last time, as far as it knows itself.
    """

    machine: str
    status: str
    person: str = ""
    bridges: tuple[str, ...] = ()
    key: str = ""
    enrolled_at: str | None = None
    last_seen_at: str | None = None
    revoked_at: str | None = None
    expires_at: str | None = None
    software: str = ""
    paused: bool = False
    trouble: str = ""
    offers: tuple[BridgeView, ...] = ()


class _Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    machine: _Name
    person: _Name = ""
    bridges: tuple[_Name, ...] = ()


def companion_sockets(hub: Hub) -> Mapping[bytes, Answering]:
    """Return who answers companions that dial in, by path."""
    return {_PATH: _Door(hub).answer}


class _Door:
    """Answer companions that dial in."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._open = 0

    async def answer(self, exchange: Exchange, _: str) -> None:
        """Be a companion's gateway for as long as it is connected."""
        if get(exchange.headers, b"origin") is not None:
            raise Forbidden("companions dial in here, and no page of a browser does")
        if self._open - len(self._hub.connected) >= _MOST_UNKNOWN:
            raise TooManyConnections(
                "too many dial in at a time who have not said who they are", retry_after=5
            )
        self._open += 1
        try:
            await self._carry(exchange)
        finally:
            self._open -= 1

    async def _carry(self, exchange: Exchange) -> None:
        socket = exchange.accept_websocket(MOST)
        leaving = asyncio.Event()
        socket.when_leaving = leaving.set
        try:
            wrong = await self._hub.carry(socket, exchange.peer, leaving)
        except Turned:
            return  # it was told why, and the socket is closed
        code = socket.farewell if leaving.is_set() else GOING_AWAY
        await socket.close(code, wrong.kind)


class CompanionsApi:
    """Invite machines, list and revoke them; `actor` says who asks, for the audit log."""

    def __init__(
        self, registry: Registry, hub: Hub, actor: Callable[[Exchange], str] = lambda exchange: "owner"
    ) -> None:
        self._actor = actor
        self._registry = registry
        self._hub = hub

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, all of them the owner's."""
        return (
            Route("GET", "/api/companions", self.listed, "Machines that dial in", "owner"),
            Route("POST", "/api/companions", self.invite, "Make a join token for a machine", "owner"),
            Route("DELETE", "/api/companions/{}", self.revoke, "Let a machine in no longer", "owner"),
            Route("POST", "/api/companion-pauses/{}", self.pause, "Pause what a machine answers", "owner"),
        )

    async def listed(self, exchange: Exchange, _: str) -> None:
        """Answer with every machine there ever was, and those that are invited."""
        respond_json(exchange, msgspec.json.encode({"companions": await self.views()}))

    async def views(self) -> list[CompanionView]:
        """Return every machine, the invited ones last."""
        known = [self._view(row) for row in await self._registry.all()]
        return known + [invitation_view(each) for each in await self._registry.invitations()]

    async def invite(self, exchange: Exchange, _: str) -> None:
        """Make a join token; this answer is the only place where it is ever shown."""
        try:
            wanted = msgspec.json.decode(await exchange.body(_MOST_BODY), type=_Invitation)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedRequest(f"the body is not what this path takes: {error}") from None
        made = await self._registry.invite(wanted.machine, wanted.person, wanted.bridges)
        body = {
            "token": made.token.reveal(),
            "machine": wanted.machine,
            "expires_at": iso(made.invitation.expires_us),
            "lasts_seconds": TOKEN_LASTS,
        }
        respond_json(exchange, msgspec.json.encode(body), 201)

    async def revoke(self, exchange: Exchange, machine: str) -> None:
        """Let a machine in no longer, and cut off what it answers now."""
        await self.let_go(machine, exchange)
        respond_json(exchange, b'{"revoked":true}')

    async def let_go(self, machine: str, exchange: Exchange) -> None:
        """Revoke a machine, or take its invitation back; NotFound where there is no such one."""
        if not await self._hub.revoke(machine, self._actor(exchange)):
            raise _unknown(machine)

    async def pause(self, exchange: Exchange, machine: str) -> None:
        """Have a machine answer nothing any more; only at the machine itself that is ended."""
        if not await self._hub.pause(machine):
            raise _unknown(machine)
        respond_json(exchange, b'{"paused":true}')

    def _view(self, row: CompanionRow) -> CompanionView:
        connected = self._hub.connected.get(row.id)
        offers = tuple(
            BridgeView(engine.bridge, engine.name, engine.health.state, engine.health.reason)
            for engine in self._hub.engines.values()
            if engine.companion.id == row.id
        )
        return companion_view(row, connected, offers)


def companion_view(
    row: CompanionRow, connected: Connected | None = None, offers: tuple[BridgeView, ...] = ()
) -> CompanionView:
    """Show a machine that is or was enrolled."""
    status = "revoked" if row.revoked_us else "offline" if connected is None else "connected"
    return CompanionView(
        row.machine,
        status,
        row.person,
        row.bridges,
        row.id[:16],
        iso(row.enrolled_us),
        iso(row.last_seen_us) if row.last_seen_us else None,
        iso(row.revoked_us) if row.revoked_us else None,
        software=connected.software if connected is not None else "",
        paused=connected.news.paused if connected is not None else False,
        trouble=connected.trouble if connected is not None else "",
        offers=offers,
    )


def invitation_view(invitation: Invitation) -> CompanionView:
    """Show a machine that may still join."""
    return CompanionView(
        invitation.machine,
        "invited",
        invitation.person,
        invitation.bridges,
        expires_at=iso(invitation.expires_us),
    )


def _unknown(machine: str) -> NotFound:
    return NotFound(
        f"there is no companion {machine[:63]!r} to do that with; `llm-gateway companions list` shows them"
    )
