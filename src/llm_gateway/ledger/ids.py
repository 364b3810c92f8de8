"""Names of turns: UUIDv7 (RFC 9562) as 32 hexadecimal digits, so that they sort by the time they were made.

An id is not a secret: whoever may read a turn is decided by its owner, never by knowing its id.
"""

import os
from collections.abc import Callable

from llm_gateway.clock import Clock

__all__ = ["Ids", "floor", "made_at"]

_BLOCK = 2048
_DIGITS = 15


class Ids:
    """Make ids that only grow within this process, even when the clock is set back."""

    __slots__ = ("_clock", "_entropy", "_next", "_random", "_tick")

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._entropy = entropy
        self._tick = 0
        self._random = ""
        self._next = 0

    def new(self) -> str:
        """Return the next id."""
        tick = _tick(self._clock.now_us())
        if tick <= self._tick:
            tick = self._tick + 1
        self._tick = tick
        start = self._next
        if start + _DIGITS > len(self._random):
            self._random = self._entropy(_BLOCK).hex()
            start = 0
        self._next = end = start + _DIGITS
        return f"{_stamp(tick):016x}8{self._random[start:end]}"


def floor(at_us: int) -> str:
    """Return the lowest id of an instant: ids made then or later are not below it."""
    return f"{_stamp(_tick(max(at_us, 0))):016x}" + "0" * 16


def made_at(turn_id: str) -> int:
    """Return the microseconds since the epoch that an id carries, to a quarter of a microsecond or so."""
    return int(turn_id[:12], 16) * 1000 + (int(turn_id[13:16], 16) * 1000 >> 12)


def _tick(at_us: int) -> int:
    """Return milliseconds in the upper bits and 4096ths of one in the lower twelve, as the id holds them."""
    milliseconds = at_us // 1000
    return (milliseconds << 12) | (((at_us - milliseconds * 1000) << 12) // 1000)


def _stamp(tick: int) -> int:
    """Return a tick as the id's first 64 bits, with the version between its parts."""
    return ((tick >> 12) << 16) | 0x7000 | (tick & 0xFFF)
