"""The paths of signing in and out of the dashboard, and of what is signed in.

A link's secret is in the part of its address that browsers keep to themselves, so it is in no log and no
Referer, and a GET of the address, by a mail scanner or a preview, uses nothing up: the page posts it.
"""

from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from llm_gateway.errors import MalformedRequest, NotFound, Unauthenticated
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.dashboard_sessions import How
from llm_gateway.pipeline.authenticate import credentials
from llm_gateway.server.access import SIGN_IN, Access, is_person, local_path
from llm_gateway.server.edge import JSON
from llm_gateway.server.routes import Route
from llm_gateway.server.sessions import LINK_SECONDS, Session, Sessions
from llm_gateway.server.views import iso
from llm_gateway.wire.headers import get

__all__ = ["OpenedView", "SessionView", "SignIn", "SignedInView", "actor_of", "session_view"]

T = TypeVar("T", bound=msgspec.Struct)

_MAX_BODY = 16 * 1024


class SessionView(msgspec.Struct, frozen=True):
    """A browser that is signed in: how and who, where that was said; `current` is the one that asks."""

    id: str
    how: How
    who: str
    agent: str
    created_at: str
    seen_at: str
    expires_at: str
    current: bool


class SignedInView(msgspec.Struct, frozen=True):
    """That a browser is signed in now, and where it goes on."""

    next: str
    signed_in: Literal[True] = True


class OpenedView(msgspec.Struct, frozen=True):
    """An address that signs a browser in, once and for so many seconds."""

    url: str
    seconds: int


class _Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str
    next: str = "/"


class _Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    link: str
    next: str = "/"


