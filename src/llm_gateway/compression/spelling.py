"""How the values of a JSON text are spelt, so that the same text can be written again from the values.

Three ways are known: with characters as they are, with all but ASCII escaped, and with numbers that are kept
as they stand. A text that is spelt in another way is none of ours.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from llm_gateway.compression.places import Value

__all__ = ["AS_SPELT", "ESCAPED", "PLAIN", "Spelling", "Spelt", "spelling_of"]


class Spelt(str):
    """A number as it stands in the text."""

    __slots__ = ()


class Spelling(NamedTuple):
    """A way to spell: how a text is read, a value written, a string quoted."""

    read: Callable[[str], Value]
    write: Callable[[Value], str]
    quote: Callable[[str], str]


def spelling_of(compact: str) -> tuple[Spelling, Value] | None:
    """Return how a compact JSON text is spelt, and its value."""
    ways = (ESCAPED, AS_SPELT) if "\\u" in compact and compact.isascii() else (PLAIN, AS_SPELT)
    for spelling in ways:
        try:
            value = spelling.read(compact)
            if spelling.write(value) == compact:
                return spelling, value
        except (ValueError, RecursionError):  # msgspec.DecodeError is a ValueError
            continue
    return None


def _plain(value: Value) -> str:
    return msgspec.json.encode(value).decode()


def _as_spelt(value: Value) -> str:
    if type(value) is Spelt:
        return value
    if isinstance(value, dict):
        return "{" + ",".join([f"{_quote(key)}:{_as_spelt(each)}" for key, each in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_as_spelt, value)) + "]"
    return _plain(value)


_quote: Callable[[str], str] = json.encoder.encode_basestring
_quote_ascii: Callable[[str], str] = json.encoder.encode_basestring_ascii

PLAIN = Spelling(msgspec.json.decode, _plain, _quote)
ESCAPED = Spelling(json.loads, partial(json.dumps, separators=(",", ":")), _quote_ascii)
AS_SPELT = Spelling(partial(json.loads, parse_float=Spelt, parse_int=Spelt), _as_spelt, _quote)
