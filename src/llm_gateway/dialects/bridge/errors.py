"""Refusals of bridges: a status as of HTTP, the kind, and a sentence with the way out."""

import msgspec

from llm_gateway.canonical.response import Failure
from llm_gateway.wire.ready import ready

__all__ = ["Refused", "decode_error", "encode_refusal"]

_MAX_TEXT = 4096


@ready
class Refused(msgspec.Struct, frozen=True):
    """Why a bridge did not answer; `kind` is one of `bridges.faults`."""

    kind: str
    message: str
    param: str = ""


@ready
class _Envelope(msgspec.Struct, frozen=True):
    error: Refused


def encode_refusal(refused: Refused) -> bytes:
    """Return the body of a refusal."""
    return msgspec.json.encode(_Envelope(refused))


def decode_error(status: int, body: bytes) -> Failure:
    """Read a refusal; what is none is told by its status."""
    try:
        refused = msgspec.json.decode(body, type=_Envelope).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failure(status, f"the bridge answered {status} and did not say why")
    return Failure(
        status, refused.message[:_MAX_TEXT], kind=refused.kind, code=refused.kind, param=refused.param
    )
