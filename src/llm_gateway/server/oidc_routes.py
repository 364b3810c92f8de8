"""Signing in by a provider of logins: there with a browser, and back with a code that only it can use.

All that a sign-in needs is in a cookie of its own for ten minutes, `SameSite=Lax`, because the browser comes
back from another site; state, nonce and the code's verifier are derived from it. The session's own cookie is
not sent on that way: the sign-in page asks for it from our own site, and goes on.
"""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote

from llm_gateway.http.exchange import Exchange
from llm_gateway.server.access import SIGN_IN, local_path
from llm_gateway.server.identity import Provider, Refused, allowed
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.server.sign_in import SignIn
from llm_gateway.telemetry.log import Log
from llm_gateway.wire.headers import get

__all__ = ["OidcRoutes"]

_COOKIE = "llm_gateway_oidc"
_START, _BACK = f"{SIGN_IN}/oidc", f"{SIGN_IN}/oidc/callback"
_SECONDS = 600
_LONGEST = 4096


class OidcRoutes:
    """Send browsers to the provider, and let those in who come back as somebody who is allowed to."""

    def __init__(self, sign_in: SignIn, provider: Provider, log: Log, *, secure: bool) -> None:
        self._sign_in = sign_in
        self._provider = provider
        self._log = log
        self._secure = secure
        # Behind a proxy that ends TLS browsers keep their cookies to it.
        self._kept_to_tls = secure or provider.settings.url.startswith("https://")

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        there, back = (
            "Sign in with the provider of logins",
            "Where the provider of logins sends browsers back",
        )
        return (
            Route("GET", _START, self.start, there, "open"),
            Route("GET", _BACK, self.back, back, "open", arrival=True),
        )

    async def start(self, exchange: Exchange, _: str) -> None:
        """Send a browser to the provider."""
        secret = secrets.token_hex(32)
        onward = local_path(query_values(exchange.target).get("next", "/"))
        asked = {
            "redirect_uri": self._redirect_uri(exchange),
            "state": _derived(secret, "state"),
            "nonce": _derived(secret, "nonce"),
            "code_challenge": _challenge(_derived(secret, "verifier")),
            "code_challenge_method": "S256",
        }
        try:
            address = await self._provider.address(asked)
        except Refused as why:
            self._problem(exchange, "unreachable", str(why))
            return
        cookie = self._cookie(f"{secret}.{_packed(onward)}", _SECONDS)
        _go(exchange, quote(address, safe=":/?#[]@!$&'()*+,;=%"), cookie)

    async def back(self, exchange: Exchange, _: str) -> None:
        """Begin a session for somebody who is allowed to come in."""
        query = query_values(exchange.target)
        if "error" in query:  # some providers leave out the state then; nobody is let in by it
            self._problem(exchange, "denied", f"the provider said {query['error'][:60]!r}")
            return
        secret, _dot, packed = self._kept(exchange).partition(".")
        state, code = query.get("state", ""), query.get("code", "")[:_LONGEST]
        if not secret or not hmac.compare_digest(state.encode(), _derived(secret, "state").encode()):
            self._problem(exchange, "expired", "a browser came back that was not sent, or too late")
            return
        try:
            claims = await self._provider.claims(
                code,
                _derived(secret, "verifier"),
                self._redirect_uri(exchange),
                _derived(secret, "nonce"),
            )
        except Refused as why:
            self._problem(exchange, "failed", str(why))
            return
        who = allowed(self._provider.settings, claims)
        if not who:
            self._problem(exchange, "not-allowed", "somebody signed in who is not in dashboard.oidc.allowed")
            return
        session = await self._sign_in.begin(exchange, "oidc", who, secure=self._kept_to_tls)
        onward = local_path(_unpacked(packed))
        _go(exchange, f"{SIGN_IN}?next={quote(onward, safe='')}", session, self._cookie("", 0))

    # details

    def _redirect_uri(self, exchange: Exchange) -> str:
        """Return where the provider sends browsers back to. The guard has compared the Host header."""
        base = self._provider.settings.url.rstrip("/")
        if not base:
            host = (get(exchange.headers, b"host") or b"").decode("ascii", "replace")
            base = f"{'https' if self._secure else 'http'}://{host}"
        return base + _BACK

    def _problem(self, exchange: Exchange, name: str, why: str) -> None:
        self._log.write("warning", "sign-in to the dashboard", error=why)
        _go(exchange, f"{SIGN_IN}?problem={name}", self._cookie("", 0))

    def _cookie(self, value: str, seconds: int) -> bytes:
        secure = "; Secure" if self._kept_to_tls else ""
        text = f"{_COOKIE}={value}; HttpOnly; SameSite=Lax; Path={_START}; Max-Age={seconds}{secure}"
        return text.encode()

    def _kept(self, exchange: Exchange) -> str:
        prefix = f"{_COOKIE}=".encode()
        for name, value in exchange.headers:
            if name == b"cookie":
                for pair in value.split(b";"):
                    if pair.strip().startswith(prefix):
                        return pair.strip()[len(prefix) :].decode("ascii", "replace")[:_LONGEST]
        return ""


def _derived(secret: str, what: str) -> str:
    digest = hmac.new(secret.encode(), what.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _packed(path: str) -> str:
    return path.encode().hex()


def _unpacked(text: str) -> str:
    try:
        return bytes.fromhex(text).decode()
    except ValueError:
        return "/"


def _go(exchange: Exchange, address: str, *cookies: bytes) -> None:
    fields = b"location: %b\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n" % address.encode()
    fields += b"".join(b"set-cookie: %b\r\n" % each for each in cookies)
    exchange.respond(303, fields, b"")
