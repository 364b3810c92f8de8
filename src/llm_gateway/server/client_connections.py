"""Connect an application on this machine over HTTP, as `llm-gateway connect` and `disconnect` do.

What would change is shown first, with a digest; exactly that is done when the digest comes back, or nothing
is. Only the machine and the user that the gateway runs as are meant: others have their own command line. The
key that an application gets goes into its settings and never into an answer.
"""

import asyncio
import importlib
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

import msgspec

from llm_gateway.clients.connections import Asked, CannotConnect, Connection, Opening
from llm_gateway.clients.machine import machine_name
from llm_gateway.config import Loaded
from llm_gateway.errors import Conflict, Forbidden, GatewayError, MalformedRequest, NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.peers import is_here
from llm_gateway.pipeline.key_admin import KeyAdmin
from llm_gateway.server.edge import respond_json
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.server.shelf import Shelf
from llm_gateway.tasks import Tasks

if TYPE_CHECKING:
    from llm_gateway.clients.connect.desk import Desk, Surroundings

__all__ = ["ClientConnections", "wanted_by"]

P = ParamSpec("P")
T = TypeVar("T")

_PATH = "/api/dashboard/clients/{}/connection"
_ENDING = "/connection"
_MAX_BODY = 4096
_LONGEST_MODEL = 200
_ROOM = "llm_gateway.clients.connect.desk"
_WAYS: dict[str, Literal["key", "login", ""]] = {"": "", "key": "key", "login": "login"}
_Configured = Callable[[], tuple[Loaded, Mapping[str, str]]]


class _Agreed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plan: str


