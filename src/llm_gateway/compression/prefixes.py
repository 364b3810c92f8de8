"""Lines that follow one another and begin alike: matches in one file, paths in one folder.

The beginning is said once, and ends behind a slash, a colon or a space: no name is cut in two. What stands in
one piece in the text does so no longer, which is why this is done by choice only.
"""

from typing import NamedTuple

__all__ = ["Group", "grouped"]

_ENDS = ("/", ":", " ", "\t")
_FEWEST = 3
_SHORTEST = 12
_LEAST = 100  # characters that have to go


class Group(NamedTuple):
    """Lines, and what all of them begin with."""

    beginning: str
    lines: list[str]


def grouped(lines: list[str]) -> list[list[str] | Group]:
    """Cut lines into groups, and stretches that are in none."""
    found: list[list[str] | Group] = []
    at = begun = 0
    end = len(lines)
    while at + _FEWEST <= end:
        group = _from(lines, at)
        if group is None:
            at += 1
            continue
        if begun < at:
            found.append(lines[begun:at])
        found.append(group)
        at = begun = at + len(group.lines)
    if begun < end:
        found.append(lines[begun:])
    return found


def _from(lines: list[str], at: int) -> Group | None:
    """Return the group that begins here: of all that begin here, what saves most."""
    shared = _cut(_shared(lines[at], lines[at + 1]))
    best: Group | None = None
    most = _LEAST
    until = at + 2
    while len(said := shared.strip()) >= _SHORTEST:  # spaces cost next to nothing
        while until < len(lines) and lines[until].startswith(shared):
            until += 1
        size = until - at
        saved = len(said) * (size - 1)
        if size >= _FEWEST and saved > most:
            best, most = Group(shared, lines[at:until]), saved
        if until == len(lines):
            break
        shared = _cut(_shared(shared, lines[until]))
    return best


def _cut(beginning: str) -> str:
    """Return a beginning up to the last place where one may end."""
    return beginning[: max(beginning.rfind(end) for end in _ENDS) + 1]


def _shared(one: str, other: str) -> str:
    """Return what both begin with."""
    for at, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return one[:at]
    return min(one, other, key=len)
