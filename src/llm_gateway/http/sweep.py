"""The clock over deadlines: once a second, and not at the moment when a process wakes that had been stopped.

What a deadline is for is its owner's; here it is only said when to look.
"""

import asyncio
from collections.abc import Callable

__all__ = ["Sweep"]

_EVERY = 1.0
_LATE = 1.0


class Sweep:
    """Call `look` with the loop's time once a second, until `cancel`.

    Where the loop did not run for a while (the process was stopped, the machine slept, something held it up),
    what came meanwhile is still to be read: deadlines are looked at a second later, when it has been.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, look: Callable[[float], None]) -> None:
        self._loop = loop
        self._look = look
        self._schedule()

    def cancel(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _schedule(self) -> None:
        self._due = self._loop.time() + _EVERY
        self._timer = self._loop.call_later(_EVERY, self._turn)

    def _turn(self) -> None:
        now = self._loop.time()
        late = now - self._due > _LATE
        self._schedule()
        if not late:
            self._look(now)
