"""Values of a JSON text found where they stand, and written over: every other byte stays.

Not a JSON library: what the values are was read before, by a decoder; here is only where they are. A quote
inside a JSON string is never bare, so that a key between bare quotes is a key, however deep it stands.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

__all__ = ["Splice", "behind", "elements", "locate", "splice"]

Splice = tuple[int, int, bytes]
"""From where to where something is written over, and what is written instead."""

_WHITESPACE = b" \t\n\r"
_BEFORE_A_KEY = b"{," + _WHITESPACE
_COMMA = 0x2C
_SPELT = re.compile(rb'[{,][ \t\r\n]*("(?:[^"\\]|\\.)*")[ \t\r\n]*:')
_ESCAPES = (b"\\u", b"\\/")  # by which the same key may be spelt otherwise

_text = msgspec.json.Decoder(str)


def elements(body: bytes, start: int, values: Iterable[bytes]) -> Iterator[int]:
    """Return where each element stands of the array that begins at `start`."""
    position = start + 1
    for value in values:
        if body[position] in _WHITESPACE:
            position = _past(body, position)
        yield position
        position += len(value)
        if body[position] != _COMMA:
            position = _past(body, position)
        position += 1  # the comma; or, behind the last one, the bracket


def behind(body: bytes, position: int, end: int) -> tuple[int, bytes]:
    """Return where an array that ends at `end` goes on behind one of its elements, and the rest as an array.

    The rest begins at that place, as if its bracket were there.
    """
    position = _past(body, position)
    return position, b"[" + body[position + (body[position] == _COMMA) : end]


def locate(text: bytes, key: bytes, values: Sequence[bytes]) -> list[int] | None:
    """Return where the values of a key stand in a text that are all that it has of their kind, in order.

    `key` has its quotes; values are of a kind when they begin alike. None when there are others, or fewer:
    then it cannot be told which are meant; nor can it when the key stands there spelt otherwise, too.
    """
    if any(escape in text for escape in _ESCAPES) and _is_spelt_otherwise(text, key):
        return None
    found: list[int] = []
    kind = values[0][:1]
    position = 0
    while (at := text.find(key, position)) >= 0:
        position = at + len(key)
        if text[at - 1] not in _BEFORE_A_KEY:  # inside a string: a backslash is before its quotes
            continue
        if not text.startswith(b":", position):
            position = _past(text, position)
            if not text.startswith(b":", position):
                continue  # a string that says the same as the key
        position += 1
        if text[position] in _WHITESPACE:
            position = _past(text, position)
        if not text.startswith(kind, position):
            continue
        if len(found) == len(values) or not text.startswith(values[len(found)], position):
            return None
        found.append(position)
        position += len(values[len(found) - 1])
    return found if len(found) == len(values) else None


def splice(body: bytes, splices: Sequence[Splice]) -> bytes:
    """Return the body with these places, which are in order, written over; itself where there are none."""
    if not splices:
        return body
    pieces: list[bytes | memoryview] = []
    whole = memoryview(body)
    done = 0
    for start, end, written in splices:
        pieces.append(whole[done:start])
        pieces.append(written)
        done = end
    pieces.append(whole[done:])
    return b"".join(pieces)


def _is_spelt_otherwise(text: bytes, key: bytes) -> bool:
    """Whether an object in a text has a key that says the same as this one in other letters."""
    said = _text.decode(key)
    for found in _SPELT.finditer(text):
        if b"\\" in found[1] and found[1] != key and _text.decode(found[1]) == said:
            return True
    return False


def _past(body: bytes, position: int) -> int:
    while body[position] in _WHITESPACE:
        position += 1
    return position
