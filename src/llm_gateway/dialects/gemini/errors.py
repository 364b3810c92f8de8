"""Errors in the shape that Google's clients read, ours and those of others, and what upstreams send as one.

Not a judge: which failure is worth another try is decided by its status, elsewhere. Clients decide by `code`
and by `status`, one of the names of google.rpc.Code; whatever else there is to tell stands in the details.
"""

from collections.abc import Mapping
from math import ceil
from types import MappingProxyType

import msgspec

from llm_gateway.canonical.response import Failure
from llm_gateway.errors import GatewayError

__all__ = ["decode_error", "encode_broken", "encode_error", "encode_failure", "rpc_status"]

# google/rpc/code.proto tells the HTTP status of each name; the others are the nearest.
_NAMES: Mapping[int, str] = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        408: "DEADLINE_EXCEEDED",
        409: "ABORTED",
        422: "FAILED_PRECONDITION",
        429: "RESOURCE_EXHAUSTED",
        499: "CANCELLED",
        501: "UNIMPLEMENTED",
        502: "UNAVAILABLE",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
        529: "UNAVAILABLE",
    }
)
_CODES: Mapping[str, int] = MappingProxyType(
    {name: code for code, name in _NAMES.items() if code not in (502, 408, 529)}
)
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_RETRY = "type.googleapis.com/google.rpc.RetryInfo"
_DOMAIN = "llm-gateway"

_MAX_TEXT = 4096  # long enough for any sentence about a request, too short for a page of HTML
_MAX_NAME = 256


class _Info(msgspec.Struct, omit_defaults=True, tag=_INFO, tag_field="@type"):
    reason: str
    domain: str = ""
    metadata: Mapping[str, str] = {}


class _Retry(msgspec.Struct, rename="camel", tag=_RETRY, tag_field="@type"):
    retry_delay: str


class _Detail(msgspec.Struct, omit_defaults=True):
    code: int
    message: str
    status: str
    details: tuple[_Info | _Retry, ...] = ()


class _Envelope(msgspec.Struct):
    error: _Detail


_encode = msgspec.json.encode
_anything = msgspec.json.Decoder()


def rpc_status(status: int) -> str:
    """Return Google's name for errors of this HTTP status."""
    return _NAMES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")


def encode_error(error: GatewayError) -> bytes:
    """Return the body of an error answer, which is the last piece of a stream as well."""
    metadata = {"param": error.param} if error.param else {}
    details: tuple[_Info | _Retry, ...] = (_Info(error.kind, _DOMAIN, metadata),)
    if error.retry_after is not None:  # where Google says it; Gemini CLI looks here
        details += (_Retry(f"{max(ceil(error.retry_after), 1)}s"),)
    return _encode(_Envelope(_Detail(error.status, error.message, rpc_status(error.status), details)))


def encode_broken(message: str, kind: str) -> bytes:
    """Return the last piece of a translated stream; `kind` is whose ever word for what happened."""
    status = _CODES.get(kind, 500)
    details = () if not kind or kind in _CODES else (_Info(kind),)
    return _encode(_Envelope(_Detail(status, message, rpc_status(status), details)))


def encode_failure(failure: Failure) -> bytes:
    """Return the body of an error that an upstream of another dialect answered with, in its words."""
    reason = failure.code or failure.kind
    metadata = {
        name: value
        for name, value in (("kind", failure.kind), ("param", failure.param))
        if value and value != reason
    }
    details = (_Info(reason, metadata=metadata),) if reason or metadata else ()
    return _encode(_Envelope(_Detail(failure.status, failure.message, rpc_status(failure.status), details)))


def decode_error(status: int, body: bytes) -> Failure:
    """Read an error answer in any form that servers of this dialect give it."""
    try:
        told: object = _anything.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failure(status, _plain(body) or _nothing(status))
    if isinstance(told, list) and told:  # a request for a stream without `alt=sse` fails in an array
        told = told[0]
    match told:
        case {"error": dict(detail)}:
            pass
        case {"error": str(message)} | {"detail": str(message)} | str(message):
            return Failure(status, message[:_MAX_TEXT] or _nothing(status))
        case dict(detail):
            pass
        case _:
            return Failure(status, _nothing(status))
    code, param = _from_details(detail.get("details"))
    return Failure(
        status,
        _text(detail.get("message"), _MAX_TEXT) or _nothing(status),
        kind=_text(detail.get("status")),
        code=code,
        param=param,
    )


def _from_details(details: object) -> tuple[str, str]:
    """Return the reason (google.rpc.ErrorInfo) and the field at fault (google.rpc.BadRequest)."""
    reason = field = ""
    for each in details if isinstance(details, list) else ():
        match each:
            case {"reason": str(told)}:
                reason = reason or told[:_MAX_NAME]
            case {"fieldViolations": [{"field": str(told)}, *_]}:
                field = field or told[:_MAX_NAME]
    return reason, field


def _text(value: object, limit: int = _MAX_NAME) -> str:
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
