"""Google's own schemas, a part of OpenAPI 3.0 with types in capitals, read into JSON Schema.

The other way round little is to be done: the API takes JSON Schema as it is, of a tool that of an object
("parameters schema should be of type OBJECT": tetsuo-ai/agenc-core issue 1904). Clients put capitals into
that, too (Gemini CLI does), so that what is said to be JSON Schema is looked at as well.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.gemini.members import Json, named, value_of

__all__ = ["parameters_schema", "read_json_schema", "read_schema"]

_encode = msgspec.json.encode

_TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
_LOWER = {each: each.lower() for each in _TYPES}
_QUOTED = tuple(f'"{each}"'.encode() for each in _TYPES)
# 64-bit numbers are text in ProtoJSON.
_COUNTS = frozenset(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"))
_RENAMED = {"defs": "$defs", "ref": "$ref", "defsRef": "$ref"}
_ORDER = "propertyOrdering"
_NULL = {"type": "null"}
_WHOLE = ("$ref", "allOf", "not", "const")  # what null cannot be put into
_MAX_DEPTH = 64


def parameters_schema(raw: Raw, losses: Losses) -> Raw | Json:
    """Return the schema of a tool's parameters, which must be that of an object and say so."""
    schema = value_of(raw)
    if isinstance(schema, dict):
        match schema.get("type"):
            case "object":
                return raw
            case None:
                return {"type": "object", **schema}
            case list(kinds) if "object" in kinds:
                return {**schema, "type": "object"}
    losses.add("tools.parameters", "a tool's parameters are an object here")
    return {"type": "object"}


def read_json_schema(raw: Raw, losses: Losses, what: str) -> Raw:
    """Return a JSON schema as it is, unless it holds types in capitals."""
    if any(word in bytes(raw) for word in _QUOTED):
        return read_schema(raw, losses, what)
    return raw


def read_schema(raw: Raw, losses: Losses, what: str) -> Raw:
    """Return the JSON schema that means what this one does; `what` names it in losses."""
    value = value_of(raw)
    return Raw(_encode(_read(value, losses, what, 0))) if isinstance(value, dict) else raw


def _read(schema: Json, losses: Losses, what: str, depth: int) -> dict[str, object]:
    if depth > _MAX_DEPTH:
        losses.add(what, "nested too deeply to be read")
        return {}
    told: dict[str, object] = {}
    fields = named(schema) if not any(key.startswith("$") for key in schema) else schema
    for key, value in fields.items():
        match key, value:
            case "type", str():
                if value != "TYPE_UNSPECIFIED":
                    told[key] = _LOWER.get(value, value)
            case "type", list():
                told[key] = [_LOWER.get(each, each) if isinstance(each, str) else each for each in value]
            case "properties" | "defs" | "$defs" | "definitions" | "patternProperties", dict():
                told[_RENAMED.get(key, key)] = {
                    name: _inner(part, losses, what, depth) for name, part in value.items()
                }
            case "anyOf" | "oneOf" | "allOf" | "prefixItems", list():
                told[key] = [_inner(part, losses, what, depth) for part in value]
            case "items" | "additionalProperties" | "not", _:
                told[key] = _inner(value, losses, what, depth)
            case "example", _:
                told["examples"] = [value]
            case "nullable" | "propertyOrdering", _:
                pass
            case "format", "enum":
                pass  # says what `enum` says
            case _, str() if key in _COUNTS and value.isdecimal():
                told[key] = int(value)
            case _:
                told[_RENAMED.get(key, key)] = value
    _order(told, fields.get(_ORDER))
    if fields.get("nullable") is True:
        _allow_null(told)
    return told


def _inner(value: object, losses: Losses, what: str, depth: int) -> object:
    return _read(value, losses, what, depth + 1) if isinstance(value, dict) else value


def _order(told: dict[str, object], names: object) -> None:
    """Put the properties into the order that is asked for: models write them as the schema has them."""
    properties = told.get("properties")
    if isinstance(names, list) and isinstance(properties, dict):
        first = {name: properties[name] for name in names if isinstance(name, str) and name in properties}
        told["properties"] = first | properties


def _allow_null(told: dict[str, object]) -> None:
    """Let null be valid, too; a schema that says nothing of types allows it already."""
    kind, values = told.get("type"), told.get("enum")
    choices = next((key for key in ("anyOf", "oneOf") if isinstance(told.get(key), list)), None)
    whole = [key for key in _WHOLE if key in told]
    if isinstance(values, list) and None not in values:
        told["enum"] = [*values, None]
    if isinstance(kind, str):
        told["type"] = [kind, "null"]
    elif isinstance(kind, list) and "null" not in kind:
        told["type"] = [*kind, "null"]
    if choices is not None and not whole:
        told[choices] = [*_list(told[choices]), _NULL]
    elif whole:
        moved = {key: told.pop(key) for key in (*_WHOLE, "anyOf", "oneOf") if key in told}
        told["anyOf"] = [moved, _NULL]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
