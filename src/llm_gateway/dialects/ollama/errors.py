"""Errors in the shape that Ollama's clients read, ours and those of others, and what upstreams send as one.

There is one member, `error`, and it is a sentence (docs/api/errors.mdx): kinds and codes have no place.
Not a judge: which failure is worth another try is decided by its status, elsewhere.
"""

import msgspec

from llm_gateway.canonical.response import Failure
from llm_gateway.errors import GatewayError

__all__ = ["decode_error", "encode_broken", "encode_error", "encode_failure"]

_MAX_TEXT = 4096  # long enough for any sentence about a request, too short for a page of HTML
_MAX_NAME = 256
_SIGN_IN = "run `ollama signin` on the machine of the Ollama server"


class _Envelope(msgspec.Struct):
    error: str


_encode = msgspec.json.encode
_anything = msgspec.json.Decoder()


def encode_error(error: GatewayError) -> bytes:
    """Return the body of an error answer."""
    return _encode(_Envelope(error.message))


def encode_broken(message: str) -> bytes:
    """Return the line that ends a stream with an error; without a `done`, nobody takes it for whole."""
    return _encode(_Envelope(message)) + b"\n"


def encode_failure(failure: Failure) -> bytes:
    """Return the body of an error that an upstream of another dialect answered with, in its words."""
    return _encode(_Envelope(failure.message))


def decode_error(status: int, body: bytes) -> Failure:
    """Read an error answer in any form that servers of this dialect give it."""
    try:
        told: object = _anything.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failure(status, _plain(body) or _nothing(status))
    match told:
        case {"error": str(message), "signin_url": str()}:  # a model of the cloud, without a login
            return Failure(status, f"{message[:_MAX_TEXT]}: {_SIGN_IN}")
        case {"error": str(message)} | {"detail": str(message)} | {"message": str(message)} | str(message):
            return Failure(status, message[:_MAX_TEXT] or _nothing(status))
        case {"error": dict(detail)}:  # a proxy in front of it that speaks as OpenAI does
            pass
        case _:
            return Failure(status, _nothing(status))
    return Failure(
        status,
        _text(detail.get("message"), _MAX_TEXT) or _nothing(status),
        kind=_text(detail.get("type")),
        code=_text(detail.get("code")),
        param=_text(detail.get("param")),
    )


def _text(value: object, limit: int = _MAX_NAME) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value[:limit] if isinstance(value, str) else ""


def _plain(body: bytes) -> str:
    """Return a body that is a sentence; "" for a page or bytes that are no text."""
    try:
        text = body[: 4 * _MAX_TEXT].decode().strip()
    except UnicodeDecodeError:
        return ""
    return "" if text.startswith("<") else text[:_MAX_TEXT]


def _nothing(status: int) -> str:
    return f"the upstream answered with status {status} and nothing that says why"
