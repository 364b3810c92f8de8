"""Group commit: many turns wait for one sync of the journal, made by a thread. Used where power may fail.

It lives on the event loop; what a sync does is handed in. Nobody waits for longer than a limit: a disk that
takes seconds for a sync is one that does not take it.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from llm_gateway.errors import LedgerUnavailable

__all__ = ["LIMIT", "GroupCommit"]

LIMIT = 5.0


class GroupCommit:
    """Sync when somebody waits, one sync at a time; `sync` returns the position that is safe then.

    `on_failure` is told of a sync that failed, and with a TimeoutError of one that is late.
    """

    def __init__(
        self, sync: Callable[[], int], on_failure: Callable[[BaseException], None], limit: float = LIMIT
    ) -> None:
        self._sync = sync
        self._on_failure = on_failure
        self._limit = limit
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-sync")
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._running = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self.late: TimeoutError | None = None
        """What is wrong while a sync takes longer than the limit."""

    async def until(self, position: int) -> None:
        """Return when everything before a position is on the disk; LedgerUnavailable when it cannot be."""
        if self.late is not None:
            raise _unavailable(self.late)
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((position, future))
        if not self._running:
            self._start()
        await future

    def close(self) -> None:
        """Let the sync that runs end; who still waits for another one waits in vain."""
        self._closed = True
        self._thread.shutdown(wait=True)

    def _start(self) -> None:
        self._running = True
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._limit, self._give_up)
        work = loop.run_in_executor(self._thread, self._sync)
        work.add_done_callback(self._done)

    def _give_up(self) -> None:
        """Let nobody wait for the sync that runs, nor for one behind it."""
        self.late = TimeoutError(f"a sync takes longer than {self._limit:g} s")
        waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            if not future.done():
                future.set_exception(_unavailable(self.late))
        self._on_failure(self.late)

    def _done(self, work: asyncio.Future[int]) -> None:
        self._running = False
        self.late = None
        if self._timer is not None:
            self._timer.cancel()
        waiting, self._waiting = self._waiting, []
        failure = work.exception()
        safe = work.result() if failure is None else -1
        for position, future in waiting:
            if future.done():
                continue
            if position <= safe:
                future.set_result(None)
            elif failure is not None or self._closed:
                future.set_exception(_unavailable(failure or RuntimeError("the gateway is shutting down")))
            else:
                self._waiting.append((position, future))
        if failure is not None:
            self._on_failure(failure)
        if self._waiting:
            self._start()


def _unavailable(why: BaseException) -> LedgerUnavailable:
    unavailable = LedgerUnavailable(f"the journal cannot be brought to the disk: {why}")
    unavailable.__cause__ = why
    return unavailable
