"""A text cut into stretches that are numbered line by line, JSON texts on their own lines, and the rest.

Where a stretch begins and ends depends on the text alone.
"""

from typing import NamedTuple, TypeAlias

from llm_gateway.compression.layout import COMPACT, laid_out
from llm_gateway.compression.numbered import Numbering, numbered_from, seems_numbered

__all__ = ["JsonText", "Numbered", "Plain", "Segment", "segments"]

_CLOSING = {"{": "}", "[": "]"}
_SHORTEST_JSON = 40
_MOST_ATTEMPTS = 16  # at what begins like JSON and is none
_LONGEST_JSON = 400_000


class Plain(NamedTuple):
    """Lines as they are."""

    lines: list[str]


class Numbered(NamedTuple):
    """Lines without their numbers, and how they were numbered."""

    lines: list[str]
    numbering: Numbering


class JsonText(NamedTuple):
    """A JSON text, its compact form and its layout; `each`: an array of what stood one a line."""

    lines: list[str]
    compact: str
    indent: int
    each: bool


Segment: TypeAlias = Plain | Numbered | JsonText


def segments(text: str, lines: list[str]) -> list[Segment]:
    """Cut a text, given as a whole and as its lines."""
    numbers = seems_numbered(text)
    json = "{" in text or "[" in text
    if not numbers and not json:
        return [Plain(lines)]
    return _Cutting(lines, numbers).all()


class _Cutting:
    def __init__(self, lines: list[str], numbers: bool) -> None:
        self._lines = lines
        self._numbers = numbers
        self._attempts = 0

    def all(self) -> list[Segment]:
        """Return the stretches."""
        lines, numbers = self._lines, self._numbers
        found: list[Segment] = []
        at = begun = 0
        end = len(lines)
        while at < end:
            first = lines[at][:1]
            segment: Numbered | JsonText | None = None
            if first == "{" or first == "[":
                segment = self._json(at)
            elif numbers and (first == " " or first.isdigit()):
                told = numbered_from(lines, at)
                segment = None if told is None else Numbered(told[1], told[0])
            if segment is None:
                at += 1
                continue
            if begun < at:
                found.append(Plain(lines[begun:at]))
            found.append(segment)
            at = begun = at + len(segment.lines)
        if begun < end or not found:
            found.append(Plain(lines[begun:end] if begun else lines))
        return found

    def _json(self, at: int) -> JsonText | None:
        if self._attempts >= _MOST_ATTEMPTS:
            return None
        line = self._lines[at]
        closing = _CLOSING[line[0]]
        if len(line) == 1:
            return self._indented(at, closing)
        if line[-1] != closing or len(line) < _SHORTEST_JSON:
            return None
        return self._one_a_line(at) if line[0] == "{" else self._laid_out([line])

    def _indented(self, at: int, closing: str) -> JsonText | None:
        """Return the JSON text that begins here with a line of one brace and ends with another."""
        try:
            last = self._lines.index(closing, at + 1)
        except ValueError:
            self._attempts += 1
            return None
        return self._laid_out(self._lines[at : last + 1])

    def _one_a_line(self, at: int) -> JsonText | None:
        """Return the JSON objects that stand here, one a line."""
        compact: list[str] = []
        indent = COMPACT
        for index in range(at, len(self._lines)):
            line = self._lines[index]
            if line[:1] != "{" or line[-1:] != "}" or (found := laid_out(line)) is None:
                break
            one, layout = found
            if compact and layout != indent:
                break
            indent = layout
            compact.append(one)
        if not compact:
            self._attempts += 1
            return None
        lines = self._lines[at : at + len(compact)]
        if len(compact) == 1:
            return JsonText(lines, compact[0], indent, each=False)
        return JsonText(lines, "[" + ",".join(compact) + "]", indent, each=True)

    def _laid_out(self, lines: list[str]) -> JsonText | None:
        text = "\n".join(lines)
        found = laid_out(text) if len(text) <= _LONGEST_JSON else None
        if found is None:
            self._attempts += 1
            return None
        return JsonText(lines, found[0], found[1], each=False)
