"""What an access token says of itself, read without any check: to be shown, never to be trusted.

Whether a token is good is for the service that it is shown to. One that cannot be read says nothing.
"""

import base64
import binascii

import msgspec

from llm_gateway.wire.ready import ready

__all__ = ["Claims", "claims_of"]

_FOREVER = 1e11  # seconds; beyond the calendar
_LONGEST = 200


class Claims(msgspec.Struct, frozen=True):
    """When a token ends, in microseconds since 1970 or 0, whom it is for, and what it allows."""

    expires_us: int = 0
    audience: str = ""
    scopes: tuple[str, ...] = ()


@ready
class _Payload(msgspec.Struct, frozen=True):
    exp: float = 0
    aud: str | list[str] = ""
    scp: str = ""


_payload = msgspec.json.Decoder(_Payload, strict=False)


def claims_of(token: str) -> Claims:
    """Return what a token says of itself (RFC 7519); nothing when it is no JSON Web Token."""
    pieces = token.split(".")
    if len(pieces) != 3:
        return Claims()
    try:
        text = base64.b64decode(pieces[1] + "=" * (-len(pieces[1]) % 4), altchars=b"-_", validate=True)
        payload = _payload.decode(text)
    except (binascii.Error, msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        return Claims()
    expires_us = round(payload.exp * 1_000_000) if 0 < payload.exp < _FOREVER else 0
    audience = payload.aud if isinstance(payload.aud, str) else " ".join(payload.aud)
    shown = "".join(letter for letter in audience if letter.isprintable())[:_LONGEST]
    return Claims(expires_us, shown, tuple(payload.scp.split()))
