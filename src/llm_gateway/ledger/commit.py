"""Group commit: many turns wait for one sync of the journal, made by a thread. Used where power may fail.

It lives on the event loop; what a sync does is handed in.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from llm_gateway.errors import LedgerUnavailable

__all__ = ["GroupCommit"]


class GroupCommit:
    """Sync when somebody waits, one sync at a time; `sync` returns the position that is safe then."""

    def __init__(self, sync: Callable[[], int], on_failure: Callable[[BaseException], None]) -> None:
        self._sync = sync
        self._on_failure = on_failure
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-sync")
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._running = False
        self._closed = False

    async def until(self, position: int) -> None:
        """Return when everything before a position is on the disk; LedgerUnavailable when it cannot be."""
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
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._sync)
        work.add_done_callback(self._done)

    def _done(self, work: asyncio.Future[int]) -> None:
        self._running = False
        waiting, self._waiting = self._waiting, []
        failure = work.exception()
        safe = work.result() if failure is None else -1
        if failure is not None:
            self._on_failure(failure)
        for position, future in waiting:
            if future.done():
                continue
            if position <= safe:
                future.set_result(None)
            elif failure is not None or self._closed:
                why = failure or "the gateway is shutting down"
                future.set_exception(LedgerUnavailable(f"the journal cannot be brought to the disk: {why}"))
            else:
                self._waiting.append((position, future))
        if self._waiting:
            self._start()
