"""Runs of lines that can be read further up already, and where that is.

Only lines that stand there in full are referred to, never a reference. Content decides, and order: the same
texts in the same order give the same references, whenever and wherever they are looked at.
"""

from typing import NamedTuple

__all__ = ["Earlier", "Run"]

_KEY = 3  # lines that have to be the same before anybody looks closer
_MOST_ALIKE = 8  # places that are looked at, the earliest first
_LONG = 160  # characters of a line that is worth looking for alone


class Run(NamedTuple):
    """Lines of an earlier text: its name, the number of the first line, from 1, and how many."""

    text: str
    first: int
    size: int


class _Text(NamedTuple):
    name: str
    lines: list[str]
    shown: list[bool] | None  # None: all of them


class Earlier:
    """The texts before this one: results without their line numbers, and what tools were called with."""

    def __init__(self) -> None:
        self._texts: list[_Text] = []
        self._by_name: dict[str, _Text] = {}
        self._places: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
        self._alone: dict[str, list[tuple[int, int]]] = {}

    def add(self, name: str, lines: list[str], shown: list[bool] | None = None) -> None:
        """Add a text behind the others; `shown` says which of its lines can be read where it stands."""
        if shown is not None and all(shown):
            shown = None
        text = _Text(name, lines, shown)
        number = len(self._texts)
        self._texts.append(text)
        self._by_name[name] = text
        for first, line in enumerate(lines):
            if len(line) >= _LONG and (shown is None or shown[first]):
                self._alone.setdefault(line, [(number, first)])
        places = self._places
        for first, key in enumerate(zip(lines, lines[1:], lines[2:], strict=False)):
            if shown is not None and not (shown[first] and shown[first + 1] and shown[first + 2]):
                continue
            found = places.get(key)
            if found is None:
                places[key] = [(number, first)]
            elif len(found) < _MOST_ALIKE:
                found.append((number, first))

    def lines(self, run: Run) -> list[str]:
        """Return the lines of a run; KeyError or ValueError where there is no such run."""
        found = self._by_name[run.text].lines[run.first - 1 : run.first - 1 + run.size]
        if len(found) != run.size or run.first < 1 or not found:
            raise ValueError(f"{run.text} has no lines {run.first} and {run.size - 1} more")
        return found

    def runs(self, lines: list[str], least: int, keep: int) -> list[list[str] | Run]:
        """Cut lines into those that are new and runs, of at least so many characters, that are not.

        Beside new lines `keep` lines of a run stay as they are: what is edited there stays in one piece.
        """
        cut: list[list[str] | Run] = []
        new: list[str] = []
        at, end = 0, len(lines)
        last = end - _KEY
        places, alone = self._places, self._alone
        if places.keys().isdisjoint(zip(lines, lines[1:], lines[2:], strict=False)) and (
            alone.keys().isdisjoint(lines)
        ):
            return [lines] if lines else []
        while at < end:
            line = lines[at]
            found = places.get((line, lines[at + 1], lines[at + 2])) if at <= last else None
            size = _KEY
            if found is None and len(line) >= _LONG:
                found = alone.get(line)
                size = 1
            if found is None:
                new.append(line)
                at += 1
                continue
            number, first, count = self._longest(found, lines, at, size)
            before = keep if new else 0
            after = keep if at + count < end else 0
            inner = count - before - after
            if inner > 0 and _size(lines, at + before, inner) >= least:
                new += lines[at : at + before]
                if new:
                    cut.append(new)
                cut.append(Run(self._texts[number].name, first + before + 1, inner))
                new = lines[at + before + inner : at + count]
            else:
                new += lines[at : at + count]
            at += count
        if new:
            cut.append(new)
        return cut

    def _longest(
        self, places: list[tuple[int, int]], lines: list[str], at: int, size: int
    ) -> tuple[int, int, int]:
        """Return the place from which most lines are the same, `size` at least: text, line, and how many."""
        best = (0, 0, 0)
        end = len(lines)
        for number, first in places:
            _, there, shown = self._texts[number]
            last, until = len(there), at + size
            count = size
            while (
                until < end
                and first + count < last
                and there[first + count] == lines[until]
                and (shown is None or shown[first + count])
            ):
                until += 1
                count += 1
            if count > best[2]:
                best = (number, first, count)
        return best


def _size(lines: list[str], first: int, count: int) -> int:
    return sum(map(len, lines[first : first + count])) + count
