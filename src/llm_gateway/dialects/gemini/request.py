"""Requests in the `gemini` dialect: what routing reads of them, and the names of the model that may change.

The model and the verb stand in the path. A body names the model only where the API wants it a second time
(embeddings, a count of a whole request), as a resource. Not a validator: the upstream judges the rest.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from msgspec import Raw

from llm_gateway.dialects.contract import Call, Kind, Path
from llm_gateway.dialects.gemini.seals import BYPASS, ENVELOPE
from llm_gateway.errors import MalformedRequest
from llm_gateway.wire.jsonedit import Document, MalformedJson

__all__ = ["STREAM", "address", "is_stream", "kind", "method", "path", "read_call", "target"]

STREAM = "streamGenerateContent"
_KINDS: Mapping[str, Kind] = {
    "generateContent": "generate",
    STREAM: "generate",
    "countTokens": "count",
    "embedContent": "embed",
    "batchEmbedContents": "embed",
}
_RESOURCE = "models/"
_GOOGLES = "gemini"  # in the name of a model; behind any other name may be a gateway that knows its envelopes
_SEALED = re.compile(rb'("thought(?:S|_s)ignature"\s*:\s*)"%b[\w+/=-]*"' % ENVELOPE)
_UNSEALED = rb'\g<1>"%b"' % BYPASS.encode()

# Longer than any model name in use; names go to the ledger, into headers and on screens.
_MAX_MODEL = 512

_text = msgspec.json.Decoder(str)
_list = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.encode


def kind(operation: str) -> Kind:
    """Return what an operation is for."""
    return _KINDS.get(operation, "native")


def read_call(body: bytes, path: Path) -> Call:
    """Read which model is asked and whether for a stream; raise MalformedRequest with what is at fault."""
    try:
        document = Document.parse(body)
    except MalformedJson as error:
        raise MalformedRequest(str(error)) from None
    model = path.model.removeprefix(_RESOURCE)
    if not model or model.isspace():
        raise MalformedRequest(
            "the path names no model: name one between `models/` and the colon, as in `GET /v1beta/models`",
            param="model",
        )
    if len(model) > _MAX_MODEL:
        raise MalformedRequest(f"the model's name is longer than {_MAX_MODEL} characters", param="model")
    if not model.isprintable():
        raise MalformedRequest("the model's name holds characters that cannot be printed", param="model")
    # Usage is part of every answer of this dialect: nobody has to ask for it, nothing is taken out.
    return Call(
        path.operation, model, path.operation == STREAM, wants_usage=True, document=document, query=path.query
    )


def address(call: Call, model: str) -> bytes:
    """Return the body for this model, every other byte as it came.

    The API refuses a body whose `model` is another one than the path's, and signatures that are not Google's:
    those that calls of another provider's model were given do not go to Gemini.
    """
    body, fields = call.document.body, call.document.fields
    changes: dict[str, bytes] = {}
    if ENVELOPE in body and _GOOGLES in model.lower() and (contents := fields.get("contents")) is not None:
        unsealed = _SEALED.sub(_UNSEALED, bytes(contents))
        if unsealed != bytes(contents):
            changes["contents"] = unsealed
    if model == call.model:
        return call.document.edit(changes) if changes else body
    if (told := fields.get("model")) is not None:
        changes["model"] = _renamed(told, model)
    if (requests := fields.get("requests")) is not None:
        changes["requests"] = _all_renamed(requests, model)
    for key in ("generateContentRequest", "generate_content_request"):
        if (inner := fields.get(key)) is not None:
            changes[key] = _inner_renamed(inner, model)
    return call.document.edit(changes) if changes else call.document.body


def target(call: Call, model: str) -> str:
    """Return where below the endpoint's path a call goes, its query included."""
    place = method(model, call.operation)
    return f"{place}?{call.query}" if call.query else place


def path(model: str, *, stream: bool) -> str:
    """Return where below the endpoint's path an encoded request goes."""
    return f"{method(model, STREAM)}?alt=sse" if stream else method(model, "generateContent")


def is_stream(call: Call, content_type: bytes) -> bool:
    """Whether an answer is a stream: events, or without `alt=sse` one array that grows."""
    return content_type.startswith(b"text/event-stream") or (
        call.stream and content_type.startswith(b"application/json")
    )


def method(model: str, verb: str) -> str:
    """Return the path of a verb of this model."""
    return f"{_RESOURCE}{quote(model.removeprefix(_RESOURCE), safe='')}:{verb}"


def _renamed(told: Raw, model: str) -> bytes:
    """Return the model's name in the form in which the client gave it; what is no name stays."""
    try:
        name = _text.decode(told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return bytes(told)
    return _encode(f"{_RESOURCE}{model}" if name.startswith(_RESOURCE) else model)


def _inner_renamed(inner: Raw, model: str) -> bytes:
    try:
        document = Document.parse(bytes(inner))
    except MalformedJson:
        return bytes(inner)
    told = document.fields.get("model")
    return bytes(inner) if told is None else document.edit({"model": _renamed(told, model)})


def _all_renamed(requests: Raw, model: str) -> bytes:
    try:
        inner = _list.decode(requests)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return bytes(requests)
    return b"[%b]" % b",".join([_inner_renamed(each, model) for each in inner])
