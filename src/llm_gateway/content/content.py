"""Content of a running gateway: the safe in a thread of its own, and what happens when it fails.

What cannot be kept costs a line in the log and a count, never an answer. Nothing here knows what is kept.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from llm_gateway.clock import Clock
from llm_gateway.content.rows import Total
from llm_gateway.content.safe import Safe, Where
from llm_gateway.errors import ContentDamaged, ContentUnavailable

__all__ = ["Content"]

T = TypeVar("T")

_PATIENCE = 2.0
_BETWEEN = 600.0


class Content:
    """What is kept, from a first need until `close`. It belongs to one event loop.

    `on_failure` is told of the first failure of a row of them. `most_days` bounds what a key may say.
    """

    def __init__(
        self,
        where: Where,
        clock: Clock,
        on_failure: Callable[[str, BaseException], None],
        *,
        most_days: int = 90,
        patience: float = _PATIENCE,
    ) -> None:
        self._safe = Safe(where, clock)
        self._thread = ThreadPoolExecutor(1, "content")
        self._on_failure = on_failure
        self._patience = patience
        self.most_days = most_days
        self.failure: BaseException | None = None
        self.not_kept = 0
        self._unreadable = False

    async def prepare(self) -> None:
        """Make sure that something can be kept; ContentUnavailable says why it cannot."""
        await self._run(self._safe.prepare)

    async def keep(
        self, owner: str, kind: str, row_id: str, payload: bytes, days: int, names: Sequence[str] = ()
    ) -> bool:
        """Keep a payload, so that it can be fetched from now on; return whether that was possible.

        It takes no longer than the client of an answer can be made to wait, and never fails.
        """
        days = min(days, self.most_days)
        if days <= 0:
            return False
        try:
            await self._run(partial(self._safe.keep, owner, kind, row_id, payload, days, names))
        except (ContentUnavailable, ContentDamaged) as error:
            self.not_kept += 1
            if self.failure is None:
                self._on_failure("content.keep", error)
            self.failure = error
            return False
        self.failure = None
        return True

    async def fetch(self, owner: str, kind: str, row_id: str) -> bytes | None:
        """Return what is kept under an id of an owner, or None."""
        return await self._ask(partial(self._safe.fetch, owner, kind, row_id)) if self._safe.exists else None

    async def fetch_named(self, owner: str, kind: str, name: str) -> bytes | None:
        """Return what is kept under a further name of an owner, or None."""
        work = partial(self._safe.fetch_named, owner, kind, name)
        return await self._ask(work) if self._safe.exists else None

    async def delete(self, owner: str, kind: str, row_id: str) -> bool:
        """Delete what is kept under an id of an owner; False where nothing is."""
        return self._safe.exists and await self._ask(partial(self._safe.delete, owner, kind, row_id))

    async def erase(self, owner: str) -> int:
        """Destroy everything that is kept of an owner; return how much that was."""
        return await self._run(partial(self._safe.erase, owner), patient=True)

    async def totals(self) -> list[Total]:
        """Return how much is kept of each owner."""
        return await self._run(self._safe.totals, patient=True)

    async def look_after(self) -> None:
        """Find out early whether what is there can be used; delete what has expired, until cancelled."""
        while True:
            if self._safe.exists:
                try:
                    await self._run(self._safe.prepare, patient=True)
                    await self._run(self._safe.prune, patient=True)
                except (ContentUnavailable, ContentDamaged) as error:
                    self._on_failure("content", error)
            await asyncio.sleep(_BETWEEN)

    def gauges(self) -> dict[str, Callable[[], float]]:
        """Return what is to be shown of it, by the name of the metric."""
        return {
            "llm_gateway_content_failing": lambda: float(self.failure is not None),
            "llm_gateway_content_not_kept_total": lambda: float(self.not_kept),
        }

    async def close(self) -> None:
        """Let go of everything."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._thread.submit(self._safe.close).result()
        self._thread.shutdown()

    async def _ask(self, work: Callable[[], T]) -> T:
        """Do what a client has asked for; why that cannot be done is for the log, and names places."""
        try:
            result = await self._run(work)
        except (ContentUnavailable, ContentDamaged) as error:
            if not self._unreadable:
                self._on_failure("content.fetch", error)
            self._unreadable = True
            if isinstance(error, ContentDamaged):
                raise
            raise ContentUnavailable(
                "what is kept cannot be reached now; the log of the gateway says why"
            ) from error
        self._unreadable = False
        return result

    async def _run(self, work: Callable[[], T], *, patient: bool = False) -> T:
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.wait_for(running, None if patient else self._patience)
        except TimeoutError:
            raise ContentUnavailable(f"the database of content took over {self._patience:g} s") from None
