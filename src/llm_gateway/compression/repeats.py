"""Lines that follow one another again and again: once, and how many times more."""

from itertools import compress
from operator import eq

from llm_gateway.compression.markers import Again

__all__ = ["repeats"]

_LONGEST = 4  # lines that are repeated together
_LEAST = 48  # characters that have to go


def repeats(lines: list[str]) -> list[list[str] | Again]:
    """Return lines with what is said again right after it as one repeat."""
    found: list[list[str] | Again] = []
    begun, end = 0, len(lines)
    for at in _equal(lines):
        again = _again(lines, at) if at >= begun else None
        if again is None:
            continue
        if begun < at:
            found.append(lines[begun:at])
        found.append(again)
        begun = at + again.lines * again.times
    if begun < end:
        found.append(lines[begun:] if begun else lines)
    return found


def _equal(lines: list[str]) -> list[int]:
    """Return which lines are equal to one of the few before them: most are not, and that is quickly seen."""
    end = len(lines)
    found: set[int] = set()
    for size in range(1, _LONGEST + 1):
        found.update(compress(range(size, end), map(eq, lines[size:], lines)))
    return sorted(found)


def _again(lines: list[str], at: int) -> Again | None:
    """Return what of the lines before this one comes again from it on, where that is worth it."""
    best, most = None, _LEAST
    line = lines[at]
    for size in range(1, min(_LONGEST, at) + 1):
        if line == lines[at - size] and (times := _times(lines, at, size)):
            saved = times * (sum(map(len, lines[at : at + size])) + size)
            if saved > most:
                best, most = Again(size, times), saved
    return best


def _times(lines: list[str], at: int, size: int) -> int:
    """Return how often the lines before this one come again from it on."""
    unit = lines[at - size : at]
    times = 0
    while lines[at + times * size : at + (times + 1) * size] == unit:
        times += 1
    return times
