"""Requests in the `ollama` dialect: what routing reads of them, and the one key that may change.

Not a validator: whatever the upstream should judge passes as it came. What is said of Ollama in this folder
is from its repository: `docs/api.md`, `api/types.go` and `server/routes.go` of ollama/ollama.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.dialects.contract import Call, Kind, Path
from llm_gateway.errors import MalformedRequest
from llm_gateway.wire.jsonedit import Document, MalformedJson

__all__ = ["OPERATIONS", "address", "is_stream", "kind", "read_call", "target"]

OPERATIONS = ("chat", "generate", "embed", "embeddings")
_KINDS: Mapping[str, Kind] = {
    "chat": "generate",
    "generate": "generate",
    "embed": "embed",
    "embeddings": "embed",
}
# Streaming is the rule here: `stream` is true where nobody says otherwise.
_STREAMING = frozenset(("chat", "generate", "pull", "push", "create"))

_MAX_MODEL = 512

_text = msgspec.json.Decoder(str)
_encode = msgspec.json.encode


def kind(operation: str) -> Kind:
    """Return what an operation is for; those that keep models in store are this dialect's alone."""
    return _KINDS.get(operation, "native")


def read_call(body: bytes, path: Path) -> Call:
    """Read the model and whether a stream is wanted; raise MalformedRequest with the field at fault."""
    try:
        document = Document.parse(body)
    except MalformedJson as error:
        raise MalformedRequest(str(error)) from None
    fields = document.fields
    stream = path.operation in _STREAMING
    if stream and (raw := fields.get("stream")) is not None:
        stream = _flag(raw)
    # Counts are part of every answer of this dialect: nobody has to ask for them, nothing is taken out.
    return Call(
        operation=path.operation,
        model=_model(fields.get(_model_key(fields))),
        stream=stream,
        wants_usage=True,
        document=document,
        query=path.query,
    )


def address(call: Call, model: str) -> bytes:
    """Return the body for this model, every other byte as it came."""
    if model == call.model:
        return call.document.body
    return call.document.edit({_model_key(call.document.fields): _encode(model)})


def target(call: Call) -> str:
    """Return where below the endpoint's path, which ends in `/api`, a call goes."""
    return f"{call.operation}?{call.query}" if call.query else call.operation


def is_stream(call: Call, content_type: bytes) -> bool:
    """Whether an answer with this content type is a stream.

    Lines of JSON say so themselves. A call for a stream may also be answered as `application/json`: with
    a single object (a model loaded or unloaded), or with lines by servers that name them so.
    """
    if content_type.startswith(b"application/x-ndjson"):
        return True
    return call.stream and content_type.startswith(b"application/json")


def _model_key(fields: Mapping[str, Raw]) -> str:
    """Return the key of the model: operations on models call it `name` in requests of older clients."""
    return "name" if "model" not in fields and "name" in fields else "model"


def _model(raw: Raw | None) -> str:
    if raw is None:
        raise MalformedRequest("`model` is missing: name a model, as in `GET /api/tags`", param="model")
    try:
        model = _text.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedRequest("`model` must be a string", param="model") from None
    if not model or model.isspace():
        raise MalformedRequest("`model` is empty: name a model, as in `GET /api/tags`", param="model")
    if len(model) > _MAX_MODEL:
        raise MalformedRequest(f"`model` is longer than {_MAX_MODEL} characters", param="model")
    if not model.isprintable():
        raise MalformedRequest("`model` holds characters that cannot be printed", param="model")
    return model


def _flag(raw: Raw) -> bool:
    text = bytes(raw)
    if text in (b"true", b"null"):
        return True
    if text == b"false":
        return False
    raise MalformedRequest("`stream` must be true or false", param="stream")
