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
    """A way to spell: how a text is read, a value written, a string quoted, several values each alone."""

    read: Callable[[str], Value]
    write: Callable[[Value], str]
    quote: Callable[[str], str]
    write_each: Callable[[list[Value]], list[str]]


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


_encoder = msgspec.json.Encoder()
_encode, _encode_lines = _encoder.encode, _encoder.encode_lines


def _plain(value: Value) -> str:
    return _encode(value).decode()


def _plain_each(values: list[Value]) -> list[str]:
    return _encode_lines(values).decode().split("\n")[:-1]  # in JSON, what is within a string is escaped


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

_ascii: Callable[[Value], str] = partial(json.dumps, separators=(",", ":"))


def _ascii_each(values: list[Value]) -> list[str]:
    return list(map(_ascii, values))


def _as_spelt_each(values: list[Value]) -> list[str]:
    return list(map(_as_spelt, values))


PLAIN = Spelling(msgspec.json.decode, _plain, _quote, _plain_each)
ESCAPED = Spelling(json.loads, _ascii, _quote_ascii, _ascii_each)
AS_SPELT = Spelling(
    partial(json.loads, parse_float=Spelt, parse_int=Spelt), _as_spelt, _quote, _as_spelt_each
)
