"""The lines that stand in a compressed result for what was taken out of it: how they are written and read.

A marker is a line of its own. A line of the text that looks like one, or like one that was escaped, gets a
backslash before it, so that what stands without one was written here. A result holds markers only after it
was encoded: text that imitates them is never decoded. Whoever reads them has no legend: they say in plain
words what they stand for.
"""

import re
from typing import NamedTuple

__all__ = [
    "After",
    "Again",
    "Json",
    "Marker",
    "Numbers",
    "Same",
    "escape",
    "is_marker",
    "read_marker",
    "unescape",
]

_LIKE = re.compile(r"\\*\[(?:lines \d|same as |previous |next \d|JSON\b)")

_MARKS = {"→": "", "\t": " tab", ":": " colon", ": ": " colon space", "|": " bar", "| ": " bar space"}
_MARK_OF = {name.strip(): mark for mark, name in _MARKS.items()}
_USUAL = 6  # columns that `cat -n` and Claude Code's reading tool pad numbers to
_QUOTED = 20
_SPACED = 0

_NUMBERS = re.compile(
    r"\[lines ([1-9]\d{0,8})-(\d{1,9})(?: (tab|(?:colon|bar)(?: space)?))?(?: width (\d{1,2}))?\]"
)
_SAME = re.compile(
    r"\[same as (result \d+|call \d+ [A-Za-z_][A-Za-z_0-9.]*) lines? (\d{1,7})(?:-(\d{1,7}))?: .*\]",
    re.DOTALL,
)
_AGAIN = re.compile(r"\[previous (?:line|(\d) lines) (\d{1,7}) more times?\]")
_AFTER = re.compile(r"\[next (\d{1,7}) lines each begin with: (.+)\]", re.DOTALL)
_JSON = re.compile(r"\[JSON( lines)?(?: indent (\d)|( compact))?( minified)?( ASCII)?( as spelt)?\]")


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
        if self.first == self.last:
            return f'[same as {self.text} line {self.first}: "{begin}"]'
        return f'[same as {self.text} lines {self.first}-{self.last}: "{begin}" … "{end}"]'


class Again(NamedTuple):
    """The last `lines` lines, `times` more."""

    lines: int
    times: int

    def __str__(self) -> str:
        """Return the line."""
        what = "line" if self.lines == 1 else f"{self.lines} lines"
        return f"[previous {what} {self.times} more time{'s' if self.times > 1 else ''}]"


class After(NamedTuple):
    """Lines that follow, so many, of each of which the beginning was taken away."""

    lines: int
    beginning: str

    def __str__(self) -> str:
        """Return the line."""
        return f"[next {self.lines} lines each begin with: {self.beginning}]"


class Json(NamedTuple):
    """JSON follows, which had spaces: `indent` of them, 0 for one line with spaces, -1 for none.

    `columns`: it is as `columns.py` has written it. `each`: its elements stood one a line. `ascii`: other
    characters were escaped. `spelt`: its numbers are not spelt as Python's.
    """

    indent: int
    columns: bool
    each: bool = False
    ascii: bool = False
    spelt: bool = False

    def __str__(self) -> str:
        """Return the line."""
        words = (
            " lines" if self.each else "",
            f" indent {self.indent}" if self.indent > _SPACED else "",
            " compact" if self.indent < _SPACED else "",
            "" if self.columns else " minified",
            " ASCII" if self.ascii else "",
            " as spelt" if self.spelt else "",
        )
        return f"[JSON{''.join(words)}]"


Marker = Numbers | Same | Again | After | Json


def is_marker(line: str) -> bool:
    """Return whether a line of an encoded result stands for something else."""
    return line.startswith("[") and _LIKE.match(line) is not None


def read_marker(line: str) -> Marker:
    """Return what a line says that stands for something else; ValueError for what nobody has written here."""
    if told := _JSON.fullmatch(line):
        indent = int(told[2]) if told[2] else -1 if told[3] else _SPACED
        return Json(indent, not told[4], bool(told[1]), bool(told[5]), bool(told[6]))
    if told := _NUMBERS.fullmatch(line):
        return Numbers(int(told[1]), int(told[2]), int(told[4] or _USUAL), _MARK_OF[told[3] or ""])
    if told := _SAME.fullmatch(line):
        return Same(told[1], int(told[2]), int(told[3] or told[2]))
    if told := _AGAIN.fullmatch(line):
        return Again(int(told[1] or 1), int(told[2]))
    if told := _AFTER.fullmatch(line):
        return After(int(told[1]), told[2])
    raise ValueError(f"{line[:40]!r} stands for nothing")


def escape(lines: list[str]) -> list[str]:
    """Return the lines of a text as they stand in an encoded result."""
    like = _LIKE.match
    return ["\\" + line if line[:1] in ("[", "\\") and like(line) else line for line in lines]


def unescape(line: str) -> str:
    """Return the line of the text that stands so in an encoded result."""
    return line[1:] if line.startswith("\\") and _LIKE.match(line) else line
