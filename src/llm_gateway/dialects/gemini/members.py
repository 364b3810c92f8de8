"""Members of decoded JSON, checked one at a time: what each must be, and which of them nobody understands.

Not a schema: what a member means is known where it is read. The API takes every name in camel case and in
snake case, one object where a list is due, and numbers as text (protobuf.dev, "ProtoJSON"); so do we.
Messages name the place, never what stands there.
"""

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.gemini.response import UNREADABLE
from llm_gateway.errors import MalformedRequest

__all__ = [
    "Json",
    "compact",
    "listed",
    "lose",
    "lose_unknown",
    "members_of",
    "named",
    "optional",
    "says_nothing",
    "text_of",
    "value_of",
    "wrong",
]

Json: TypeAlias = Mapping[str, object]

_T = TypeVar("_T")

_MAX_NAME = 64
_anything = msgspec.json.Decoder()
_members = msgspec.json.Decoder(dict[str, Raw])


def wrong(where: str, must: str) -> MalformedRequest:
    """Return the error of a member that is not what it must be."""
    return MalformedRequest(f"`{where}` must be {must}", param=where)


def named(fields: Mapping[str, _T], where: str = "") -> Mapping[str, _T]:
    """Return members by their names in camel case; refuse one that is there in both spellings."""
    if not any("_" in key for key in fields):
        return fields
    found: dict[str, _T] = {}
    for key, value in fields.items():
        name = _camel(key)
        if name in found:
            place = f"{where}.{name}" if where else name
            raise MalformedRequest(f"`{place}` is there twice, in two spellings", param=place)
        found[name] = value
    return found


def _camel(key: str) -> str:
    first, *rest = key.lstrip("_").split("_")
    return first + "".join([word[:1].upper() + word[1:] for word in rest])


def value_of(raw: Raw | None) -> object:
    """Return the value of a member; MalformedRequest when it holds what nobody can read alike."""
    if raw is None:
        return None
    try:
        value: object = _anything.decode(raw)
    except UNREADABLE:
        raise MalformedRequest("the body holds text that is not UTF-8, or a number out of range") from None
    return value


def optional(
    fields: Mapping[str, Raw], key: str, decoder: msgspec.json.Decoder[_T], must: str, where: str = ""
) -> _T | None:
    """Return a member of an object; None when it is absent or null."""
    raw = fields.get(key)
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        return decoder.decode(raw)
    except UNREADABLE:
        raise wrong(f"{where}{key}", must) from None


def members_of(fields: Mapping[str, Raw], key: str, where: str = "") -> Mapping[str, Raw]:
    """Return the members of an object that is a member; none when it is absent or null."""
    found = optional(fields, key, _members, "an object", where)
    return named(found, f"{where}{key}") if found else {}


def listed(value: object) -> object:
    """Return a list, where one object stands for a list of one."""
    return [value] if isinstance(value, dict) else value


def text_of(value: object, where: str) -> str:
    """Return a member that is text, "" when it is absent or null."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong(where, "a string")
    return value


def compact(raw: Raw) -> str:
    """Return JSON as text without its white space, which Google's servers put in."""
    return msgspec.json.format(bytes(raw), indent=-1).decode()


def says_nothing(value: object) -> bool:
    """Whether a member says no more than if it were not there."""
    return value is None or value is False or value in ((), [], {}, "", 0)


def lose(losses: Losses, prefix: str, key: str, why: str) -> None:
    """Report a loss by the name of its key, when that can be the name of something in a protocol."""
    plain = key.isascii() and len(key) <= _MAX_NAME and key.replace("-", "_").replace(".", "_").isidentifier()
    losses.add(f"{prefix}{key}" if plain else f"{prefix}(unknown)", why)


def lose_unknown(value: Json, known: frozenset[str], prefix: str, losses: Losses) -> None:
    """Report the members of an object that are not known and say something."""
    if value.keys() <= known:
        return
    for key in value:
        if key not in known and not says_nothing(value[key]):
            lose(losses, prefix, key, "not known outside of the dialect it came in")
