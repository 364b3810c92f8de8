"""Errors in the shape that clients of OpenAI's Responses read, and the reading of what an upstream says.

A stream that fails ends with `response.failed`: its `error.code` is what Codex decides by whether to try
again (codex-rs, `codex-api/src/sse/responses.rs`).
"""

import msgspec

from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.contract import Seen
from llm_gateway.errors import GatewayError

__all__ = [
    "decode_error",
    "encode_error",
    "encode_failure",
    "encode_stream_error",
    "error_type",
    "stream_code",
]

# developers.openai.com, "Error codes": the SDKs choose their exception by the status, people and
# retry rules look at `type` and `code`.
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_MAX_TEXT = 4000

# How vendors say that a prompt is too long; clients know it by this code.
_TOO_LONG = "context_length_exceeded"
_SAID_TOO_LONG = (
    "prompt is too long",
    "context length",
    "context window",
    "exceeds the maximum number of tokens",
    "maximum context",
)


class _Detail(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class _Envelope(msgspec.Struct):
    error: _Detail


_encode = msgspec.json.encode
_value = msgspec.json.Decoder()


def error_type(status: int) -> str:
    """Return OpenAI's word for errors of this status."""
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")


def encode_error(error: GatewayError) -> bytes:
    """Return the body of an error answer."""
    detail = _Detail(error.message, error_type(error.status), error.param, error.kind)
    return _encode(_Envelope(detail))


def encode_stream_error(error: GatewayError, seen: Seen, sequence: int) -> bytes:
    """Return the event that ends a stream which passed through until here, as number `sequence`."""
    code = "invalid_prompt" if error.fault == "client" else "server_error"
    event = {
        "type": "response.failed",
        "sequence_number": sequence,
        "response": {
            "id": seen.response_id,
            "object": "response",
            "created_at": 0,  # the upstream's, which nobody kept
            "status": "failed",
            "error": {"code": code, "message": error.message},
            "incomplete_details": None,
            "model": seen.model,
            "output": [],
            "usage": None,
        },
    }
    return b"event: response.failed\ndata: %b\n\n" % _encode(event)


def stream_code(kind: str, message: str) -> str:
    """Return the code for an error of this kind inside a stream: whether to try again hangs on it.

    Codex gives up at `invalid_prompt`, `insufficient_quota`, `context_length_exceeded` and
    `server_is_overloaded`, each with words of its own, and tries again five times at anything else, at
    `rate_limit_exceeded` after the time that the message names (seen with 0.169.0).
    """
    word = kind.lower()
    if _is_too_long(word, message):
        return _TOO_LONG
    if word in ("insufficient_quota", "billing_error", "invalid_prompt", "rate_limit_exceeded"):
        return "insufficient_quota" if word == "billing_error" else word
    if word in ("rate_limit_error", "resource_exhausted", "429"):
        return "rate_limit_exceeded"
    if word in ("overloaded_error", "unavailable", "server_is_overloaded", "503", "529"):
        return "server_is_overloaded"
    if word in ("invalid_request_error", "invalid_request", "invalid_argument", "failed_precondition", "400"):
        return "invalid_prompt"
    return "server_error"


def decode_error(status: int, body: bytes) -> Failure:
    """Read an upstream's error answer, whatever its form; its words are kept."""
    try:
        told = _value.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body[:_MAX_TEXT].decode("utf-8", "replace").strip()
        return Failure(status, text or f"the upstream answered with status {status}")
    match told:
        case {"error": dict() as detail}:
            pass
        case {"error": str() as text}:
            detail = {"message": text}
        case {"detail": str() as text}:  # ChatGPT's backend and whatever is made with FastAPI
            detail = {"message": text}
        case {"detail": dict() as detail}:
            pass
        case {"detail": [dict() as first, *_]}:  # where a request is not what it must be
            where = first.get("loc")
            place = ".".join(str(key) for key in where if key != "body") if isinstance(where, list) else ""
            detail = {"message": first.get("msg"), "type": first.get("type"), "param": place}
        case dict() as detail:
            pass
        case _:
            detail = {}
    message = _word(detail, "message", _MAX_TEXT)
    return Failure(
        status,
        message or f"the upstream answered with status {status}",
        kind=_word(detail, "type"),
        code=_word(detail, "code"),
        param=_word(detail, "param"),
    )


def encode_failure(failure: Failure) -> bytes:
    """Return the body of an error that an upstream of another dialect answered with."""
    code: str | None = failure.code or failure.kind or None
    if failure.status in (400, 413) and _is_too_long(failure.kind.lower(), failure.message):
        code = _TOO_LONG
    detail = _Detail(failure.message, error_type(failure.status), failure.param or None, code)
    return _encode(_Envelope(detail))


def _is_too_long(word: str, message: str) -> bool:
    said = message.lower()
    return word == _TOO_LONG or any(phrase in said for phrase in _SAID_TOO_LONG)


def _word(detail: dict[object, object], key: str, limit: int = 256) -> str:
    value = detail.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value[:limit] if isinstance(value, str) else ""
