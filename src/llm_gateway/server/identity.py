"""A provider of logins, asked as OpenID Connect says: where it answers, its keys, a code for who somebody is.

What it says is believed only when its signature, issuer, audience, time and nonce are right. Nothing of it is
kept: no access token is asked anything, no refresh token wanted. Signatures are checked by joserfc, which the
extra `oidc` brings; it is loaded when the first person signs in.
"""

import asyncio
import base64
import hmac
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.config.oidc import OidcSettings
from llm_gateway.errors import ConfigError
from llm_gateway.vault import Secret, read_private
from llm_gateway.wire.ready import ready

__all__ = ["Claims", "Fetch", "Provider", "Refused", "allowed", "fetch", "is_listed", "secret_of"]

T = TypeVar("T")

Fetch = Callable[[str, bytes | None, Mapping[str, str]], bytes]
"""Return what a URL answers with, to a POST when there is a body; OSError when it does not answer well."""

# No symmetric ones: their key would be the client's secret, which is not what vouches for anybody.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_EXTRA = "pip install 'llm-gateway-server[oidc]'"
_LEEWAY_S = 60
_FRESH_S = 3600.0
_AGAIN_S = 30.0
_TIMEOUT_S = 10.0
_MOST_BYTES = 512 * 1024
# Anybody may begin a sign-in: a provider that does not answer is not to hold the threads that others need.
_MOST_ASKING, _MOST_WAITING = 2, 32
_PAUSE_S = 5.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class Refused(Exception):
    """What a provider said cannot be believed or used; the message is for the log and holds no secret."""


@ready
class Claims(msgspec.Struct, frozen=True):
    """What an ID token says, as far as it matters here."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    iat: float
    nonce: str = ""
    azp: str = ""
    email: str = ""
    email_verified: bool | str = False


@ready
class _Discovered(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


@ready
class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


class Provider:
    """The provider that is configured. `get` asks it, in a thread."""

    def __init__(
        self, settings: OidcSettings, secret: Secret | None, clock: Clock, get: Fetch | None = None
    ) -> None:
        self.settings = settings
        self._secret = secret
        self._clock = clock
        self._get = get or fetch
        self._discovered: _Discovered | None = None
        self._discovered_at = 0.0
        self._keys: object = None
        self._keys_at = 0.0
        self._failed = ""
        self._failed_at = 0.0
        self._asking = asyncio.Semaphore(_MOST_ASKING)
        self._waiting = 0

    async def address(self, asked: Mapping[str, str]) -> str:
        """Return where a browser signs in, with what is asked for there; Refused when nobody says so."""
        known = await self._discover()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "scope": " ".join(self.settings.scopes),
            **asked,
        }
        joint = "&" if urlsplit(known.authorization_endpoint).query else "?"
        return f"{known.authorization_endpoint}{joint}{urlencode(query)}"

    async def claims(self, code: str, verifier: str, redirect_uri: str, nonce: str) -> Claims:
        """Return what the provider says of who brought a code; Refused when that is not to be believed."""
        known = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": self.settings.client_id,
        }
        fields = dict(_FORM)
        if self._secret is not None:
            secret = self._secret.reveal()
            methods = known.token_endpoint_auth_methods_supported
            if "client_secret_basic" in methods or "client_secret_post" not in methods:
                # RFC 6749, 2.3.1: both are form-encoded first.
                pair = f"{quote_plus(self.settings.client_id)}:{quote_plus(secret)}"
                fields["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
                del form["client_id"]
            else:
                form["client_secret"] = secret
        answer = await self._fetch(known.token_endpoint, urlencode(form).encode(), fields)
        token = _read(answer, _Tokens, "what it answered to the code").id_token
        claims = await self._verified(token, known)
        self._judge(claims, nonce)
        return claims

    def _judge(self, claims: Claims, nonce: str) -> None:
        """Raise Refused for a token of somebody else's, for somebody else, of another time or sign-in."""
        now = self._clock.now_us() / 1_000_000
        audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        client = self.settings.client_id
        wrong = {
            "is of another issuer": claims.iss != self.settings.issuer,
            "is for another client": client not in audience,
            "was asked for by another client": claims.azp not in ("", client)
            or (len(audience) > 1 and claims.azp != client),
            "is out of date": claims.exp <= now - _LEEWAY_S,
            "is from the future": claims.iat > now + _LEEWAY_S,
            "belongs to another sign-in": not hmac.compare_digest(claims.nonce.encode(), nonce.encode()),
            "names nobody": not claims.sub,
        }
        for what, is_so in wrong.items():
            if is_so:
                raise Refused(f"the ID token {what}")

    async def _verified(self, token: str, known: _Discovered) -> Claims:
        # An extra: who has no provider of logins does without.
        jwt = importlib.import_module("joserfc.jwt")
        errors = importlib.import_module("joserfc.errors")
        for again in (False, True):
            keys = await self._key_set(known, again)
            try:
                decoded = jwt.decode(token, keys, algorithms=_ALGORITHMS)
            except (errors.JoseError, ValueError) as error:
                # A key that is not known may be one that the provider has begun to use since.
                if again or not self._may_look_again():
                    raise Refused(f"the ID token's signature is not right: {type(error).__name__}") from None
                continue
            try:
                return msgspec.convert(decoded.claims, Claims)
            except msgspec.ValidationError as error:
                raise Refused(f"the ID token does not say what it has to: {error}") from None
        raise AssertionError("the second turn returns or raises")

    def _may_look_again(self) -> bool:
        return self._clock.monotonic() - self._keys_at >= _AGAIN_S

    async def _key_set(self, known: _Discovered, again: bool) -> object:
        now = self._clock.monotonic()
        if again or self._keys is None or now - self._keys_at > _FRESH_S:
            jwk = importlib.import_module("joserfc.jwk")
            data = _read(await self._fetch(known.jwks_uri), dict[str, object], "the list of its keys")
            try:
                self._keys = jwk.KeySet.import_key_set(data)
            except (ValueError, KeyError, TypeError) as error:
                raise Refused(f"its keys cannot be used: {type(error).__name__}") from None
            self._keys_at = now
        return self._keys

    async def _discover(self) -> _Discovered:
        now = self._clock.monotonic()
        if self._discovered is None or now - self._discovered_at > _FRESH_S:
            if self._failed and now - self._failed_at < _PAUSE_S:
                raise Refused(self._failed)
            try:
                self._discovered, self._failed = await self._described(), ""
            except Refused as why:
                self._failed, self._failed_at = str(why), self._clock.monotonic()
                raise
            self._discovered_at = now
        return self._discovered

    async def _described(self) -> _Discovered:
        issuer = self.settings.issuer
        place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        found = _read(await self._fetch(place), _Discovered, "its description")
        if found.issuer != issuer:
            raise Refused(f"{place} describes {found.issuer[:200]!r}: dashboard.oidc.issuer is to be that")
        secure = urlsplit(issuer).scheme == "https"
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if secure and urlsplit(url).scheme != "https":
                raise Refused(f"{place} names an address without TLS: {url[:200]!r}")
        return found

    async def _fetch(self, url: str, body: bytes | None = None, fields: Mapping[str, str] = _FORM) -> bytes:
        if self._waiting >= _MOST_WAITING:
            raise Refused(f"{self._waiting} sign-ins wait for it already")
        self._waiting += 1
        try:
            async with self._asking:
                return await asyncio.to_thread(self._get, url, body, fields)
        except OSError as error:
            raise Refused(f"{url.partition('?')[0][:200]} does not answer: {error}") from None
        finally:
            self._waiting -= 1


