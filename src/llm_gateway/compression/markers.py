"""The lines that stand in a compressed result for what was taken out of it: how they are written and read.

A marker is a line of its own. A line of the text that looks like one, or like one that was escaped, gets a
backslash before it, so that what stands without one was written here. A result holds markers only after it
was encoded: text that imitates them is never decoded.
"""

import re
from typing import NamedTuple

__all__ = ["Again", "Json", "Marker", "Numbers", "Same", "escape", "is_marker", "read_marker", "unescape"]

_LIKE = re.compile(r"\\*\[(?:lines \d|same as |previous |compact JSON)")

_MARKS = {"→": "", "\t": " tab", ":": " colon", "|": " bar"}
_MARK_OF = {name.strip(): mark for mark, name in _MARKS.items()}
_USUAL = 6  # columns that `cat -n` and Claude Code's reading tool pad numbers to
_QUOTED = 32

_NUMBERS = re.compile(r"\[lines ([1-9]\d{0,8})-(\d{1,9})(?: (tab|colon|bar))?(?: width (\d{1,2}))?\]")
_SAME = re.compile(
    r"\[same as (result \d+|call \d+ [A-Za-z_][A-Za-z_0-9.]*),? lines? (\d+)(?:-(\d+))?:.*\]", re.DOTALL
)
_AGAIN = re.compile(r"\[previous (?:line|(\d) lines) (\d{1,9}) more times?\]")
_JSON = re.compile(r"\[compact JSON(?:, indent (\d))?(, ASCII)?\]")


class Numbers(NamedTuple):
    """Lines that follow are numbered from `first` to `last`: padded to `width`, with a mark behind."""

    first: int
    last: int
    width: int
    mark: str

    def __str__(self) -> str:
        """Return the line."""
        width = "" if self.width == _USUAL else f" width {self.width}"
        return f"[lines {self.first}-{self.last}{_MARKS[self.mark]}{width}]"


class Same(NamedTuple):
    """Lines that stand further up: in which text, which of it, from 1; and how they begin and end."""

    text: str
    first: int
    last: int
    quoted: tuple[str, str] = ("", "")

    def __str__(self) -> str:
        """Return the line."""
        begin, end = (line.strip()[:_QUOTED] for line in self.quoted)
        return f'[same as {self.text} lines {self.first}-{self.last}: "{begin}" … "{end}"]'


class Again(NamedTuple):
    """The last `lines` lines, `times` more."""

    lines: int
    times: int

    def __str__(self) -> str:
        """Return the line."""
        what = "line" if self.lines == 1 else f"{self.lines} lines"
        return f"[previous {what} {self.times} more time{'s' if self.times > 1 else ''}]"


class Json(NamedTuple):
    """JSON follows, which had spaces: `indent` of them, 0 for one line with spaces, -1 for none."""

    indent: int
    ascii: bool

    def __str__(self) -> str:
        """Return the line."""
        indent = f", indent {self.indent}" if self.indent >= 0 else ""
        return f"[compact JSON{indent}{', ASCII' if self.ascii else ''}]"


Marker = Numbers | Same | Again | Json


def is_marker(line: str) -> bool:
    """Return whether a line of an encoded result stands for something else."""
    return line.startswith("[") and _LIKE.match(line) is not None


def read_marker(line: str) -> Marker:
    """Return what a line says that stands for something else; ValueError for what nobody has written here."""
    if told := _NUMBERS.fullmatch(line):
        return Numbers(int(told[1]), int(told[2]), int(told[4] or _USUAL), _MARK_OF[told[3] or ""])
    if told := _SAME.fullmatch(line):
        return Same(told[1], int(told[2]), int(told[3] or told[2]))
    if told := _AGAIN.fullmatch(line):
        return Again(int(told[1] or 1), int(told[2]))
    if told := _JSON.fullmatch(line):
        return Json(int(told[1] or -1), bool(told[2]))
    raise ValueError(f"{line[:40]!r} stands for nothing")


def escape(lines: list[str]) -> list[str]:
    """Return the lines of a text as they stand in an encoded result."""
    like = _LIKE.match
    return ["\\" + line if line[:1] in ("[", "\\") and like(line) else line for line in lines]


def unescape(line: str) -> str:
    """Return the line of the text that stands so in an encoded result."""
    return line[1:] if line.startswith("\\") and _LIKE.match(line) else line
