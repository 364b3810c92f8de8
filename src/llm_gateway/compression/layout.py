"""How a JSON text is laid out: its whitespace taken away, and put back byte for byte.

On the text alone: numbers, strings and the order of keys stay as they are spelt. A text whose layout is not
one of a few known ones is none of ours.
"""

from typing import NamedTuple

import msgspec

__all__ = ["Layout", "laid_out", "laid_out_as"]

_SPACES = " \r\n\t"
_COMPACT = -1
_WIDEST = 8


class Layout(NamedTuple):
    """Spaces of indent, 0 for one line with spaces behind commas, -1 for none at all; and what is around."""

    indent: int
    head: str = ""
    tail: str = ""


def laid_out(text: str) -> tuple[str, Layout] | None:
    """Return a JSON text without its whitespace, and its layout; None where that is not exactly known."""
    body = text.strip(_SPACES)
    if len(body) < 2 or body[0] not in "[{" or body[-1] not in "]}":
        return None
    try:
        raw = body.encode()
        compact = msgspec.json.format(raw, indent=_COMPACT)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    indent = _COMPACT
    if compact != raw:
        indent = _indent(body)
        if indent > _WIDEST or msgspec.json.format(compact, indent=indent) != raw:
            return None
    at = text.index(body[0])
    return compact.decode(), Layout(indent, text[:at], text[at + len(body) :])


def laid_out_as(compact: str, layout: Layout) -> str:
    """Return a compact JSON text in a layout."""
    body = compact
    if layout.indent != _COMPACT:
        body = msgspec.json.format(compact.encode(), indent=layout.indent).decode()
    return layout.head + body + layout.tail


def _indent(body: str) -> int:
    """Return how many spaces the second line begins with, 0 where there is one line alone."""
    if body[1] != "\n":
        return 0
    inner = body[2 : 3 + _WIDEST]
    return len(inner) - len(inner.lstrip(" "))
