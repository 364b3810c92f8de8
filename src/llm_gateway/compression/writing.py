"""A result written with what can be read further up, or is said twice, taken out.

Nothing is kept here, and nothing is checked: `block.py` reads back what was written, and compares.
"""

from typing import NamedTuple, assert_never

from llm_gateway.compression.columns import Written, written
from llm_gateway.compression.markers import After, Again, Json, Numbers, Same, escape, is_marker
from llm_gateway.compression.places import Places
from llm_gateway.compression.prefixes import Group, grouped
from llm_gateway.compression.reading import root_of
from llm_gateway.compression.references import Earlier, Run
from llm_gateway.compression.repeats import repeats
from llm_gateway.compression.segments import JsonText, Numbered, Plain, Segment, segments
from llm_gateway.compression.spelling import AS_SPELT, ESCAPED

__all__ = ["Least", "Writing", "write"]


class Least(NamedTuple):
    """From how much on something is taken out. The first four: characters of lines that are referred to.

    In numbered lines; beside numbered lines; in what a shell printed; in other texts. `keep` lines of a run
    stay beside what is new in texts that may be edited, which are the numbered ones and the others, so that
    what an edit quotes stays in one piece. `groups`: lines with the same beginning have it said once.
    """

    numbered: int = 500
    beside: int = 160
    printed: int = 160
    text: int = 500
    keep: int = 4
    groups: bool = False


class Writing(NamedTuple):
    """A result as it is written: its lines, whether any of it was taken out, and its JSON texts by root."""

    lines: list[str]
    shorter: bool
    json: dict[str, Written]


def write(text: str, number: int, shell: bool, earlier: Earlier, places: Places, least: Least) -> Writing:
    """Write a result of that number; `shell`: a shell printed it."""
    found = segments(text, text.split("\n"))
    writer = _Writer(number, earlier, places, least)
    beside = len(found) > 1 and any(isinstance(segment, Numbered) for segment in found)
    characters = least.printed if shell else least.beside if beside else least.text
    keep = 0 if shell or beside else least.keep
    for segment in found:
        writer.segment(segment, characters, keep)
    return Writing(writer.out, writer.shorter, writer.json)


class _Writer:
    def __init__(self, number: int, earlier: Earlier, places: Places, least: Least) -> None:
        self._number = number
        self._earlier = earlier
        self._places = places
        self._least = least
        self.out: list[str] = []
        self.shorter = False
        self.json: dict[str, Written] = {}

    def segment(self, segment: Segment, characters: int, keep: int) -> None:
        """Write a stretch of the result."""
        match segment:
            case Plain():
                self._runs(segment.lines, characters, keep)
            case Numbered():
                first, width, mark = segment.numbering
                self.out.append(str(Numbers(first, first + len(segment.lines) - 1, width, mark)))
                self.shorter = True
                self._runs(segment.lines, self._least.numbered, self._least.keep, numbered=True)
            case JsonText():
                if not self._as_json(segment):
                    self._runs(segment.lines, characters, keep)
            case _:
                assert_never(segment)

    def _runs(self, lines: list[str], characters: int, keep: int, *, numbered: bool = False) -> None:
        for part in self._earlier.runs(lines, characters, keep):
            if isinstance(part, Run):
                last = part.first + part.size - 1
                quoted = [line for line in self._earlier.lines(part) if line.strip()] or [""]
                self.out.append(str(Same(part.text, part.first, last, (quoted[0], quoted[-1]))))
                self.shorter = True
            elif numbered:
                self.out += escape(part)
            elif self._least.groups:
                self._in_groups(part)
            else:
                self._once(part)

    def _in_groups(self, lines: list[str]) -> None:
        """Write lines with the beginnings that they share said once."""
        for part in grouped(lines):
            if not isinstance(part, Group):
                self._once(part)
                continue
            rest = [line[len(part.beginning) :] for line in part.lines]
            if any(map(is_marker, rest)):
                self._once(part.lines)
                continue
            self.out.append(str(After(len(rest), part.beginning)))
            self.out += rest
            self.shorter = True

    def _once(self, lines: list[str]) -> None:
        """Write lines once each where they come several times in a row."""
        for part in repeats(lines):
            if isinstance(part, Again):
                self.out.append(str(part))
                self.shorter = True
            else:
                self.out += escape(part)

    def _as_json(self, segment: JsonText) -> bool:
        """Write a JSON text, where that makes it shorter."""
        root = root_of(self._number, len(self.json))
        wrote = written(segment.compact, self._places, root)
        if wrote is None:
            marker = Json(segment.indent, columns=False)
            lines = [str(marker), segment.compact]
        else:
            escaped, spelt = wrote.spelling is ESCAPED, wrote.spelling is AS_SPELT
            marker = Json(segment.indent, True, segment.each, escaped, spelt)
            lines = [str(marker), *wrote.text.split("\n")]
        if (segment.each and wrote is None) or _size(lines) >= _size(segment.lines):
            return False
        if wrote is not None:
            self.json[root] = wrote
        self.out += lines
        self.shorter = True
        return True


def _size(lines: list[str]) -> int:
    return sum(map(len, lines)) + len(lines)
