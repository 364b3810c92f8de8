"""Who is signed in to the dashboard: browsers that hold a cookie, and links that sign one in, once.

Of a cookie only its digest is kept, in memory and in the ledger, so sessions outlive a restart and nobody who
reads the database is signed in by it. Links are in memory alone. What a session may do is not decided here.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.ledger.dashboard_sessions import (
    How,
    SessionRow,
    add_session,
    end_sessions,
    session_seen,
    sessions,
)
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.wire.headers import Headers

__all__ = ["COOKIE", "LINK_SECONDS", "Links", "Session", "Sessions"]

COOKIE = "llm_gateway_session"
"""The cookie's name; under TLS `__Host-` stands before it, so that no other name's page can have set it."""
LINK_SECONDS = 300

_SECOND = 1_000_000
_LIFETIME_US = 30 * 86_400 * _SECOND
_IDLE_US = 7 * 86_400 * _SECOND
_NOTE_EVERY_US = 300 * _SECOND
_MOST_SESSIONS = 500
_MOST_LINKS = 16
# Of one name a browser may send several, set below other paths; the first that is known counts.
_MOST_COOKIES = 8
_MOST_TEXT = 200


class Session(msgspec.Struct, frozen=True):
    """A browser that is signed in.

    `id` is what it is called in lists, and opens nothing. `csrf` goes into its pages, and comes back in a
    header with whatever changes something: no page of another site can read it.
    """

    id: str
    how: How
    who: str
    agent: str
    csrf: str
    created_us: int
    seen_us: int
    expires_us: int


class Sessions:
    """The sessions of a gateway. `secure` says that it is reached over TLS.

    `mark` is what tells the dashboard's token from another one, without it: in the ledger it stands in the
    place of who somebody is whom the token let in.
    """

    def __init__(self, ledger: Ledger, clock: Clock, *, secure: bool, mark: str = "") -> None:
        self._ledger = ledger
        self._clock = clock
        self._secure = secure
        self._mark = mark
        self._name = f"__Host-{COOKIE}" if secure else COOKIE
        self._prefix = f"{self._name}=".encode()
        self._by_digest: dict[bytes, Session] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self.links = Links(clock)
        self.most = _MOST_SESSIONS

    async def load(self, admitted: Callable[[How, str], bool] = lambda how, who: True) -> None:
        """Go on with the sessions of the gateway that ran before, of those who are still `admitted`."""
        for row in await self._ledger.read(sessions):
            who = row.who if row.how != "token" else ""
            session = Session(
                row.id, row.how, who, row.agent, "", row.created_us, row.seen_us, row.expires_us
            )
            if self._is_alive(session) and admitted(row.how, row.who):
                self._by_digest[row.digest] = session

    def of(self, headers: Headers) -> Session | None:
        """Return the session of a request's cookie, None when there is none or its time is over."""
        for text in self._cookies(headers):
            secret = _secret(text)
            session = self._by_digest.get(hashlib.sha256(secret).digest()) if secret else None
            if session is not None:
                return self._used(session, secret)
        return None

    async def begin(self, how: How, who: str, agent: str, *, secure: bool = False) -> bytes:
        """Begin a session, and return the value of the Set-Cookie field that holds it.

        `secure` says that this browser came over TLS, which a proxy may have ended before us.
        AuditUnavailable or LedgerUnavailable say that it cannot be put on record; then nobody is signed in.
        """
        secret = secrets.token_bytes(32)
        now = self._clock.now_us()
        session = Session(
            id=secrets.token_hex(6),
            how=how,
            who=_plain(who),
            agent=_plain(agent),
            csrf=_csrf(secret),
            created_us=now,
            seen_us=now,
            expires_us=now + _LIFETIME_US,
        )
        digest = hashlib.sha256(secret).digest()
        vouched = self._mark if how == "token" else session.who
        row = SessionRow(session.id, digest, how, vouched, session.agent, now, now, session.expires_us)
        await self._ledger.audit.record("dashboard.sign-in", session.id, who or _ACTORS[how], how=how)
        await self._ledger.write(lambda store: add_session(store, row))
        self._make_room()
        self._by_digest[digest] = session
        return self._cookie(secret.hex(), _LIFETIME_US // _SECOND, secure=secure)

    async def end(self, session_id: str, action: str = "dashboard.session-end", actor: str = "owner") -> bool:
        """End a session and whatever it has open; False when there is none of this id."""
        found = [session for session in self.listed() if session.id == session_id]
        await self._end(found, action, actor)
        return bool(found)

    async def end_all(self, except_id: str = "", actor: str = "owner") -> int:
        """End every session but one, and return how many those were."""
        found = [session for session in self.listed() if session.id != except_id]
        await self._end(found, "dashboard.session-end", actor)
        return len(found)

    def listed(self) -> list[Session]:
        """Return the sessions that count, the newest first."""
        self._forget_old()
        return sorted(self._by_digest.values(), key=lambda each: (-each.created_us, each.id))

    def ended(self, session_id: str) -> asyncio.Event:
        """Return what is set as soon as a session has ended: what it still has open is to end then, too."""
        event = self._ends.get(session_id)
        if event is None:
            event = self._ends[session_id] = asyncio.Event()
            self._watch(session_id, event)
        return event

    def farewell(self) -> bytes:
        """Return the value of the Set-Cookie field that takes the cookie back."""
        return self._cookie("", 0)

    # details

    def _cookies(self, headers: Headers) -> Iterator[bytes]:
        left = _MOST_COOKIES
        for name, value in headers:
            if name == b"cookie" and self._prefix in value:
                for pair in value.split(b";"):
                    pair = pair.strip()
                    if pair.startswith(self._prefix) and left:
                        left -= 1
                        yield pair[len(self._prefix) :]

    def _cookie(self, value: str, seconds: int, *, secure: bool = False) -> bytes:
        kept = "; Secure" if self._secure or secure else ""
        return f"{self._name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{kept}".encode()

    def _used(self, session: Session, secret: bytes) -> Session | None:
        """Take note, now and then, that a session is used."""
        now = self._clock.now_us()
        if not self._is_alive(session):
            self._forget_old()
            return None
        late = now - session.seen_us >= _NOTE_EVERY_US
        if late or not session.csrf:
            seen = now if late else session.seen_us
            session = msgspec.structs.replace(session, csrf=_csrf(secret), seen_us=seen)
            self._by_digest[hashlib.sha256(secret).digest()] = session
        if late:
            self._ledger.submit(partial(session_seen, session_id=session.id, now_us=now))
        return session

    def _is_alive(self, session: Session) -> bool:
        return self._clock.now_us() < _end_of(session)

    def _forget_old(self) -> None:
        old = [digest for digest, each in self._by_digest.items() if not self._is_alive(each)]
        for digest in old:
            self._tell(self._by_digest.pop(digest).id)

    def _make_room(self) -> None:
        """Have the one that was used least lately make room, where there are as many as there may be."""
        self._forget_old()
        while len(self._by_digest) >= self.most:
            digest = min(self._by_digest, key=lambda each: self._by_digest[each].seen_us)
            gone = self._by_digest.pop(digest).id
            self._ledger.submit(partial(end_sessions, ids=[gone], now_us=self._clock.now_us()))
            self._tell(gone)

    async def _end(self, found: list[Session], action: str, actor: str) -> None:
        for session in found:
            await self._ledger.audit.record(action, session.id, actor, how=session.how, who=session.who)
        gone = {session.id for session in found}
        for digest in [digest for digest, each in self._by_digest.items() if each.id in gone]:
            del self._by_digest[digest]
        for each in gone:
            self._tell(each)
        if gone:
            now = self._clock.now_us()
            await self._ledger.write(lambda store: end_sessions(store, sorted(gone), now))

    def _tell(self, session_id: str) -> None:
        event = self._ends.pop(session_id, None)
        if event is not None:
            event.set()

    def _watch(self, session_id: str, event: asyncio.Event) -> None:
        """Set an event at once where there is no such session, else look again when its time is over."""
        if event.is_set():
            return
        known = next((each for each in self.listed() if each.id == session_id), None)
        if known is None:
            self._ends.pop(session_id, None)
            event.set()
            return
        wait = (_end_of(known) - self._clock.now_us()) / _SECOND
        asyncio.get_running_loop().call_later(wait, self._watch, session_id, event)


class Links:
    """Links that sign a browser in, each of them once and for five minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[bytes, float] = {}

    def mint(self) -> str:
        """Return the secret of a new link, 256 random bits; the oldest makes room where there are many."""
        self._forget_old()
        while len(self._until) >= _MOST_LINKS:
            del self._until[next(iter(self._until))]
        token = secrets.token_urlsafe(32)
        self._until[_digest(token)] = self._clock.monotonic() + LINK_SECONDS
        return token

    def take(self, token: str) -> bool:
        """Use a link up; False when there is none, or no longer."""
        self._forget_old()
        offered = _digest(token)
        found = [known for known in self._until if hmac.compare_digest(known, offered)]
        for known in found:
            del self._until[known]
        return bool(found)

    def _forget_old(self) -> None:
        now = self._clock.monotonic()
        self._until = {known: until for known, until in self._until.items() if now < until}


_ACTORS: dict[How, str] = {"link": "owner", "token": "dashboard token", "oidc": "somebody"}


def _end_of(session: Session) -> int:
    return min(session.expires_us, session.seen_us + _IDLE_US)


def _secret(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii")) if len(text) == 64 else b""
    except ValueError:
        return b""


def _csrf(secret: bytes) -> str:
    return hmac.new(secret, b"csrf", hashlib.sha256).hexdigest()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:_MOST_TEXT])
