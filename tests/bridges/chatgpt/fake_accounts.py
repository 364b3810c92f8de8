"""OpenAI's sign-in service on loopback, as far as the bridge meets it; it checks what it is sent.

Shapes are those of developers.openai.com, siwc/token-sharing-open-source ("Registration and sign-in",
"Accounts and sessions", "Token reference"), trimmed. Every secret that it makes has the CANARY in it.
"""

import base64
import functools
import hashlib
import json
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from urllib.parse import parse_qs, parse_qsl, urlencode

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from scripted import Received
from scripted.wording import response

__all__ = ["CANARY", "PLAN", "RESOURCE", "SCOPES", "FakeAccounts", "Refusal", "a_key", "jwks", "signed"]

CANARY = "CANARY9c1d"
PLAN = "chatgpt.tokens.use.direct"
RESOURCE = "https://api.openai.com/v1"
SCOPES = ("openid", "profile", "email", "offline_access", "resource.invoke", PLAN)
_CALLBACK = re.compile(r"http://127\.0\.0\.1:\d{1,5}/auth/callback")
_HOST = re.compile(r"urn:uuid:[0-9a-f-]{36}")
_KEY_ID = "key-1"
_MONTH = 30 * 86_400


@dataclass(frozen=True)
class Refusal:
    """An answer that refuses: a status, a body, and more header fields."""

    status: int
    body: Mapping[str, object]
    fields: tuple[tuple[str, str], ...] = ()


@dataclass
class _Code:
    client: str
    challenge: str
    redirect: str
    nonce: str


@dataclass
class _Refresh:
    client: str
    made_s: float
    earliest_s: float
    spent: bool = False


@functools.cache
def a_key(number: int = 1) -> RSAPrivateKey:
    """Return a key, the same each time for a number."""
    return generate_private_key(65537, 2048)


