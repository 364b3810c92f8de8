"""Lines that a reading tool has numbered: one heading with the first and last number, and the lines plain."""

import re
from typing import NamedTuple

__all__ = ["Numbering", "numbered_from", "seems_numbered"]

# `cat -n` pads to six columns and sets a tab, Claude Code's reading tool a tab or an arrow, SWE-agent's a
# colon, opencode's (1.18) a colon and a space.
_NUMBERED = re.compile(r"( *)([1-9]\d{0,8})([\t→:|])")
_ANYWHERE = re.compile(r"(?m)^ *[1-9]\d{0,8}[\t→:|]")
_BEFORE_SPACE = (":", "|")
_FEWEST = 3


class Numbering(NamedTuple):
    """How lines are numbered: from which number on, in how many columns, before which mark."""

    first: int
    width: int
    mark: str

    def put(self, lines: list[str]) -> list[str]:
        """Return lines with their numbers."""
        first, width, mark = self
        return [f"{number:>{width}}{mark}{line}" for number, line in enumerate(lines, first)]


def seems_numbered(text: str) -> bool:
    """Return whether any line of a text begins like a numbered one, and there are enough of them."""
    return text.count("\n") >= _FEWEST - 1 and _ANYWHERE.search(text) is not None


def numbered_from(lines: list[str], at: int) -> tuple[Numbering, list[str]] | None:
    """Return how lines are numbered from one on, three or more, and the lines without their numbers."""
    told = _NUMBERED.match(lines[at])
    if told is None:
        return None
    first, mark = int(told[2]), told[3]
    width = len(told[1]) + len(told[2]) if told[1] else 1
    found: list[str] = []
    for index in range(at, len(lines)):  # a copy of all that follows, line by line, would take its square
        line = lines[index]
        before = f"{first + index - at:>{width}}{mark}"
        if not line.startswith(before):
            break
        found.append(line[len(before) :])
    if len(found) < _FEWEST:
        return None
    if mark in _BEFORE_SPACE and _are_spaced(found):
        return Numbering(first, width, mark + " "), [line[1:] for line in found]
    return Numbering(first, width, mark), found


def _are_spaced(lines: list[str]) -> bool:
    """Return whether a space before each line belongs to the mark: indents of code are even.

    What is left has to be what stands in the file: it is what a model quotes when it edits.
    """
    return min(len(line) - len(line.lstrip(" ")) for line in lines) % 2 == 1
