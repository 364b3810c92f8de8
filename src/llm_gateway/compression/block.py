"""One result of a tool, with what can be read further up or is said twice taken out; and back again.

A result is encoded by what came before it and by a setting, by nothing else. What decodes to something else
than the result is not used. A terminal's output is first brought to the screen that it makes, and that is
what comes back: everything else comes back byte for byte.
"""

from typing import NamedTuple, assert_never

from llm_gateway.compression.columns import Places, values, written
from llm_gateway.compression.layout import Layout, laid_out, laid_out_as
from llm_gateway.compression.markers import (
    Again,
    Json,
    Numbers,
    Same,
    escape,
    is_marker,
    read_marker,
    unescape,
)
from llm_gateway.compression.numbered import Numbering, Segment, segments
from llm_gateway.compression.references import Earlier, Run
from llm_gateway.compression.repeats import repeats
from llm_gateway.compression.terminal import is_terminal, screen

__all__ = ["STRICT", "WIDE", "History", "Result", "Setting", "decoded", "encoded"]

_LARGEST = 1_000_000  # characters: what is longer is sent as it is, and not referred to
_FEWEST_LINES = 3


class Setting(NamedTuple):
    """From how many characters a run is referred to: in numbered lines, in other texts, in a shell's output.

    `keep` lines of a run stay beside what is new in numbered lines. `version` names everything that decides
    how a result is encoded, this code included: it changes whenever any result would be encoded differently.
    """

    version: str
    numbered: int = 1200
    text: int = 1200
    printed: int = 240
    keep: int = 3


STRICT = Setting("strict-1")
WIDE = Setting("wide-1", numbered=600, text=240, printed=160, keep=2)


class Result(NamedTuple):
    """A tool's result: its text, its place among the results, from 1, and whether a shell printed it."""

    text: str
    number: int
    shell: bool


class History:
    """What a result may refer to: what stands before it. `failures` counts what had to be sent as it is."""

    def __init__(self) -> None:
        self.lines = Earlier()
        self.places = Places()
        self.failures = 0

    def called(self, number: int, name: str, text: str) -> None:
        """Add what a tool was called with: the number of the call, the argument's name, and its text."""
        lines = text.split("\n")
        if name.replace(".", "").isidentifier() and name.isascii() and len(lines) >= _FEWEST_LINES:
            self.lines.add(f"call {number} {name}", lines)

    def passed(self, number: int, text: str) -> None:
        """Add a result that is sent as it is."""
        if len(text) > _LARGEST:
            return
        found: list[str] = []
        for segment in segments(text.split("\n")):
            found += segment.lines
        self.lines.add(f"result {number}", found)


class _Told:
    """The lines of a result without their numbers, and which of them can be read in it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shown: list[bool] = []

    def add(self, lines: list[str], shown: bool) -> None:
        self.lines += lines
        self.shown += [shown] * len(lines)


def encoded(result: Result, history: History, setting: Setting) -> str:
    """Return how a result is sent, and keep it as history: encoded where that is shorter and comes back."""
    if len(result.text) <= _LARGEST:
        try:
            sent = _encoded(result, history, setting)
        except Exception:  # the edge of compression: what it cannot do must not cost a request
            history.failures += 1
            sent = None
        if sent is not None:
            return sent
    history.passed(result.number, result.text)
    return result.text


def decoded(sent: str, history: History, number: int) -> str:
    """Return the result that was encoded so, and keep it as history.

    `history` is what stands before it, decoded in order. ValueError, KeyError or IndexError for what never
    was encoded.
    """
    first, _, rest = sent.partition("\n")
    if first.startswith("[compact JSON"):
        told = read_marker(first)
        assert isinstance(told, Json)
        compact, value = values(rest, history.places, number, ascii_only=told.ascii)
        history.places.roots[number] = value
        return laid_out_as(compact, Layout(told.indent))
    lines, plain = _lines_of(sent.split("\n"), history.lines)
    history.lines.add(f"result {number}", plain.lines, plain.shown)
    return "\n".join(lines)


def _encoded(result: Result, history: History, setting: Setting) -> str | None:
    text = result.text
    if is_terminal(text):
        text = screen(text) or text
    if (table := _as_json(text, history, result.number)) is not None:
        return table
    lines = text.split("\n")
    out: list[str] = []
    for segment in segments(lines):
        _write(out, segment, history.lines, setting, result.shell)
    sent = "\n".join(out)
    if len(sent) >= len(result.text):
        return None
    back, plain = _lines_of(out, history.lines)
    if back != lines:
        raise ValueError("a result does not come back")
    history.lines.add(f"result {result.number}", plain.lines, plain.shown)
    return sent


def _as_json(text: str, history: History, number: int) -> str | None:
    found = laid_out(text)
    if found is None or found[1].head or found[1].tail:
        return None
    compact, layout = found
    wrote = written(compact, history.places, number)
    if wrote is None:
        return None
    sent = f"{Json(layout.indent, wrote.ascii)}\n{wrote.text}"
    if len(sent) >= len(text):
        return None
    back, _ = values(wrote.text, history.places, number, ascii_only=wrote.ascii)
    if laid_out_as(back, layout) != text:
        return None
    history.places.add(number, wrote)
    return sent


def _write(out: list[str], segment: Segment, earlier: Earlier, setting: Setting, shell: bool) -> None:
    numbering = segment.numbering
    if numbering is not None:
        last = numbering.first + len(segment.lines) - 1
        out.append(str(Numbers(numbering.first, last, numbering.width, numbering.mark)))
        least, keep = setting.numbered, setting.keep
    else:
        least, keep = setting.printed if shell else setting.text, 0
    for part in earlier.runs(segment.lines, least, keep):
        if isinstance(part, Run):
            lines = earlier.lines(part)
            last = part.first + part.size - 1
            out.append(str(Same(part.text, part.first, last, (lines[0], lines[-1]))))
        elif numbering is not None:
            out += escape(part)
        else:
            for each in repeats(part):
                if isinstance(each, Again):
                    out.append(str(each))
                else:
                    out += escape([each])


def _lines_of(sent: list[str], earlier: Earlier) -> tuple[list[str], _Told]:
    """Return the lines that are sent so, and without their numbers."""
    lines: list[str] = []
    plain = _Told()
    numbered: tuple[Numbering, int, int] | None = None  # how, from which line on, until which
    for line in sent:
        if not is_marker(line):
            told = [unescape(line)]
            shown = True
        else:
            shown = False
            match marker := read_marker(line):
                case Numbers():
                    if numbered is not None:
                        raise ValueError("numbered lines within numbered lines")
                    numbering = Numbering(marker.first, marker.width, marker.mark)
                    numbered = numbering, len(lines), len(lines) + marker.last - marker.first + 1
                    continue
                case Same():
                    told = earlier.lines(Run(marker.text, marker.first, marker.last - marker.first + 1))
                case Again():
                    if marker.lines > len(lines):
                        raise ValueError("fewer lines are above")
                    told = lines[-marker.lines :] * marker.times
                case Json():
                    raise ValueError("JSON within lines")
                case _:
                    assert_never(marker)
        lines += told
        plain.add(told, shown)
        if numbered is not None and len(lines) >= numbered[2]:
            numbering, begin, end = numbered
            if len(lines) > end:
                raise ValueError("more lines than were numbered")
            lines[begin:] = numbering.put(lines[begin:])
            numbered = None
    if numbered is not None:
        raise ValueError("fewer lines than were numbered")
    return lines, plain