def _piece(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed(
    claims: Mapping[str, object], header: Mapping[str, object] | None = None, key: RSAPrivateKey | None = None
) -> str:
    """Return a JSON Web Token, signed with RS256 whatever its header says."""
    told = f"{_piece(header or {'alg': 'RS256', 'kid': _KEY_ID, 'typ': 'JWT'})}.{_piece(claims)}"
    return f"{told}.{_piece((key or a_key()).sign(told.encode(), PKCS1v15(), SHA256()))}"


def jwks(*keys: RSAPrivateKey) -> bytes:
    """Return a set of keys; the first is the one that tokens are signed with."""
    told = []
    for number, key in enumerate(keys or (a_key(),), 1):
        public = key.public_key().public_numbers()
        told.append(
            {
                "kty": "RSA",
                "use": "sig",
                "alg": "RS256",
                "kid": f"key-{number}",
                "n": _piece(public.n.to_bytes(key.key_size // 8, "big")),
                "e": _piece(public.e.to_bytes(3, "big")),
            }
        )
    return json.dumps({"keys": told}).encode()


@dataclass
class FakeAccounts:
    """The service. `violations` are what no client may do; there are to be none."""

    now_s: float = 1_700_000_000.0
    lives: int = 3600
    early: int = 360
    """Seconds before the end of an access token from which on it may be renewed."""
    subject: str = f"user-{CANARY}"
    granted: Sequence[str] = SCOPES
    declines: bool = False
    claims: dict[str, object] = field(default_factory=dict)
    """Claims of the next ID tokens that are other than they should be."""
    keyless: bool = False
    rotates: bool = True
    """Whether there are refresh tokens at all."""
    dated: bool = True
    as_text: bool = False
    meanwhile: Callable[[], object] | None = None
    """What happens while a renewal is on its way."""
    exchanges: deque[Refusal] = field(default_factory=deque)
    renewals: deque[Refusal] = field(default_factory=deque)
    revokes: deque[Refusal] = field(default_factory=deque)
    registered: dict[str, str] = field(default_factory=dict)
    pages: list[dict[str, str]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    renewed: int = 0
    access: dict[str, float] = field(default_factory=dict)
    refresh: dict[str, _Refresh] = field(default_factory=dict)
    revoked: list[str] = field(default_factory=list)
    _issuer: str = ""
    _codes: dict[str, _Code] = field(default_factory=dict)
    _made: int = 0

    def respond(self, request: Received, path: str) -> bytes | None:
        """Answer a request; None for a path that is not the service's."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        match path:
            case "/api/accounts/authorize" if request.method == "GET":
                return self._authorize(dict(parse_qsl(request.target.partition("?")[2])), request)
            case "/api/accounts/oauth/token":
                return self._token(form)
            case "/api/accounts/oauth/revoke":
                return self._revoke(form)
            case "/.well-known/jwks.json":
                return response(404, b"") if self.keyless else response(200, jwks())
            case _:
                return None

    def spent(self) -> list[str]:
        """Return the refresh tokens that were used, or lost."""
        return [token for token, known in self.refresh.items() if known.spent]

    # a person agrees

    def _authorize(self, query: dict[str, str], request: Received) -> bytes:
        self.pages.append(query)
        self._issuer = f"http://{request.header('host')}"
        client = query.get("client_id", "")
        first = client == "dynamic_agent_client"
        right = {
            "a client": (first and bool(query.get("agent_name_hint"))) or client in self.registered,
            "no name of one that is known": first or "agent_name_hint" not in query,
            "a host": bool(_HOST.fullmatch(query.get("ext_agent_host_id", ""))),
            "a loopback address": bool(_CALLBACK.fullmatch(query.get("redirect_uri", ""))),
            "code": query.get("response_type") == "code",
            "the scopes": set(SCOPES) == set(query.get("scope", "").split()),
            "the resource": query.get("resource") == RESOURCE,
            "state and nonce": min(len(query.get("state", "")), len(query.get("nonce", ""))) >= 32,
            "S256": query.get("code_challenge_method") == "S256" and len(query["code_challenge"]) == 43,
        }
        if wrong := [what for what, well in right.items() if not well]:
            self.violations += wrong
            return response(400, json.dumps({"error": "invalid_request", "lacks": wrong}).encode())
        back = {"state": query["state"]}
        if self.declines:
            back["error"] = "access_denied"
        else:
            if first:
                self._made += 1
                client = f"oaiapp_{self._made}"
                self.registered[client] = self.subject
            code = self._secret("code")
            self._codes[code] = _Code(client, query["code_challenge"], query["redirect_uri"], query["nonce"])
            back |= {"code": code, "client_id": client}
        return response(302, b"", (("location", f"{query['redirect_uri']}?{urlencode(back)}"),))

    # tokens

    def _token(self, form: dict[str, str]) -> bytes:
        if form.get("resource") != RESOURCE or "client_secret" in form:
            self.violations.append("a token for another resource, or a secret")
        client = form.get("client_id", "")
        if client not in self.registered:
            return self._denied("invalid_client", 401)
        if form.get("grant_type") == "authorization_code":
            return self._exchange(client, form)
        if form.get("grant_type") == "refresh_token":
            return self._renew(client, form.get("refresh_token", ""))
        return self._denied("unsupported_grant_type")

    def _exchange(self, client: str, form: dict[str, str]) -> bytes:
        if self.exchanges:
            return _refusal(self.exchanges.popleft())
        code = self._codes.pop(form.get("code", ""), None)
        shown = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if code is None or (code.client, code.redirect) != (client, form.get("redirect_uri")):
            return self._denied("invalid_grant")
        if _piece(shown) != code.challenge:
            self.violations.append("a code without its verifier")
            return self._denied("invalid_grant")
        identity = {
            "iss": self._issuer,
            "aud": client,
            "sub": self.subject,
            "email": f"ada-{CANARY}@example.org",
            "nonce": code.nonce,
            "iat": int(self.now_s),
            "exp": int(self.now_s) + 3600,
            **self.claims,
        }
        return self._granted(client, {"id_token": signed(identity)})

    def _renew(self, client: str, token: str) -> bytes:
        if self.renewals:
            return _refusal(self.renewals.popleft())
        known = self.refresh.get(token)
        if known is None or known.client != client:
            return self._denied("invalid_grant")
        if known.spent:
            self.violations.append("a refresh token that was used before")
            return self._denied("refresh_token_reused", 401)
        known.spent = True
        if self.now_s < known.earliest_s:
            self.violations.append("a renewal that came too early")
            return self._denied("invalid_grant")
        if self.now_s - known.made_s > _MONTH:
            return self._denied("refresh_token_expired", 401)
        self.renewed += 1
        if self.meanwhile is not None:
            self.meanwhile()
        return self._granted(client, {})

    def _granted(self, client: str, more: dict[str, object]) -> bytes:
        access, refresh = self._secret("access"), self._secret("refresh")
        ends = self.now_s + self.lives
        self.access[access] = ends
        self.refresh[refresh] = _Refresh(client, self.now_s, ends - self.early)
        at = int(ends - self.early)
        told: dict[str, object] = {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": self.lives,
            "scope": " ".join(self.granted),
            "earliest_refresh_at": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
            if self.as_text
            else at,
            **more,
        }
        if not self.rotates:
            del told["refresh_token"]
        date = (("date", formatdate(self.now_s, usegmt=True)),) if self.dated else ()
        return response(200, json.dumps(told).encode(), date)

    def _revoke(self, form: dict[str, str]) -> bytes:
        if self.revokes:
            return _refusal(self.revokes.popleft())
        token = form.get("token", "")
        self.revoked.append(token)
        if token in self.refresh:
            self.refresh[token].spent = True
        return response(200, b"{}")

    def _denied(self, word: str, status: int = 400) -> bytes:
        """Return a refusal, in one of the two forms that there are; its sentence is not to be told."""
        sentence = f"It was {CANARY}'s."
        if word.startswith("refresh_token"):
            body: dict[str, object] = {
                "error": {"code": word, "message": sentence, "type": "invalid_request_error"}
            }
        else:
            body = {"error": word, "error_description": sentence}
        return response(status, json.dumps(body).encode())

    def _secret(self, what: str) -> str:
        self._made += 1
        return f"{CANARY}-{what}-{self._made}"


def _refusal(refusal: Refusal) -> bytes:
    return response(refusal.status, json.dumps(refusal.body).encode(), refusal.fields)
