"""Lines that follow one another again and again: once, and how many times more."""

from llm_gateway.compression.markers import Again

__all__ = ["repeats"]

_LONGEST = 4  # lines that are repeated together
_LEAST = 32  # characters that have to go


def repeats(lines: list[str]) -> list[str | Again]:
    """Return lines with what is said again right after it as one repeat."""
    found: list[str | Again] = []
    at, end = 0, len(lines)
    while at < end:
        best, gain = None, _LEAST
        for size in range(1, min(_LONGEST, at) + 1):
            if lines[at] == lines[at - size] and (times := _times(lines, at, size)):
                won = times * sum(len(line) + 1 for line in lines[at : at + size])
                if won > gain:
                    best, gain = Again(size, times), won
        if best is None:
            found.append(lines[at])
            at += 1
        else:
            found.append(best)
            at += best.lines * best.times
    return found


def _times(lines: list[str], at: int, size: int) -> int:
    """Return how often the lines before this one come again from it on."""
    unit = lines[at - size : at]
    times = 0
    while lines[at + times * size : at + (times + 1) * size] == unit:
        times += 1
    return times
