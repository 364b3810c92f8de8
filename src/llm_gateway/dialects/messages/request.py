"""Requests in the `messages` dialect: what routing reads of them, and the one key that may change.

Not a validator: messages, tools and unknown fields are for the upstream to judge and pass as they came.
`decode.py` reads all of a request when it has to be translated.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.dialects.contract import Call, Kind, Path
from llm_gateway.errors import MalformedRequest
from llm_gateway.wire.jsonedit import Document, MalformedJson

__all__ = ["COUNT", "GENERATE", "address", "is_stream", "kind", "read_call", "target"]

GENERATE = "messages"
COUNT = "messages/count_tokens"
_KINDS: Mapping[str, Kind] = {GENERATE: "generate", COUNT: "count"}

# Longer than any model name in use; names go to the ledger, into headers and on screens.
_MAX_MODEL = 512

_text = msgspec.json.Decoder(str)
_encode = msgspec.json.encode


def kind(operation: str) -> Kind:
    """Return what an operation is for; batches and whatever else there is are this dialect's alone."""
    return _KINDS.get(operation, "native")


def read_call(body: bytes, path: Path) -> Call:
    """Read the model and whether a stream is wanted; raise MalformedRequest with the field at fault.

    The operations beside the two documented ones may name no model; the route decides then.
    """
    try:
        document = Document.parse(body)
    except MalformedJson as error:
        raise MalformedRequest(str(error)) from None
    fields = document.fields
    raw = fields.get("model")
    model = path.model if raw is None and path.operation not in _KINDS else _model(raw)
    stream = False
    if path.operation == GENERATE and (flag := fields.get("stream")) is not None:
        stream = _flag(flag)
    # Usage is part of every answer of this dialect: nobody has to ask for it, nothing is taken out.
    return Call(path.operation, model, stream, wants_usage=True, document=document, query=path.query)


def address(call: Call, model: str) -> bytes:
    """Return the body for this model, every other byte as it came."""
    if model == call.model or "model" not in call.document.fields:
        return call.document.body
    return call.document.edit({"model": _encode(model)})


def target(call: Call) -> str:
    """Return where below the endpoint's path a call goes, its query (`beta=true`) included."""
    return f"{call.operation}?{call.query}" if call.query else call.operation


def is_stream(content_type: bytes) -> bool:
    """Whether an answer with this content type is a stream, whatever was asked for."""
    return content_type.startswith(b"text/event-stream")


def _model(raw: Raw | None) -> str:
    if raw is None:
        raise MalformedRequest("`model` is missing: name a model, as in `GET /v1/models`", param="model")
    try:
        model = _text.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedRequest("`model` must be a string", param="model") from None
    if not model or model.isspace():
        raise MalformedRequest("`model` is empty: name a model, as in `GET /v1/models`", param="model")
    if len(model) > _MAX_MODEL:
        raise MalformedRequest(f"`model` is longer than {_MAX_MODEL} characters", param="model")
    if not model.isprintable():
        raise MalformedRequest("`model` holds characters that cannot be printed", param="model")
    return model


def _flag(raw: Raw) -> bool:
    text = bytes(raw)
    if text == b"true":
        return True
    if text in (b"false", b"null"):
        return False
    raise MalformedRequest("`stream` must be true or false", param="stream")