class ClientConnections:
    """Show, make and undo connections, one at a time.

    `configured` is the configuration now, with the environment; `url` the address for this machine's clients;
    `who` says which person is signed in that asks, "" for nobody: who began a session with a token has no
    more than the token.
    """

    def __init__(
        self,
        keys: KeyAdmin,
        shelf: Shelf,
        tasks: Tasks,
        configured: _Configured,
        url: Callable[[], str],
        who: Callable[[Exchange], str],
    ) -> None:
        self._keys = keys
        self._shelf = shelf
        self._tasks = tasks
        self._configured = configured
        self._url = url
        self._who = who
        self._pepper = os.urandom(32)
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, for whoever has the dashboard token."""
        table = (
            ("GET", self.show, "What connecting an application on this machine would change"),
            ("POST", self.connect, "Connect an application as it was shown"),
            ("DELETE", self.disconnect, "Put an application's settings back as they were"),
        )
        return tuple(Route(method, _PATH, answer, told, "dashboard") for method, answer, told in table)

    async def show(self, exchange: Exchange, rest: str) -> None:
        """Answer with the plan for `?way=`, `?model=` and `?telemetry=1`, and how it is connected now."""
        client, asked = _client(rest), wanted_by(query_values(exchange.target))
        respond_json(exchange, msgspec.json.encode(await self.look(client, asked)))

    async def connect(self, exchange: Exchange, rest: str) -> None:
        """Do what was shown: the body names the plan, the query is the one that it was shown for."""
        asker = self._asker(exchange)
        client, asked = _client(rest), wanted_by(query_values(exchange.target))
        agreed = await _read(exchange)
        await self._alone(f"connect {client}", self._connect(client, asked, agreed.plan, asker))
        respond_json(exchange, msgspec.json.encode(await self.look(client, asked)))

    async def disconnect(self, exchange: Exchange, rest: str) -> None:
        """Undo the connection, end its key, and answer with how it is now."""
        asker = self._asker(exchange)
        client, asked = _client(rest), wanted_by(query_values(exchange.target))
        said = await self._alone(f"disconnect {client}", self._disconnect(client, asker))
        shown = await self.look(client, asked)
        respond_json(exchange, msgspec.json.encode(msgspec.structs.replace(shown, said=said)))

    async def look(self, client: str, asked: Asked) -> Connection:
        """Return how an application is connected and what connecting it would change; NotFound for none."""
        desk = await self._opened()
        opening, around = await self._around(desk, client, asked)
        return await _told(desk.look, opening.client, asked, around)

    # details

    def _asker(self, exchange: Exchange) -> str:
        """Return who may change this machine's files: not a program elsewhere that only has the token."""
        who = self._who(exchange)
        if not who and not is_here(exchange.peer):
            raise Forbidden(
                "files of this machine are changed for who asks from it, or signed in with the link "
                "of `llm-gateway open`; on this machine, `llm-gateway connect CLIENT` does the same"
            )
        return who or "a token, on this machine"

    async def _connect(self, client: str, asked: Asked, plan: str, asker: str) -> None:
        desk = await self._opened()
        opening, around = await self._around(desk, client, asked)
        await _told(desk.check, client, asked, around, plan)
        keys = self._keys.acting(asker)
        await keys.record("client.connect", opening.client, way=asked.way or "usual")
        made = None
        if not around.accepted:
            machine = machine_name(self._configured()[0].settings.clients.machine)
            name = desk.name_of_key(opening.client, machine)
            minted = await keys.create(name, client=opening.client, machine=machine)
            made = (minted.row.id, minted.key.reveal())
        now = self._keys.clock.now_us()
        await _told(desk.carry_out, (client, asked, plan), around, made, now)

    async def _disconnect(self, client: str, asker: str) -> tuple[str, ...]:
        desk = await self._opened()
        ids = await _told(desk.keys_of, client)
        keys = self._keys.acting(asker)
        await keys.record("client.disconnect", client)
        said = await _told(desk.put_back, client)
        now = self._keys.clock.now_us()
        for row in await self._keys.listed():
            if row.id in ids and row.accepted(now):
                await keys.revoke(row.id)
        await _told(desk.forget_key, client)
        return said

    async def _around(self, desk: "Desk", client: str, asked: Asked) -> "tuple[Opening, Surroundings]":
        """Return which application is meant, and what its plan has to know of the gateway."""
        opening = await _told(desk.open, client, asked)
        now = self._keys.clock.now_us()
        rows = await self._keys.listed() if opening.key_id else ()
        accepted = any(row.id == opening.key_id and row.accepted(now) for row in rows)
        models: list[str] = []
        if opening.needs_models:
            await self._shelf.look()
            models = [each.name for each in self._shelf.seen_by("").listed()]
        return opening, desk.surroundings(self._url(), models, accepted=accepted)

    async def _opened(self) -> "Desk":
        # What knows applications' files takes as long to load as half of the gateway: few ever need it.
        module = await asyncio.to_thread(importlib.import_module, _ROOM)
        loaded, environ = self._configured()
        desk: Desk = module.Desk(loaded.home, environ, self._pepper)
        return desk

    async def _alone(self, name: str, work: Coroutine[object, object, T]) -> T:
        """Do a piece of work to its end, whether or not its asker stays, while no other is done."""
        return _or_raise(await asyncio.shield(self._tasks.start(name, self._after_others(work))))

    async def _after_others(self, work: Coroutine[object, object, T]) -> T | GatewayError:
        async with self._one_at_a_time:
            try:
                return await work
            except GatewayError as error:
                return error  # its asker's business: no background task has failed


def _or_raise(ended: T | GatewayError) -> T:
    if isinstance(ended, GatewayError):
        raise ended
    return ended


async def _told(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Do work on files in a thread; what cannot be done is said as an error of ours."""
    try:
        return await asyncio.to_thread(work, *given, **named)
    except CannotConnect as error:
        message = f"{error.message}; {error.hint}" if error.hint else error.message
        match error.kind:
            case "unknown":
                raise NotFound(message) from None
            case "refused":
                raise Forbidden(message) from None
            case "offline" | "failed" | "changed":
                raise Conflict(message) from None


def _client(rest: str) -> str:
    client, ending, more = rest.partition(_ENDING)
    if not ending or more or "/" in client:
        raise NotFound("there is nothing at this path; GET /openapi.json lists every path")
    return client


def wanted_by(query: Mapping[str, str]) -> Asked:
    """Return how a query asks for an application to be connected; MalformedRequest says what is wrong."""
    way, model = query.get("way", ""), query.get("model", "")
    if way not in _WAYS:
        raise MalformedRequest(f"way={way[:20]!r} is neither key nor login", param="way")
    if len(model) > _LONGEST_MODEL or not model.isprintable():
        raise MalformedRequest("model is no model's name", param="model")
    return Asked(_WAYS[way], model, telemetry=query.get("telemetry", "") == "1")


async def _read(exchange: Exchange) -> _Agreed:
    try:
        return msgspec.json.decode(await exchange.body(_MAX_BODY), type=_Agreed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedRequest('the body is not {"plan": "…"}, the plan as GET shows it') from None