class SignIn:
    """Sign browsers in and out. `url` is the address of the gateway on this machine."""

    def __init__(self, sessions: Sessions, access: Access, url: Callable[[], str]) -> None:
        self.sessions = sessions
        self.access = access
        self._url = url
        self.issuer = ""
        self._more: tuple[Route, ...] = ()

    def also_by(self, issuer: str, routes: tuple[Route, ...]) -> None:
        """Let people sign in with a provider of logins, too, by routes of its own."""
        self.issuer = issuer
        self._more = routes

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        listed = "/api/dashboard/sessions"
        return (
            Route("POST", SIGN_IN, self.by_token, "Sign in to the dashboard with its token", "open"),
            Route("POST", f"{SIGN_IN}/link", self.by_link, "Sign in with a one-time link", "open"),
            Route("POST", "/sign-out", self.sign_out, "Sign out of the dashboard", "dashboard"),
            Route("POST", "/api/open", self.open, "Make a link that signs a browser in once", "owner"),
            Route("GET", listed, self.listed, "Who is signed in to the dashboard", "dashboard"),
            Route("DELETE", listed, self.end_others, "End all other sessions", "dashboard"),
            Route("DELETE", f"{listed}/{{}}", self.end, "End a session of the dashboard", "dashboard"),
            *self._more,
        )

    async def by_token(self, exchange: Exchange, _: str) -> None:
        """Sign in who knows the dashboard's token."""
        wanted = await _read(exchange, _Token)
        self.access.check_token(wanted.token.strip().encode("utf-8", "replace"), exchange.peer)
        await self._begin(exchange, "token", wanted.next)

    async def by_link(self, exchange: Exchange, _: str) -> None:
        """Sign in who has a link that nobody has used."""
        wanted = await _read(exchange, _Link)
        if not self.sessions.links.take(wanted.link):
            raise Unauthenticated(
                "this link was used already, or is older than five minutes, or the gateway was started anew; "
                "`llm-gateway open` makes another one"
            )
        await self._begin(exchange, "link", wanted.next)

    async def sign_out(self, exchange: Exchange, _: str) -> None:
        """End the session of the browser that asks, and take its cookie back."""
        session = self.sessions.of(exchange.headers)
        if session is not None:
            await self.sessions.end(session.id, "dashboard.sign-out", actor_of(session))
        _answer(exchange, {"signed_out": session is not None}, self.sessions.farewell())

    async def open(self, exchange: Exchange, _: str) -> None:
        """Make a link for the owner."""
        url = f"{self._url()}{SIGN_IN}#link={self.sessions.links.mint()}"
        _answer(exchange, OpenedView(url, LINK_SECONDS))

    async def listed(self, exchange: Exchange, _: str) -> None:
        """Answer with the sessions that count, the newest first."""
        asking = self.sessions.of(exchange.headers)
        current = asking.id if asking is not None else ""
        views = [session_view(each, current) for each in self.sessions.listed()]
        _answer(exchange, {"sessions": views})

    async def end(self, exchange: Exchange, session_id: str) -> None:
        """End one session."""
        if not await self.sessions.end(session_id, actor=self.person(exchange)):
            raise NotFound(
                f"there is no session {session_id[:40]!r}; GET /api/dashboard/sessions lists those there are"
            )
        _answer(exchange, {"ended": 1})

    async def end_others(self, exchange: Exchange, _: str) -> None:
        """End every session but the one that asks."""
        asking = self.sessions.of(exchange.headers)
        ended = await self.sessions.end_all(asking.id if asking is not None else "", self.person(exchange))
        _answer(exchange, {"ended": ended})

    # who looks at a page

    def csrf_of(self, exchange: Exchange) -> str:
        """Return what the pages of a session have to hold, "" where somebody is let in by a token."""
        session = self.sessions.of(exchange.headers)
        return session.csrf if session is not None else ""

    def stays(self, exchange: Exchange) -> bool:
        """Return whether who looks at something that goes on may still look: a session may have ended."""
        return bool(credentials(exchange.headers)) or self.sessions.of(exchange.headers) is not None

    def person(self, exchange: Exchange) -> str:
        """Return who asks as the audit log calls them: by the token that is shown, else who is signed in."""
        if self.access.is_owner(exchange):
            return "owner"
        session = self.sessions.of(exchange.headers) if not credentials(exchange.headers) else None
        return actor_of(session) if session is not None else "dashboard token"

    def signed_in(self, exchange: Exchange) -> str:
        """Return which person asks, signed in by a link or a provider of logins; "" for anybody else."""
        session = self.sessions.of(exchange.headers)
        if session is None or not is_person(session) or credentials(exchange.headers):
            return ""
        return actor_of(session)

    # details

    async def _begin(self, exchange: Exchange, how: How, onward: str) -> None:
        """Begin a session, always a new one, in place of what the browser had."""
        cookie = await self.begin(exchange, how)
        _answer(exchange, SignedInView(local_path(onward)), cookie)

    async def begin(self, exchange: Exchange, how: How, who: str = "", *, secure: bool = False) -> bytes:
        """Return the Set-Cookie field's value of a session that begins for the browser that asks.

        `secure` says that it came over TLS; so does its Origin, which the guard has compared.
        """
        before = self.sessions.of(exchange.headers)
        agent = (get(exchange.headers, b"user-agent") or b"").decode("utf-8", "replace")
        secure = secure or (get(exchange.headers, b"origin") or b"").startswith(b"https://")
        cookie = await self.sessions.begin(how, who, agent, secure=secure)
        if before is not None:
            await self.sessions.end(before.id, "dashboard.sign-out", actor_of(before))
        return cookie


def actor_of(session: Session) -> str:
    """Return what the audit log calls somebody who is signed in."""
    return session.who or f"session {session.id}"


def session_view(session: Session, current: str) -> SessionView:
    """Show a session; what its cookie or its pages hold is not shown."""
    return SessionView(
        id=session.id,
        how=session.how,
        who=session.who,
        agent=session.agent,
        created_at=iso(session.created_us),
        seen_at=iso(session.seen_us),
        expires_at=iso(session.expires_us),
        current=session.id == current,
    )


def _answer(exchange: Exchange, told: object, cookie: bytes = b"") -> None:
    fields = JSON + (b"set-cookie: %b\r\n" % cookie if cookie else b"")
    exchange.respond(200, fields, msgspec.json.encode(told))


async def _read(exchange: Exchange, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await exchange.body(_MAX_BODY), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequest(f"the body is not what this path takes: {error}") from None
