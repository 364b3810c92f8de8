"""Work in a thread beside the event loop that gives way to it: whoever looks at figures delays no request.

Python lets a thread go on for 5 ms before another one may; a request that comes in the middle of that waits
so long, several times over. While such work runs, threads take turns ten times as often. Otherwise they do
not: it costs switches that nobody needs.
"""

import asyncio
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

__all__ = ["beside_the_loop"]

P = ParamSpec("P")
T = TypeVar("T")

_OFTEN_S = 0.0005


class _Turns:
    """How often threads take turns: as before, but while somebody is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._usual = 0.0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(_OFTEN_S)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.setswitchinterval(self._usual)


_TURNS = _Turns()


async def beside_the_loop(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Return what the work returns, done in a thread; requests go on meanwhile."""
    return await asyncio.to_thread(_giving_way, partial(work, *args, **named))


def _giving_way(work: Callable[[], T]) -> T:
    with _TURNS:
        return work()
