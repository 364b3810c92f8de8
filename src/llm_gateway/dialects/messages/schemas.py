"""JSON schemas as this dialect takes them: for answers a part of JSON Schema, for tools an object on top.

What the vendor's schemas cannot say is told to the model in the description beside it, as the vendor's own
SDKs do, and is a loss: nothing holds the model to it. platform.claude.com, "Structured outputs".
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.messages.members import Json
from llm_gateway.dialects.messages.response import UNREADABLE

__all__ = ["answer_schema", "input_schema"]

_object = msgspec.json.Decoder(dict[str, object])
_encode = msgspec.json.encode

_EMPTY = Raw(b'{"type":"object","properties":{}}')
_COMBINED = frozenset(("anyOf", "oneOf", "allOf"))
_TAKEN = frozenset(
    (
        *("$defs", "definitions", "$ref", "type", "enum", "const", "anyOf", "allOf"),
        *("properties", "required", "additionalProperties", "items", "description", "title", "default"),
    )
)
_SILENT = frozenset(("$schema", "$id", "$comment", "examples"))  # say nothing of what is valid
_FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
_MAX_DEPTH = 64


def input_schema(raw: Raw | None, losses: Losses) -> Raw | Json:
    """Return the schema of a tool's input, which must be an object that says so on top."""
    if raw is None:
        return _EMPTY
    try:
        schema = _object.decode(raw)
    except UNREADABLE:
        losses.add("tools.parameters", "a schema that is no object")
        return _EMPTY
    if schema.get("type") == "object" and schema.keys().isdisjoint(_COMBINED):
        return raw
    kept = {key: value for key, value in schema.items() if key not in _COMBINED}
    if len(kept) < len(schema) or kept.get("type") not in (None, "object"):
        losses.add("tools.parameters", "the input of a tool is one kind of object here")
    return {**kept, "type": "object"}


def answer_schema(raw: Raw, losses: Losses) -> Json | None:
    """Return the schema that holds the answer; None when it is none."""
    try:
        schema = _object.decode(raw)
    except UNREADABLE:
        return None
    return _narrowed(schema, losses, 0)


def _narrowed(schema: Json, losses: Losses, depth: int) -> dict[str, object]:
    kept: dict[str, object] = {}
    beside: dict[str, object] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs", "definitions") and isinstance(value, dict):
            kept[key] = {name: _inner(part, losses, depth) for name, part in value.items()}
        elif key in ("anyOf", "oneOf", "allOf") and isinstance(value, list):
            kept["anyOf" if key == "oneOf" else key] = [_inner(part, losses, depth) for part in value]
        elif key == "items":
            kept[key] = _inner(value, losses, depth)
        elif (
            key in _TAKEN
            or (key == "format" and value in _FORMATS)
            or (key == "minItems" and value in (0, 1))
        ):
            kept[key] = value
        elif key not in _SILENT:
            beside[key] = value
    if kept.get("type") == "object" or "properties" in kept:
        if kept.get("additionalProperties", False) is not False:
            losses.add(
                "response_format.additionalProperties", "an answer has the properties named, and no others"
            )
        kept["additionalProperties"] = False
    if beside:
        losses.add(
            "response_format.schema", "rules that this dialect's schemas cannot say are told to the model"
        )
        told = _encode(beside).decode()
        before = kept.get("description")
        kept["description"] = f"{before}\n\n{told}" if isinstance(before, str) and before else told
    return kept


def _inner(value: object, losses: Losses, depth: int) -> object:
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        return _narrowed(value, losses, depth + 1)
    return value
