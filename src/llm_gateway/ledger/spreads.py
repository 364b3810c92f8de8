"""How long things took, in slots that can be added up: half of the values are at most so long, 95 of 100 so.

A slot is an eighth wide or less: what is told of one is at most 6 % off, and exact up to 16 microseconds.
The table `usage_slots` has the same bounds for SQL. Many slots are one large integer, 32 bits a slot: to add
such integers is to add up all their slots. Where they are kept is `histograms.py`.
"""

import sys
from array import array
from bisect import bisect_right

import msgspec

from llm_gateway.wire.ready import ready

__all__ = ["ERROR", "LOWS", "Counts", "Spread", "counts_of", "packed", "slot_of", "spread_of", "unpacked"]

ERROR = 0.06
"""How far off a value may be that is told of a slot."""

Counts = int
"""How many values are in each slot: 32 bits for each, the lowest slot's the lowest."""

_BYTES = 4
_BITS = 8 * _BYTES
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


def counts_of(slot: int, count: int = 1) -> Counts:
    """Return so many values in one slot."""
    return count << (_BITS * slot)


def packed(counts: Counts) -> bytes:
    """Return counts as they are kept: which slot is the first one, then that and those above it."""
    if not counts:
        return b""
    first = ((counts & -counts).bit_length() - 1) // _BITS
    kept = counts >> (_BITS * first)
    size = -(-kept.bit_length() // _BITS) * _BYTES
    return bytes((first,)) + kept.to_bytes(size, "little")


def unpacked(kept: bytes) -> Counts:
    """Return counts as they are added up."""
    return int.from_bytes(kept[1:], "little") << (_BITS * kept[0]) if kept else 0


def spread_of(counts: Counts) -> Spread | None:
    """Return the spread of values, None where there are none."""
    slots = array("I", counts.to_bytes(len(LOWS) * _BYTES, sys.byteorder))
    if sys.byteorder == "big":
        slots.reverse()
    total = sum(slots)
    if not total:
        return None
    # The nearest rank: the smallest value that at least this part of all values does not exceed.
    ranks = [(total * part + 99) // 100 for part in (50, 95, 99)]
    told: list[int] = []
    seen = 0
    for slot, count in enumerate(slots):
        seen += count
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
