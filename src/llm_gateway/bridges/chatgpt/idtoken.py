"""Who signed in: the ID token, checked against the keys of its issuer. Only RS256.

OpenID Connect Core 1.0, 3.1.3.7; RFC 7515, 7517, 8725. Nothing in it is trusted before its signature, and
what it tells of the person beside an opaque id, a name or an e-mail address, is not read at all.
"""

import base64
import binascii
import hmac

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from llm_gateway.wire.ready import ready

__all__ = ["Expected", "IdTokenRefused", "subject_of"]

_LEEWAY = 120.0  # seconds that two machines' clocks may differ by
_LEAST_BITS = 2048
_LONGEST = 32 * 1024


class IdTokenRefused(Exception):
    """The token does not prove what it should; the text says why, and nothing of what it holds."""


class Expected(msgspec.Struct, frozen=True):
    """What a token has to say: who made it, for whom, in answer to which sign-in; `now` is in seconds."""

    issuer: str
    client: str
    nonce: str
    now: float


@ready
class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str = ""
    crit: list[str] | None = None


@ready
class _Claims(msgspec.Struct, frozen=True):
    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    iat: float
    nonce: str = ""
    nbf: float = 0.0
    azp: str = ""


@ready
class _Key(msgspec.Struct, frozen=True):
    kty: str = ""
    kid: str = ""
    use: str = "sig"
    alg: str = "RS256"
    n: str = ""
    e: str = ""


@ready
class _Keys(msgspec.Struct, frozen=True):
    keys: list[_Key]


_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError, binascii.Error, ValueError)


def subject_of(token: str, keys: bytes, expected: Expected) -> str:
    """Return the opaque id of who signed in; `keys` is the issuer's key set. IdTokenRefused says why not."""
    pieces = token.split(".")
    if len(pieces) != 3 or len(token) > _LONGEST or not token.isascii():
        raise IdTokenRefused("it is no signed token")
    try:
        header = msgspec.json.decode(_decoded(pieces[0]), type=_Header)
        signature = _decoded(pieces[2])
    except _UNREADABLE:
        raise IdTokenRefused("it cannot be read") from None
    if header.alg != "RS256" or header.crit is not None:
        raise IdTokenRefused("it is signed in another way than was agreed")
    try:
        _key(header.kid, keys).verify(
            signature, f"{pieces[0]}.{pieces[1]}".encode("ascii"), PKCS1v15(), SHA256()
        )
    except InvalidSignature:
        raise IdTokenRefused("its signature is wrong") from None
    try:
        claims = msgspec.json.decode(_decoded(pieces[1]), type=_Claims)
    except _UNREADABLE:
        raise IdTokenRefused("it cannot be read") from None
    _check(claims, expected)
    return claims.sub


def _check(claims: _Claims, expected: Expected) -> None:
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != expected.issuer:
        raise IdTokenRefused("somebody else made it")
    if expected.client not in audience or claims.azp not in (
        ("", expected.client) if len(audience) == 1 else (expected.client,)
    ):
        raise IdTokenRefused("it is for another client")
    if not hmac.compare_digest(claims.nonce.encode(), expected.nonce.encode()):
        raise IdTokenRefused("it answers another sign-in")
    if claims.exp <= expected.now - _LEEWAY:
        raise IdTokenRefused("it has expired; is this machine's clock right?")
    if max(claims.iat, claims.nbf) > expected.now + _LEEWAY:
        raise IdTokenRefused("it is from the future; is this machine's clock right?")
    if not claims.sub:
        raise IdTokenRefused("it does not say whose it is")


def _key(kid: str, keys: bytes) -> RSAPublicKey:
    try:
        known = msgspec.json.decode(keys, type=_Keys).keys
        fit = [
            key
            for key in known
            if (key.kty, key.use, key.alg) == ("RSA", "sig", "RS256") and (key.kid == kid or not kid)
        ]
        if len(fit) != 1:
            raise IdTokenRefused("its key is not among the issuer's")
        made = RSAPublicNumbers(_number(fit[0].e), _number(fit[0].n)).public_key()
    except _UNREADABLE:
        raise IdTokenRefused("the issuer's keys cannot be read") from None
    if made.key_size < _LEAST_BITS:
        raise IdTokenRefused("its key is too short")
    return made


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
