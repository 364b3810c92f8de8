"""Errors in the shape that Anthropic's clients read, ours and others', and what upstreams send as one.

Not a judge: which failure is worth another try is decided by its status, elsewhere. Clients decide by the
status and by `type`, Claude Code also by how the message begins.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from llm_gateway.canonical.response import Failure
from llm_gateway.errors import GatewayError

__all__ = [
    "decode_error",
    "encode_broken",
    "encode_error",
    "encode_failure",
    "encode_stream_error",
    "error_type",
]

# platform.claude.com, "Errors".
_TYPES: Mapping[int, str] = MappingProxyType(
    {
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        408: "timeout_error",
        409: "conflict_error",
        413: "request_too_large",
        429: "rate_limit_error",
        503: "overloaded_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
)
_OWN = frozenset((*_TYPES.values(), "invalid_request_error", "api_error"))

# How vendors say that a prompt is too long. Claude Code makes the conversation shorter when it is told so in
# Anthropic's words, and tries other things at first when it is not.
_TOO_LONG = "prompt is too long"
_SAID_TOO_LONG = (
    "context length",
    "context window",
    "maximum context",
    "exceeds the maximum number of tokens",
)

_MAX_TEXT = 4096  # long enough for any sentence about a request, too short for a page of HTML
_MAX_NAME = 256


class _Detail(msgspec.Struct, omit_defaults=True):
    type: str
    message: str
    code: str = ""
    param: str = ""


class _Envelope(msgspec.Struct):
    type: str
    error: _Detail
    request_id: str | None = None


_encode = msgspec.json.encode
_anything = msgspec.json.Decoder()


def error_type(status: int) -> str:
    """Return Anthropic's word for errors of this status."""
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


def encode_error(error: GatewayError) -> bytes:
    """Return the body of an error answer."""
    return _body(_Detail(error_type(error.status), error.message))


def encode_stream_error(error: GatewayError) -> bytes:
    """Return the event that ends a stream with an error; no `message_stop` follows it."""
    return b"event: error\ndata: %b\n\n" % encode_error(error)


def encode_broken(message: str, kind: str) -> bytes:
    """Return the event that ends a translated stream; `kind` is whose ever word for what happened."""
    detail = _Detail("api_error", message, kind)
    if kind in _OWN:
        detail = _Detail(kind, message)
    return b"event: error\ndata: %b\n\n" % _body(detail)


def encode_failure(failure: Failure) -> bytes:
    """Return the body of an error that an upstream of another dialect answered with, in its words.

    The type is Anthropic's, because clients know no other; the upstream's own is told as `code`.
    """
    kind, message = failure.kind, failure.message
    own = kind if kind in _OWN else error_type(failure.status)
    code = failure.code or ("" if kind == own else kind)
    if failure.status in (400, 413, 422) and _is_too_long(failure):
        own = "invalid_request_error"
        if not message.lower().startswith(_TOO_LONG):
            message = f"{_TOO_LONG}: {message}"
    return _body(_Detail(own, message, code, failure.param))


def decode_error(status: int, body: bytes) -> Failure:
    """Read an error answer in any form that servers of this dialect give it."""
    try:
        told: object = _anything.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failure(status, _plain(body) or _nothing(status))
    match told:
        case {"error": dict(detail)}:
            pass
        case {"error": str(message)} | {"detail": str(message)} | str(message):
            return Failure(status, message[:_MAX_TEXT] or _nothing(status))
        case dict(detail):  # Bedrock's and others': the members without an envelope
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


def _body(detail: _Detail) -> bytes:
    return _encode(_Envelope("error", detail))


def _is_too_long(failure: Failure) -> bool:
    said = failure.message.lower()
    return (
        failure.code == "context_length_exceeded"
        or said.startswith(_TOO_LONG)
        or any(phrase in said for phrase in _SAID_TOO_LONG)
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
