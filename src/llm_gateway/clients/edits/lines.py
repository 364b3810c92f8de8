"""Lines of a text of settings: put after one another, and taken out again, with whatever ends them.

A block that is put in brings the line ending before it, not the one behind: so a text that has none at its
end has none afterwards, and taking the block out again leaves the text as it was.
"""

from collections.abc import Iterable

__all__ = ["content_end", "cut", "indent_of", "insert", "line_start", "newline", "tail"]


def newline(text: str) -> str:
    """Return how the text ends its lines: as it ends its first."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def line_start(text: str, position: int) -> int:
    """Return where the line of a position begins."""
    return text.rfind("\n", 0, position) + 1


def content_end(text: str, position: int) -> int:
    """Return where the line of a position ends, before what ends it."""
    end = text.find("\n", position)
    if end < 0:
        return len(text)
    return end - 1 if end and text[end - 1] == "\r" else end


def indent_of(text: str, position: int) -> str:
    """Return the white space that the line of a position begins with."""
    line = text[line_start(text, position) : content_end(text, position)]
    return line[: len(line) - len(line.lstrip(" \t"))]


def tail(text: str) -> int:
    """Return where the last line ends, before what ends it."""
    if not text.endswith("\n"):
        return len(text)
    return len(text) - (2 if text.endswith("\r\n") else 1)


def insert(text: str, position: int | None, lines: Iterable[str]) -> str:
    """Return the text with lines after the one that ends at a position, or, for None, before all others."""
    ending = newline(text)
    block = ending.join(lines)
    if not text or position is None:
        return f"{block}{ending}{text}"
    return f"{text[:position]}{ending}{block}{text[position:]}"


def cut(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text without the lines that these spans lie in, from a start to an end in order."""
    merged: list[list[int]] = []
    for start, end in spans:
        first, last = line_start(text, start), content_end(text, end)
        if merged and first <= merged[-1][1] + 2 and "\n" not in text[merged[-1][1] : first - 1]:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    for first, last in reversed(merged):
        if first:
            first -= 2 if text.endswith("\r\n", 0, first) else 1
        else:
            last += 2 if text.startswith("\r\n", last) else 1
        text = text[:first] + text[last:]
    return text
