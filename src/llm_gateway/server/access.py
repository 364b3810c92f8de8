"""Who may see and change what is not a client's business: by a token, or signed in to the dashboard.

A token in a header is judged by itself; the cookie of a session counts where none is shown. A gateway key
opens nothing here. What browsers of other sites may ask for at all is `guard.py`.
"""

import hmac
from collections.abc import Callable
from urllib.parse import quote

from llm_gateway.clock import SystemClock
from llm_gateway.errors import Forbidden, SignInNeeded, Unauthenticated
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.dashboard_sessions import How
from llm_gateway.pipeline.authenticate import credentials
from llm_gateway.server.guesses import Guesses
from llm_gateway.server.sessions import Session
from llm_gateway.wire.headers import Headers, get

__all__ = ["CSRF", "SIGN_IN", "Access", "is_person", "is_visit", "local_path", "sign_in_location"]

CSRF = b"x-llm-gateway-csrf"
SIGN_IN = "/sign-in"

_FREE = frozenset(("open", "key"))
_SIGNED_IN = frozenset(("dashboard", "page"))
_PERSONS: frozenset[How] = frozenset(("link", "oidc"))
_READS = (b"GET", b"HEAD")
_LONGEST_PATH = 2000


class Access:
    """Decide by the access kind of a route. `session_of` is who is signed in by a cookie of the headers."""

    def __init__(
        self,
        owner: bytes,
        dashboard: bytes,
        guesses: Guesses | None = None,
        session_of: Callable[[Headers], Session | None] = lambda headers: None,
    ) -> None:
        self._owner = owner
        self._dashboard = dashboard
        self._guesses = guesses or Guesses(SystemClock())
        self._session_of = session_of

    @property
    def has_token(self) -> bool:
        """Return whether there is a dashboard token at all."""
        return bool(self._dashboard)

    def require(self, access: str, exchange: Exchange) -> Session | None:
        """Return the session that a request is let in by, None where it is by something else.

        `open` and `key` pass (a key is checked in its dialect). Unauthenticated, or SignInNeeded where a page
        was asked for, is for who shows nothing that opens; Forbidden for a change that no page of ours asked
        for; LimitReached for an address that has shown too many wrong tokens. The owner's always opens.
        """
        if access in _FREE:
            return None
        offered = credentials(exchange.headers)
        if any(hmac.compare_digest(token, self._owner) for token in offered):
            return None
        if access == "session" and not offered:
            session = self._session_of(exchange.headers)
            if session is not None:
                _check_person(session)
                _check_csrf(exchange, session)
                return session
        if access in _SIGNED_IN:
            if not offered:
                session = self._session_of(exchange.headers)
                if session is not None:
                    _check_csrf(exchange, session)
                    return session
            elif self._opens(offered, exchange.peer):
                return None
        self._guesses.wrong(exchange.peer, offered)
        raise _refusal(access)

    def is_owner(self, exchange: Exchange) -> bool:
        """Return whether the owner's token is shown."""
        return any(hmac.compare_digest(token, self._owner) for token in credentials(exchange.headers))

    def check_token(self, token: bytes, peer: str) -> None:
        """Let the dashboard's token pass; raise Unauthenticated, or LimitReached, for any other text."""
        if not self._opens([token], peer):
            self._guesses.wrong(peer, [token])
            raise Unauthenticated(
                "this is not the dashboard token; it is what LLM_GATEWAY_DASHBOARD_TOKEN is set to where the "
                "gateway runs. `llm-gateway open` on that machine makes a link that needs none"
            )

    def _opens(self, offered: list[bytes], peer: str) -> bool:
        """Return whether the dashboard's token is among what is offered."""
        if not self._dashboard:
            return False
        self._guesses.may(peer)
        return any(hmac.compare_digest(token, self._dashboard) for token in offered)


def is_person(session: Session | None) -> bool:
    """Return whether a session is that of a person whom the gateway knows, not of any holder of a token."""
    return session is not None and session.how in _PERSONS


def local_path(asked: str) -> str:
    """Return where to go on after the sign-in: a path of ours with its query, "/" for anything else."""
    plain = asked.isascii() and asked.isprintable() and " " not in asked and "\\" not in asked
    if not plain or len(asked) > _LONGEST_PATH or not asked.startswith("/") or asked.startswith("//"):
        return "/"
    return "/" if asked.partition("?")[0] == SIGN_IN or asked.startswith(f"{SIGN_IN}/") else asked


def sign_in_location(target: bytes) -> bytes:
    """Return where somebody who asked for a page is sent to sign in, and comes back from."""
    asked = local_path(target.decode("latin-1"))
    return SIGN_IN.encode() if asked == "/" else f"{SIGN_IN}?next={quote(asked, safe='')}".encode()


def is_visit(exchange: Exchange) -> bool:
    """Return whether whoever asks is a browser that goes to a page."""
    return exchange.method in _READS and b"text/html" in (get(exchange.headers, b"accept") or b"").lower()


def _check_person(session: Session) -> None:
    if not is_person(session):
        raise Forbidden(
            "who signed in with the dashboard token looks at keys and companions, and changes none. Sign in "
            "with the link of `llm-gateway open`, or use the command line on the gateway's machine"
        )


def _check_csrf(exchange: Exchange, session: Session) -> None:
    if exchange.method in _READS:
        return
    shown = get(exchange.headers, CSRF) or b""
    if not hmac.compare_digest(shown, session.csrf.encode()):
        raise Forbidden(
            f"a change by a browser that is signed in needs the header {CSRF.decode()}, with what the pages "
            "of its session hold: only they may ask for changes. Reload the page and try again; a program "
            "shows the dashboard token as `Authorization: Bearer …` instead"
        )


def _refusal(access: str) -> Unauthenticated | SignInNeeded:
    if access == "page":
        return SignInNeeded(
            f"nobody is signed in: open {SIGN_IN} in a browser, or use `llm-gateway open`; a program shows "
            "the dashboard token as `Authorization: Bearer …`"
        )
    if access == "session":
        return Unauthenticated(
            "this is for a browser that signed in with the link of `llm-gateway open`, and for the owner's "
            "command line on this machine; the dashboard token does not open it"
        )
    return Unauthenticated(
        "this needs the dashboard token as `Authorization: Bearer …`, or a browser that is signed in; "
        "set it as LLM_GATEWAY_DASHBOARD_TOKEN, or use the command line on this machine"
        if access == "dashboard"
        else "this is for the owner's command line on this machine"
    )
