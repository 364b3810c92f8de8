"""How a JSON text is laid out: its whitespace taken away, and put back byte for byte.

On the text alone: numbers, strings and the order of keys stay as they are spelt. A text whose layout is not
one of a few known ones is none of ours.
"""

import msgspec

__all__ = ["COMPACT", "laid_out", "laid_out_as"]

COMPACT = -1
"""The layout without any whitespace. 0: one line, with spaces; from 1 on: so many spaces of indent."""

_WIDEST = 8


def laid_out(text: str) -> tuple[str, int] | None:
    """Return a JSON text without its whitespace, and its layout; None where that is not exactly known."""
    try:
        raw = text.encode()
        compact = msgspec.json.format(raw, indent=COMPACT)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    if compact == raw:
        return text, COMPACT
    indent = _indent(text)
    if indent > _WIDEST or msgspec.json.format(compact, indent=indent) != raw:
        return None
    return compact.decode(), indent


def laid_out_as(compact: str, indent: int) -> str:
    """Return a compact JSON text in a layout."""
    if indent == COMPACT:
        return compact
    return msgspec.json.format(compact.encode(), indent=indent).decode()


def _indent(text: str) -> int:
    """Return how many spaces the second line begins with, 0 where there is one line alone."""
    if text[1:2] != "\n":
        return 0
    inner = text[2 : 3 + _WIDEST]
    return len(inner) - len(inner.lstrip(" "))
