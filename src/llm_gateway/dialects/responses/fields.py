"""Members of a request's JSON values, read with a complaint that names the place where something is wrong.

Not a validator of the whole: each reader of items, parts and tools asks for the members that it understands
and reports the others as lost.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.errors import MalformedRequest

__all__ = ["UNREADABLE", "decoded", "is_given", "named", "report_strays", "required", "text"]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_MAX_NAME = 48
_value = msgspec.json.Decoder()


def is_given(raw: Raw) -> bool:
    """Whether a member is there and is not null."""
    return len(raw) > 4 or (len(raw) > 0 and bytes(raw) != b"null")


def decoded(raw: Raw, where: str) -> object:
    """Return a JSON value as Python has it."""
    try:
        value: object = _value.decode(raw)
    except UNREADABLE:
        raise MalformedRequest(f"`{where}` cannot be read as JSON in UTF-8", param=where) from None
    return value


def text(fields: Mapping[str, object], key: str, where: str) -> str:
    """Return a string member; "" when it is missing or null."""
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedRequest(f"`{where}.{key}` must be a string", param=f"{where}.{key}")
    return value


def required(fields: Mapping[str, object], key: str, where: str) -> str:
    """Return a string member that must not be missing or empty."""
    value = text(fields, key, where)
    if not value:
        raise MalformedRequest(f"`{where}.{key}` is missing: it must be a string", param=f"{where}.{key}")
    return value


def named(word: str) -> str:
    """Return a word of the protocol as the name of a loss may hold it; what is no such word is not told."""
    return word if word.isascii() and word.isidentifier() and len(word) <= _MAX_NAME else "unknown"


def report_strays(fields: Mapping[str, object], known: frozenset[str], what: str, losses: Losses) -> None:
    """Report members that nobody reads, but for those that say nothing."""
    for key in fields.keys() - known:
        if fields[key] not in (None, "", [], {}):
            losses.add(f"{what}.{named(key)}", "not known to other dialects")
