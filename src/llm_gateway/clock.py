"""Time as a value that is handed in, so that tests own it.

Wall time is UTC and only labels things; durations come from the monotonic reading.
"""

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Tell wall time and elapsed time."""

    def now_us(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go backwards, from an arbitrary origin."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_us(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1000

    # The function itself: it is asked several times a request.
    monotonic = staticmethod(time.monotonic)
