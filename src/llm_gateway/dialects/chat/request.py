"""Requests in the `chat` dialect: what routing reads of them, and the few keys that may change.

Not a validator: whatever the upstream should judge (messages, tools, unknown fields) passes as it came.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.dialects.contract import Call, Kind, Path
from llm_gateway.errors import MalformedRequest
from llm_gateway.wire.jsonedit import Document, MalformedJson

__all__ = ["OPERATIONS", "address", "is_stream", "kind", "read_call", "target"]

OPERATIONS = ("chat/completions", "completions", "embeddings")
_KINDS: Mapping[str, Kind] = {"chat/completions": "generate", "embeddings": "embed"}

# Longer than any model name in use; names go to the ledger, into headers and on screens.
_MAX_MODEL = 512

_text = msgspec.json.Decoder(str)
_encode = msgspec.json.encode


def kind(operation: str) -> Kind:
    """Return what an operation is for; Completions, without messages, is like nothing elsewhere."""
    return _KINDS.get(operation, "native")


def read_call(body: bytes, path: Path) -> Call:
    """Read the model and whether a stream is wanted; raise MalformedRequest with the field at fault."""
    try:
        document = Document.parse(body)
    except MalformedJson as error:
        raise MalformedRequest(str(error)) from None
    fields = document.fields
    stream = False
    if path.operation != "embeddings" and (raw := fields.get("stream")) is not None:
        stream = _flag(raw)
    return Call(
        operation=path.operation,
        model=_model(fields.get("model")),
        stream=stream,
        wants_usage=stream and _asks_usage(fields.get("stream_options")),
        document=document,
        query=path.query,
    )


def address(call: Call, model: str, *, ask_usage: bool) -> bytes:
    """Return the body for this model, every other byte as it came.

    With `ask_usage`, a stream whose client did not ask for its usage is made to report it; the other
    members of `stream_options` stay. The meter takes out what this brings in (`strip_usage`).
    """
    changes: dict[str, bytes] = {}
    if model != call.model:
        changes["model"] = _encode(model)
    if ask_usage and call.stream and not call.wants_usage:
        options = _with_usage(call.document.fields.get("stream_options"))
        if options is not None:
            changes["stream_options"] = options
    return call.document.edit(changes) if changes else call.document.body


def target(call: Call) -> str:
    """Return where below the endpoint's path a call goes: the model is in the body."""
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


def _asks_usage(options: Raw | None) -> bool:
    if options is None:
        return False
    try:
        return Document.parse(bytes(options)).fields.get("include_usage") == Raw(b"true")
    except MalformedJson:
        return False


def _with_usage(options: Raw | None) -> bytes | None:
    """Return `stream_options` with usage asked for; None when they are nothing that can be added to."""
    if options is None or bytes(options) == b"null":
        return b'{"include_usage":true}'
    try:
        return Document.parse(bytes(options)).edit({"include_usage": b"true"})
    except MalformedJson:
        return None
