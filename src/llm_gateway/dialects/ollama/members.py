"""Members of a request, read one at a time: what each must be, and which of them nobody understands.

Not a schema: what a member means is known where it is read. Messages name the place, never what stands there.
`null` says as much as no member at all: that is how Go, in which Ollama is written, reads it.
"""

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.errors import MalformedRequest

__all__ = [
    "UNREADABLE",
    "Members",
    "flag",
    "items",
    "lose",
    "lose_unknown",
    "members",
    "number",
    "says_nothing",
    "text",
    "texts",
    "whole",
    "wrong",
]

Members: TypeAlias = Mapping[str, Raw]

_T = TypeVar("_T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_MAX_NAME = 64
_NOTHING = frozenset((b"null", b"false", b'""', b"[]", b"{}", b"0"))

_text = msgspec.json.Decoder(str)
_flag = msgspec.json.Decoder(bool)
_number = msgspec.json.Decoder(float)
_whole = msgspec.json.Decoder(int)
_items = msgspec.json.Decoder(list[Raw])
_members = msgspec.json.Decoder(dict[str, Raw])
_texts = msgspec.json.Decoder(list[str])


def wrong(where: str, must: str) -> MalformedRequest:
    """Return the error of a member that is not what it must be."""
    return MalformedRequest(f"`{where}` must be {must}", param=where)


def text(raw: Raw | None, where: str) -> str:
    """Return a member that is text; "" when it is absent."""
    return _read(raw, _text, where, "a string") or ""


def flag(raw: Raw | None, where: str) -> bool | None:
    """Return a member that is true or false."""
    return _read(raw, _flag, where, "true or false")


def number(raw: Raw | None, where: str) -> float | None:
    """Return a member that is a number."""
    return _read(raw, _number, where, "a number")


def whole(raw: Raw | None, where: str) -> int | None:
    """Return a member that is a whole number, however it is spelled: Go reads `4.0` as 4, too."""
    try:
        return _read(raw, _whole, where, "a whole number")
    except MalformedRequest:
        value = _read(raw, _number, where, "a whole number")
        if value is None or not value.is_integer():
            raise
        return int(value)


def items(raw: Raw | None, where: str) -> list[Raw]:
    """Return the items of a member that is a list."""
    return _read(raw, _items, where, "a list") or []


def texts(raw: Raw | None, where: str) -> list[str]:
    """Return a member that is a list of texts."""
    return _read(raw, _texts, where, "a list of strings") or []


def members(raw: Raw | None, where: str) -> Members:
    """Return the members of one that is an object."""
    return _read(raw, _members, where, "an object") or {}


def says_nothing(raw: Raw | None) -> bool:
    """Whether a member says no more than if it were not there."""
    return raw is None or (len(raw) < 6 and bytes(raw) in _NOTHING)


def lose(losses: Losses, prefix: str, key: str, why: str) -> None:
    """Report a loss by the name of its key, when that can be the name of something in a protocol."""
    plain = key.isascii() and len(key) <= _MAX_NAME and key.replace("-", "_").replace(".", "_").isidentifier()
    losses.add(f"{prefix}{key}" if plain else f"{prefix}(unknown)", why)


def lose_unknown(told: Members, known: frozenset[str], prefix: str, losses: Losses) -> None:
    """Report the members of an object that are not known and say something."""
    if told.keys() <= known:
        return
    for key, raw in told.items():
        if key not in known and not says_nothing(raw):
            lose(losses, prefix, key, "not known outside of the dialect it came in")


def _read(raw: Raw | None, decoder: msgspec.json.Decoder[_T], where: str, must: str) -> _T | None:
    if raw is None or (len(raw) == 4 and bytes(raw) == b"null"):
        return None
    try:
        return decoder.decode(raw)
    except UNREADABLE:
        raise wrong(where, must) from None
