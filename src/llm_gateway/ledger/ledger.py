"""The account of every request: on record before anything is sent, settled before the client has the end.

`begin` and `settle` write one journal entry each and return; the database follows a moment later in a thread
of its own (`writer.py`). Queries are in `queries.py` and `totals.py`, keys in `keys.py`; they are run through
`read` and `write`.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Concatenate, Literal, ParamSpec, TypeVar

from llm_gateway.clock import Clock
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.commit import GroupCommit
from llm_gateway.ledger.feed import Feed, Subscription
from llm_gateway.ledger.frames import LONGEST
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.journal import Journal
from llm_gateway.ledger.opening import Opened, open_files
from llm_gateway.ledger.reader import Reader
from llm_gateway.ledger.records import Intent, Record, Settlement, Turn, encode, scrub
from llm_gateway.ledger.store import Rows, Store
from llm_gateway.ledger.writer import Job, Report, Writer

__all__ = ["MOST_WAITING", "Durability", "Ledger"]

P = ParamSpec("P")
T = TypeVar("T")

Durability = Literal["process", "power"]
"""What a recorded turn survives: the death of the process, or the machine's too (a sync is awaited)."""

# Records that may wait for a database that takes nothing; at about 1 KB each they must not fill the memory.
MOST_WAITING = 50_000


class Ledger:
    """The ledger of a running gateway. It belongs to one event loop, and nobody else may have it open."""

    @classmethod
    async def open(
        cls, home: Path, clock: Clock, *, durability: Durability = "process", on_failure: Report
    ) -> "Ledger":
        """Open the ledger of a home; LedgerRefused says why not.

        `on_failure(what, error)` is told, on the event loop, what went wrong where nobody waits for it.
        """
        loop = asyncio.get_running_loop()

        def report(what: str, error: BaseException) -> None:
            loop.call_soon_threadsafe(on_failure, what, error)

        opened = await asyncio.to_thread(open_files, home, clock, report)
        return cls(opened, clock, durability, report)

    def __init__(self, opened: Opened, clock: Clock, durability: Durability, report: Report) -> None:
        self._opened = opened
        self._report = report
        self._ids = Ids(clock)
        self._journal = Journal(opened.folder.journal, opened.position, durable=durability == "power")
        self._commit = GroupCommit(self._journal.sync, self._sync_failed) if durability == "power" else None
        self._writer = Writer(opened.store, self._journal, opened.position, report)
        self._reader = Reader(opened.folder.database, clock)
        self._feed = Feed()
        self._open: dict[str, Intent] = {}
        self._journal_failure: LedgerUnavailable | None = None
        self._writer.start()

    @property
    def open_turns(self) -> Mapping[str, Intent]:
        """Return the turns that run now, by id."""
        return MappingProxyType(self._open)

    @property
    def failure(self) -> BaseException | None:
        """Return why turns cannot be recorded or applied at the moment, or None when all is well."""
        return self._journal_failure or self._writer.failure

    def new_id(self) -> str:
        """Return the id for a turn that begins."""
        return self._ids.new()

    async def begin(self, intent: Intent, *, required: bool = True) -> None:
        """Put on record that a turn begins; LedgerUnavailable when that fails, and then the turn is not open.

        Without `required` a turn that cannot be recorded goes on, and is written when the database takes it.
        """
        if required and len(self._writer.waiting) >= MOST_WAITING:
            why = self._writer.failure or "it is too slow"
            raise LedgerUnavailable(f"the database is {len(self._writer.waiting)} records behind: {why}")
        position = 0
        try:
            position = self._append(intent)
        except LedgerUnavailable:
            if required:
                raise
        self._open[intent.id] = intent
        self._writer.put(intent, position)
        if self._commit is not None and position:
            await self._durably_begun(self._commit, intent, position, required)
        if self._feed.listeners:
            self._feed.publish(Turn(intent))

    async def settle(self, settlement: Settlement) -> None:
        """Put on record how a turn ended; one that is not open is left as it is, and reported.

        After LedgerUnavailable the end is kept in memory and written when the database takes it.
        """
        intent = self._open.pop(settlement.id, None)
        if intent is None:
            self._report(
                "ledger.settle", ValueError(f"turn {settlement.id} is not open and cannot be settled")
            )
            return
        if self._feed.listeners:
            self._feed.publish(Turn(intent, settlement))
        try:
            position = self._append(settlement)
        except LedgerUnavailable:
            self._writer.put(settlement, 0)
            raise
        self._writer.put(settlement, position)
        if self._commit is not None:
            await self._commit.until(position)

    async def flush(self) -> None:
        """Return when everything so far is in the database; LedgerUnavailable when it takes nothing."""
        await self.write(_nothing)

    async def write(self, job: Job[T]) -> T:
        """Run a job with the store, in the thread that writes, after everything so far."""
        return await asyncio.wrap_future(self._writer.submit(job))

    async def read(self, query: Callable[Concatenate[Rows, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query in a thread; it sees everything so far, unless the database takes nothing."""
        try:
            await self.flush()
        except LedgerUnavailable:
            pass
        return await asyncio.to_thread(query, self._reader, *args, **kwargs)

    def subscribe(self) -> Subscription:
        """Return a subscription to turns as they begin and end: `async with`, then `async for`."""
        return self._feed.subscribe()

    async def close(self) -> None:
        """Write what waits and let go of everything; turns still open are `interrupted` at the next start."""
        self._feed.close()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        if self._commit is not None:
            self._commit.close()
        self._journal.close()
        self._writer.close()
        self._reader.close()
        self._opened.store.close()
        self._opened.lock.close()

    def _append(self, record: Record) -> int:
        """Write a record to the journal and return the position after it."""
        try:
            payload = encode(record)
        except (UnicodeEncodeError, OverflowError):
            payload = b""
        if not 0 < len(payload) <= LONGEST:
            payload = encode(scrub(record))
        try:
            position = self._journal.append(payload)
        except LedgerUnavailable as error:
            if self._journal_failure is None:
                self._report("ledger.journal", error)
            self._journal_failure = error
            raise
        if self._journal_failure is not None:
            self._journal_failure = None
        return position

    async def _durably_begun(
        self, commit: GroupCommit, intent: Intent, position: int, required: bool
    ) -> None:
        """Wait for the sync; a turn that then does not begin is settled, or it would seem to run for ever."""
        try:
            await commit.until(position)
        except LedgerUnavailable:
            if required:
                self._undo(Settlement(intent.id, "error", error_kind=LedgerUnavailable.kind))
                raise
        except asyncio.CancelledError:
            self._undo(Settlement(intent.id, "cancelled"))
            raise

    def _undo(self, settlement: Settlement) -> None:
        del self._open[settlement.id]
        self._writer.put(settlement, 0)

    def _sync_failed(self, error: BaseException) -> None:
        self._journal.abandon()
        self._report("ledger.journal", error)


def _nothing(_: Store) -> None:
    """Wait in the queue of jobs, no more."""