def allowed(settings: OidcSettings, claims: Claims) -> str:
    """Return what somebody is called who is let in, "" for all others."""
    if claims.email and claims.email_verified is True and is_listed(settings, claims.email.lower()):
        return claims.email.lower()
    # A subject may be of its holder's choosing: one that looks like an address has not been verified as one.
    return claims.sub if claims.sub in settings.allowed and "@" not in claims.sub else ""


def is_listed(settings: OidcSettings, who: str) -> bool:
    """Return whether somebody of this e-mail address or subject is let in now."""
    if not settings.issuer:
        return False
    domain = f"@{who.rpartition('@')[2]}" if "@" in who else ""
    listed = {each.lower() for each in settings.allowed if "@" in each}
    return who in settings.allowed or who in listed or domain in listed


def secret_of(settings: OidcSettings, environ: Mapping[str, str]) -> Secret | None:
    """Return the client's secret, None for a client that has none; ConfigError when it is not there.

    ConfigError, too, when what checks signatures is not installed.
    """
    if importlib.util.find_spec("joserfc") is None:
        raise ConfigError(f"dashboard.oidc: what it takes is not installed: {_EXTRA}")
    name, path = settings.client_secret_env, settings.client_secret_file
    if name:
        if not environ.get(name, "").strip():
            raise ConfigError(f"dashboard.oidc.client_secret_env: the variable {name} is not set")
        return Secret(environ[name].strip())
    if path:
        data = read_private(Path(path).expanduser())
        if not data or not data.strip():
            raise ConfigError(f"dashboard.oidc.client_secret_file: {path} is missing or empty")
        return Secret(data.decode("utf-8", "replace").strip())
    return None


def fetch(url: str, body: bytes | None, fields: Mapping[str, str]) -> bytes:
    """Return what a URL answers with; nothing is followed elsewhere, and nothing is read without end."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OSError(0, "it is not an address")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=_TIMEOUT_S)
    try:
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("GET" if body is None else "POST", target, body, dict(fields))
        reply = connection.getresponse()
        data = reply.read(_MOST_BYTES + 1)
    except HTTPException as error:
        raise OSError(0, f"it does not speak HTTP: {type(error).__name__}") from None
    finally:
        connection.close()
    if reply.status != 200 or len(data) > _MOST_BYTES:
        raise OSError(0, f"it answered {reply.status}" if reply.status != 200 else "it answered too much")
    return data


def _read(data: bytes, kind: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{what} cannot be read: {error}") from None
