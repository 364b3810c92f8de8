"""Keys, what they keep and may use: for the command line beside a gateway, and for who is signed in to it."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec

from llm_gateway.content.content import Content
from llm_gateway.errors import MalformedRequest, NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.key_limits import NO_LIMITS, KeyLimits
from llm_gateway.ledger.keys import KeyRow
from llm_gateway.pipeline.key_admin import KeyAdmin, Minted, check_days
from llm_gateway.server.edge import respond_json
from llm_gateway.server.routes import Route
from llm_gateway.server.views import iso

__all__ = ["KeyView", "KeysApi", "key_view"]

T = TypeVar("T", bound=msgspec.Struct)

_MAX_BODY = 64 * 1024
_YEAR = 366 * 86_400


class KeyView(msgspec.Struct, frozen=True):
    """A key without the key: `status` is active, expired or revoked; `hint` its last four characters.

    Content is kept for `keep_content_days`, under the id of the first key that this one has replaced.
    `client` and `machine` are what it was made for, "" for any. `limits` are those that were said of it,
    beside those of the configuration; `person` is whose key it is, "" for the gateway's owner.
    """

    id: str
    name: str
    hint: str
    status: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    keep_content_days: int
    kept_under: str
    client: str = ""
    machine: str = ""
    limits: KeyLimits = KeyLimits()
    person: str = ""


class _Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    keep_content_days: int = 0
    client: str = ""
    machine: str = ""
    person: str = ""
    limits: KeyLimits = NO_LIMITS


class _Keeping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keep_content_days: int


class _Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    overlap_seconds: Annotated[int, msgspec.Meta(ge=0, le=_YEAR)] = 0


class KeysApi:
    """Make, list, revoke and rotate keys, say what they may use and keep, and erase what they kept."""

    def __init__(
        self, admin: KeyAdmin, content: Content, actor: Callable[[Exchange], str] = lambda exchange: "owner"
    ) -> None:
        self._admin = admin
        self._content = content
        self._actor = actor

    def routes(self) -> tuple[Route, ...]:
        """Return the routes: what only makes and ends keys is for who is signed in as a person, too."""
        return (
            Route("GET", "/api/keys", self.listed, "Gateway keys", "session"),
            Route("POST", "/api/keys", self.create, "Make a gateway key", "session"),
            Route(
                "PATCH", "/api/keys/{}", self.keep, "Say for how long a gateway key keeps content", "owner"
            ),
            Route("DELETE", "/api/keys/{}", self.revoke, "Revoke a gateway key", "session"),
            Route(
                "PUT", "/api/key-limits/{}", self.limit, "Say what a gateway key may use at most", "session"
            ),
            Route("DELETE", "/api/content/{}", self.erase, "Erase what is kept of a gateway key", "owner"),
            Route("POST", "/api/key-rotations/{}", self.rotate, "Replace a gateway key", "session"),
        )

    async def listed(self, exchange: Exchange, _: str) -> None:
        """Answer with every key there ever was."""
        respond_json(exchange, msgspec.json.encode({"keys": await self.views()}))

    async def views(self) -> list[KeyView]:
        """Return every key there ever was, the oldest first."""
        now = self._admin.clock.now_us()
        return [key_view(row, now) for row in await self._admin.listed()]

    @property
    def most_days(self) -> int:
        """Return for how many days a key may keep content at most."""
        return self._content.most_days

    async def create(self, exchange: Exchange, _: str) -> None:
        """Make a key; this answer is the only place where it is ever shown."""
        wanted = await _read(exchange, _Named)
        await self._agree(wanted.keep_content_days)
        minted = await self._by(exchange).create(
            wanted.name,
            wanted.keep_content_days,
            client=wanted.client,
            machine=wanted.machine,
            person=wanted.person,
            limits=wanted.limits,
        )
        self._show(exchange, minted)

    async def keep(self, exchange: Exchange, key_id: str) -> None:
        """Keep what is said with a key for so many days from now on; 0 keeps none of it."""
        days = (await _read(exchange, _Keeping)).keep_content_days
        await self._agree(days)
        if not await self._admin.keep(key_id, days):
            raise _no_key(key_id)
        respond_json(exchange, b'{"keep_content_days":%d}' % days)

    async def limit(self, exchange: Exchange, key_id: str) -> None:
        """Let the keys of a key's name use at most this from now on, in place of what was said before."""
        limits = await _read(exchange, KeyLimits)
        if not await self._by(exchange).limit(key_id, limits):
            raise _no_key(key_id)
        respond_json(exchange, msgspec.json.encode({"limits": limits}))

    async def erase(self, exchange: Exchange, kept_under: str) -> None:
        """Erase everything that is kept under an id, whether or not its keys are still accepted."""
        await self._admin.record("content.erase", kept_under)
        respond_json(exchange, b'{"erased":%d}' % await self._content.erase(kept_under))

    async def revoke(self, exchange: Exchange, key_id: str) -> None:
        """Accept a key no longer."""
        if not await self._by(exchange).revoke(key_id):
            raise _no_key(key_id)
        respond_json(exchange, b'{"revoked":true}')

    async def rotate(self, exchange: Exchange, key_id: str) -> None:
        """Make a successor and let the old key end."""
        wanted = await _read(exchange, _Rotation)
        minted = await self._by(exchange).rotate(key_id, wanted.overlap_seconds)
        if minted is None:
            raise _no_key(key_id)
        self._show(exchange, minted)

    def _by(self, exchange: Exchange) -> KeyAdmin:
        """Return what administers keys on record as whoever asks."""
        return self._admin.acting(self._actor(exchange))

    async def _agree(self, days: int) -> None:
        """Refuse days that are too many, and any while content cannot be kept at all."""
        check_days(days, self._content.most_days)
        if days:
            await self._content.prepare()

    def _show(self, exchange: Exchange, minted: Minted) -> None:
        view = key_view(minted.row, self._admin.clock.now_us())
        respond_json(exchange, msgspec.json.encode({"key": minted.key.reveal(), "row": view}), 201)


def key_view(row: KeyRow, now_us: int) -> KeyView:
    """Show a key's row."""
    status = "active" if row.accepted(now_us) else "revoked" if row.revoked_us else "expired"
    return KeyView(
        id=row.id,
        name=row.name,
        hint=row.hint,
        status=status,
        created_at=iso(row.created_us),
        expires_at=iso(row.expires_us) if row.expires_us else None,
        revoked_at=iso(row.revoked_us) if row.revoked_us else None,
        keep_content_days=row.keep_content_days,
        kept_under=row.kept_under,
        client=row.client,
        machine=row.machine,
        limits=row.limited,
        person=row.person,
    )


def _no_key(key_id: str) -> NotFound:
    return NotFound(f"there is no active key {key_id[:40]!r}; `llm-gateway keys list` shows them")


async def _read(exchange: Exchange, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await exchange.body(_MAX_BODY), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequest(f"the body is not what this path takes: {error}") from None
