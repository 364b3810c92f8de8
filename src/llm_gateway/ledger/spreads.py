"""How long things took, in slots that can be added up: half of the values are at most so long, 95 of 100 so.

A slot is an eighth wide or less: what is told of one is at most 6 % off, and exact up to 16 microseconds.
The table `usage_slots` has the same bounds for SQL. Which turns are in them is said in `rollups.py`.
"""

from bisect import bisect_right
from collections.abc import Mapping

import msgspec

from llm_gateway.wire.ready import ready

__all__ = ["ERROR", "LOWS", "Spread", "slot_of", "spread_of"]

ERROR = 0.06
"""How far off a value may be that is told of a slot."""

_HIGHEST = 86_400_000_000


@ready
class Spread(msgspec.Struct, frozen=True):
    """Half of the values are at most `p50_us`, 95 of 100 at most `p95_us`, 99 at most `p99_us`."""

    p50_us: int
    p95_us: int
    p99_us: int


def _lows() -> tuple[int, ...]:
    lows = [0]
    while lows[-1] < _HIGHEST:
        lows.append(max(lows[-1] + 1, lows[-1] * 9 // 8))
    return tuple(lows)


LOWS = _lows()
"""The lowest value of each slot, in microseconds; the last one goes on for ever."""


def slot_of(us: int) -> int:
    """Return the slot of a value."""
    return bisect_right(LOWS, us) - 1


def spread_of(counts: Mapping[int, int]) -> Spread | None:
    """Return the spread of so many values in each slot, None where there are none."""
    total = sum(counts.values())
    if total <= 0:
        return None
    # The nearest rank: the smallest value that at least this part of all values does not exceed.
    ranks = [(total * part + 99) // 100 for part in (50, 95, 99)]
    told: list[int] = []
    seen = 0
    for slot in sorted(counts):
        seen += counts[slot]
        while len(told) < len(ranks) and seen >= ranks[len(told)]:
            told.append(_middle(slot))
    return Spread(*told)


def _middle(slot: int) -> int:
    """Return the value that is equally far, in parts of it, from both ends of a slot."""
    low = LOWS[slot]
    if slot + 1 == len(LOWS):
        return low
    high = LOWS[slot + 1] - 1
    return low if high <= low else round(2 * low * high / (low + high))
