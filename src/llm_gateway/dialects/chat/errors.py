"""Errors in the shape that OpenAI's clients read, ours and those of others, and what upstreams send as one.

Not a judge: which failure is worth another try is decided by its status, elsewhere.
"""

import msgspec

from llm_gateway.canonical.response import Failure
from llm_gateway.errors import GatewayError

__all__ = ["decode_error", "encode_broken", "encode_error", "encode_failure", "encode_stream_error"]

# developers.openai.com, "Error codes": the SDKs choose their exception by the status, people and
# retry rules look at `type` and `code`.
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

# Words for `type` that clients of this dialect know; other vendors' are told as `code`.
_OWN = frozenset(
    (
        *_TYPES.values(),
        "invalid_request_error",
        "server_error",
        "service_unavailable_error",
        "insufficient_quota",
        "requests",
        "tokens",
    )
)
# What other vendors' words mean inside a stream, where there is no status to go by.
_OF_STREAMS = {
    "RESOURCE_EXHAUSTED": "rate_limit_error",
    "429": "rate_limit_error",
    "billing_error": "insufficient_quota",
    "INVALID_ARGUMENT": "invalid_request_error",
}

# Clients of this dialect know a prompt that is too long by its code; other vendors say it in words alone.
_TOO_LONG = "context_length_exceeded"
_SAID_TOO_LONG = (
    "prompt is too long",
    "context length",
    "context window",
    "exceeds the maximum number of tokens",
)

_MAX_TEXT = 4096  # long enough for any sentence about a request, too short for a page of HTML
_MAX_NAME = 256


class _Detail(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class _Envelope(msgspec.Struct):
    error: _Detail


_encode = msgspec.json.encode
_anything = msgspec.json.Decoder()


def encode_error(error: GatewayError) -> bytes:
    """Return the body of an error answer."""
    return _encode(_Envelope(_Detail(error.message, _type_of(error.status), error.param, error.kind)))


def encode_stream_error(error: GatewayError) -> bytes:
    """Return the event that ends a stream with an error; without a `[DONE]`, nobody takes it for whole."""
    return b"data: %b\n\n" % encode_error(error)


def encode_broken(message: str, kind: str) -> bytes:
    """Return the event that ends a translated stream; `kind` is whose ever word for what happened."""
    known = kind if kind in _OWN else _OF_STREAMS.get(kind, "server_error")
    return b"data: %b\n\n" % _encode(_Envelope(_Detail(message, known, None, kind or None)))


def encode_failure(failure: Failure) -> bytes:
    """Return the body of an error that an upstream of another dialect answered with, in its words.

    The type is OpenAI's, because clients know no other; the upstream's own is told as `code`.
    """
    kind = failure.kind if failure.kind in _OWN else _type_of(failure.status)
    code = failure.code or ("" if failure.kind == kind else failure.kind)
    said = failure.message.lower()
    if not failure.code and failure.status in (400, 413) and any(phrase in said for phrase in _SAID_TOO_LONG):
        code = _TOO_LONG
    return _encode(_Envelope(_Detail(failure.message, kind, failure.param or None, code or None)))


def decode_error(status: int, body: bytes) -> Failure:
    """Read an error answer in any form that servers of this dialect give it."""
    try:
        told: object = _anything.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failure(status, _plain(body) or _nothing(status))
    if isinstance(told, list) and told:  # Google's server of this dialect puts the object into a list
        told = told[0]
    match told:
        case {"error": dict(detail)}:
            pass
        case {"error": str(message)} | {"detail": str(message)} | str(message):
            return Failure(status, message[:_MAX_TEXT] or _nothing(status))
        case {"detail": [dict(first), *_]}:  # FastAPI's, where a request is not what it must be
            where = first.get("loc")
            place = ".".join(str(key) for key in where if key != "body") if isinstance(where, list) else ""
            detail = {"message": first.get("msg"), "type": first.get("type"), "param": place}
        case dict(detail):  # vLLM until 0.10 and Mistral: the members without an envelope
            pass
        case _:
            return Failure(status, _nothing(status))
    message = _text(detail.get("message"), _MAX_TEXT) or _text(detail.get("detail"), _MAX_TEXT)
    return Failure(
        status,
        message or _nothing(status),
        kind=_text(detail.get("type")) or _text(detail.get("status")),
        code=_text(detail.get("code")),
        param=_text(detail.get("param")),
    )


def _type_of(status: int) -> str:
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")


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
