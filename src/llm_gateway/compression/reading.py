"""An encoded result read back: its lines, what of them can be read where they stand, and its JSON values.

Nothing is kept here. What was never encoded is a ValueError, a KeyError or an IndexError.
"""

from typing import NamedTuple, assert_never

from llm_gateway.compression.layout import laid_out_as
from llm_gateway.compression.markers import (
    After,
    Again,
    Json,
    Numbers,
    Same,
    is_marker,
    read_marker,
    unescape,
)
from llm_gateway.compression.numbered import Numbering
from llm_gateway.compression.places import Places, Value
from llm_gateway.compression.references import Earlier, Run
from llm_gateway.compression.spelling import AS_SPELT, ESCAPED, PLAIN
from llm_gateway.compression.values import value_of

__all__ = ["Read", "read", "root_of"]

_GOES_ON = (",", "[")  # how a line of JSON ends that is not the last


class Read(NamedTuple):
    """A result: its lines; these without their numbers, and which of them can be read there; JSON values."""

    lines: list[str]
    plain: list[str]
    shown: list[bool]
    roots: dict[str, Value]


def read(sent: list[str], earlier: Earlier, places: Places, number: int) -> Read:
    """Return the result of that number which is sent so."""
    reading = _Reading(earlier, places, number)
    marks = [at for at, line in enumerate(sent) if line[:1] == "[" and is_marker(line)]
    at = 0
    for mark in marks:
        if at < mark:
            reading.lines(sent[at:mark])
        at = reading.marker(sent, mark)
    if at < len(sent):
        reading.lines(sent[at:] if at else sent)
    return reading.whole()


def root_of(number: int, nth: int) -> str:
    """Return how the nth JSON text of a result is called, from 0."""
    return f"{number}.{nth + 1}" if nth else str(number)


class _Reading:
    def __init__(self, earlier: Earlier, places: Places, number: int) -> None:
        self._earlier = earlier
        self._places = places
        self._number = number
        self._lines: list[str] = []
        self._plain: list[str] = []
        self._shown: list[bool] = []
        self._roots: dict[str, Value] = {}
        self._numbered: tuple[Numbering, int, int] | None = None  # how, from which line on, until which

    def whole(self) -> Read:
        """Return what was read, when there is no more."""
        if self._numbered is not None:
            raise ValueError("fewer lines than were numbered")
        return Read(self._lines, self._plain, self._shown, self._roots)

    def lines(self, sent: list[str]) -> None:
        """Read lines that are no markers."""
        if any(line[:1] == "\\" for line in sent):
            sent = [unescape(line) for line in sent]
        if self._numbered is not None:
            fitting = self._numbered[2] - len(self._lines)
            self._add(sent[:fitting], True)
            sent = sent[fitting:]
        self._add(sent, True)

    def marker(self, sent: list[str], at: int) -> int:
        """Read a marker and what belongs to it; return where that ends."""
        told = read_marker(sent[at])
        at += 1
        match told:
            case Numbers():
                self._free()
                until = len(self._lines) + told.last - told.first + 1
                self._numbered = Numbering(told.first, told.width, told.mark), len(self._lines), until
            case Same():
                self._add(self._earlier.lines(Run(told.text, told.first, told.last - told.first + 1)), False)
            case Again():
                if not 0 < told.lines <= len(self._lines):
                    raise ValueError("fewer lines are above")
                self._add(self._lines[-told.lines :] * told.times, False)
            case After():
                after = sent[at : at + told.lines]
                if len(after) < told.lines:
                    raise ValueError("fewer lines than have a beginning")
                self._add([told.beginning + line for line in after], True)  # to be read, with a look upwards
                at += told.lines
            case Json():
                self._free()
                at = self._json(told, sent, at)
            case _:
                assert_never(told)
        return at

    def _free(self) -> None:
        if self._numbered is not None:
            raise ValueError("something else within numbered lines")

    def _add(self, lines: list[str], shown: bool) -> None:
        self._lines += lines
        self._plain += lines
        self._shown += [shown] * len(lines)
        if self._numbered is not None:
            numbering, begin, end = self._numbered
            if len(self._lines) > end:
                raise ValueError("more lines than were numbered")
            if len(self._lines) == end:
                self._lines[begin:] = numbering.put(self._lines[begin:])
                self._numbered = None

    def _json(self, told: Json, sent: list[str], at: int) -> int:
        end = at
        while sent[end].endswith(_GOES_ON):
            end += 1
        text = "\n".join(sent[at : end + 1])
        if told.columns:
            spelling = ESCAPED if told.ascii else AS_SPELT if told.spelt else PLAIN
            value = value_of(text, self._places, spelling)
            self._roots[root_of(self._number, len(self._roots))] = value
            elements = value if told.each and isinstance(value, list) else [value]
            compact = [spelling.write(each) for each in elements]
        else:
            compact = [text]
        lines = [line for each in compact for line in laid_out_as(each, told.indent).split("\n")]
        self._lines += lines
        self._plain += lines
        self._shown += [False] * len(lines)
        return end + 1
