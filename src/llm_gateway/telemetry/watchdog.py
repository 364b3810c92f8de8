"""A watch over the event loop: where it is held up, the log says by what.

It sees, and ends nothing. While the loop is held up no request is answered, `/livez` neither: that is what
whoever supervises the process goes by.
"""

import asyncio
import sys
import threading
import time
import traceback

from llm_gateway.telemetry.log import Log

__all__ = ["Watchdog"]

_BEAT = 0.1
_HELD_UP = 0.2
_FRAMES = 6


class Watchdog:
    """Watch the running loop until `close`, from a thread of its own.

    Each standstill is told once, when it is noticed. One of the whole process (it was stopped, or the machine
    slept) is nobody's fault and not told.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._last = time.monotonic()
        self._told = False
        self._closed = threading.Event()
        self._timer = self._loop.call_later(_BEAT, self._beat)
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no more."""
        self._timer.cancel()
        self._closed.set()
        self._thread.join()

    def _beat(self) -> None:
        self._last = time.monotonic()
        self._told = False
        self._timer = self._loop.call_later(_BEAT, self._beat)

    def _watch(self) -> None:
        looked = time.monotonic()
        while not self._closed.wait(_BEAT):
            now = time.monotonic()
            late, looked = now - looked > 2 * _BEAT + _HELD_UP, now
            if late:  # this thread stood still, too
                self._last = now
            elif now - self._last > _BEAT + _HELD_UP and not self._told:
                self._told = True
                held_ms = round((now - self._last) * 1000)
                self._log.write(
                    "warning", "the event loop is held up", duration_ms=held_ms, where=self._stack()
                )

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._watched)
        calls = traceback.extract_stack(frame)[-_FRAMES:]
        return " > ".join(f"{call.name} ({call.filename.rpartition('/')[2]}:{call.lineno})" for call in calls)
