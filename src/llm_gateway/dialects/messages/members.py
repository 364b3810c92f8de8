"""Members of decoded JSON, checked one at a time: what each must be, and which of them nobody understands.

Not a schema: what a member means is known where it is read. Messages name the place, never what stands there.
"""

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.messages.response import UNREADABLE
from llm_gateway.errors import MalformedRequest

__all__ = [
    "CACHED",
    "Json",
    "lose",
    "lose_unknown",
    "optional",
    "says_nothing",
    "text_of",
    "value_of",
    "wrong",
]

Json: TypeAlias = Mapping[str, object]

T = TypeVar("T")

CACHED = ("cache_control", "other providers decide by themselves what they cache")
"""The loss of a mark of what to cache, wherever it stood."""

_MAX_NAME = 64
_anything = msgspec.json.Decoder()


def wrong(where: str, must: str) -> MalformedRequest:
    """Return the error of a member that is not what it must be."""
    return MalformedRequest(f"`{where}` must be {must}", param=where)


def value_of(raw: Raw | None) -> object:
    """Return the value of a member whose JSON is known to be sound; None when there is none."""
    if raw is None:
        return None
    value: object = _anything.decode(raw)
    return value


def optional(fields: Mapping[str, Raw], key: str, decoder: msgspec.json.Decoder[T], must: str) -> T | None:
    """Return a member of the request; None when it is absent or null."""
    raw = fields.get(key)
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        return decoder.decode(raw)
    except UNREADABLE:
        raise wrong(key, must) from None


def text_of(value: object, where: str) -> str:
    """Return a member that is text, "" when it is absent or null."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong(where, "a string")
    return value


def says_nothing(value: object) -> bool:
    """Whether a member says no more than if it were not there."""
    return value is None or value is False or value in ((), [], {}, "", 0)


def lose(losses: Losses, prefix: str, key: str, why: str) -> None:
    """Report a loss by the name of its key, when that can be the name of something in a protocol."""
    plain = key.isascii() and len(key) <= _MAX_NAME and key.replace("-", "_").replace(".", "_").isidentifier()
    losses.add(f"{prefix}{key}" if plain else f"{prefix}(unknown)", why)


def lose_unknown(value: Json, known: frozenset[str], prefix: str, losses: Losses) -> None:
    """Report the members of an object that are not known and say something.

    Marks of what to cache may stand nearly everywhere; they are one loss.
    """
    if value.keys() <= known:
        return
    for key, told in value.items():
        if key in known or says_nothing(told):
            continue
        if key == "cache_control":
            losses.add(*CACHED)
        else:
            lose(losses, prefix, key, "not known outside of the dialect it came in")
