"""Lines that a reading tool has numbered: one heading with the first and last number, and the lines plain."""

import re
from typing import NamedTuple

__all__ = ["Numbering", "Segment", "segments"]

# `cat -n` pads to six columns and sets a tab, Claude Code's reading tool an arrow, SWE-agent's a colon.
_NUMBERED = re.compile(r"( *)([1-9]\d{0,8})([\t→:|])")
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


class Segment(NamedTuple):
    """A stretch of a text: its lines without numbers, and how they were numbered, if they were."""

    lines: list[str]
    numbering: Numbering | None = None

    def text(self) -> list[str]:
        """Return the lines as they were in the text."""
        return self.lines if self.numbering is None else self.numbering.put(self.lines)


def segments(lines: list[str]) -> list[Segment]:
    """Cut a text into stretches that are numbered one by one, three lines or more, and others."""
    found: list[Segment] = []
    plain: list[str] = []
    at, end = 0, len(lines)
    match = _NUMBERED.match
    while at < end:
        line = lines[at]
        told = match(line) if line[:1] == " " or line[:1].isdigit() else None
        if told is not None:
            width = len(told[1]) + len(told[2]) if told[1] else 1
            numbering = Numbering(int(told[2]), width, told[3])
            stripped = _stripped(lines, at, numbering)
            if len(stripped) >= _FEWEST:
                if plain:
                    found.append(Segment(plain))
                    plain = []
                found.append(Segment(stripped, numbering))
                at += len(stripped)
                continue
        plain.append(line)
        at += 1
    if plain or not found:
        found.append(Segment(plain))
    return found


def _stripped(lines: list[str], at: int, numbering: Numbering) -> list[str]:
    """Return the lines from here on that are numbered so, without their numbers."""
    first, width, mark = numbering
    found: list[str] = []
    for number, line in enumerate(lines[at:] if at else lines, first):
        before = f"{number:>{width}}{mark}"
        if not line.startswith(before):
            break
        found.append(line[len(before) :])
    return found
