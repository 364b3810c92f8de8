"""Background tasks that somebody owns: named, referenced until done, their failures reported.

Not a scheduler: what runs when is its caller's business.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

__all__ = ["Tasks"]

T = TypeVar("T")


class Tasks:
    """Own background tasks from `start` until they end or `close` cancels them."""

    def __init__(self, on_failure: Callable[[str, BaseException], None]) -> None:
        self._on_failure = on_failure
        self._running: set[asyncio.Task[object]] = set()

    def start(self, name: str, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Run `work` until it ends; a failure goes to `on_failure` with the task's name."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[T]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._on_failure(task.get_name(), failure)
