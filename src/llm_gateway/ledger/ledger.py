"""The account of every request: on record before anything is sent, settled before the client has the end.

`begin` and `settle` write one journal entry each and return; the database follows a moment later in a thread
of its own (`writer.py`). Where the journal takes nothing, the database is asked; where both do not, what need
not be on record is kept in memory until one of them does. Queries are in `queries.py` and `totals.py`, keys
in `keys.py`; they are run through `read` and `write`.
"""

import asyncio
import errno
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Concatenate, Literal, ParamSpec, TypeVar

from llm_gateway.clock import Clock
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.audit import AuditLog
from llm_gateway.ledger.commit import GroupCommit
from llm_gateway.ledger.compressions import Compressions
from llm_gateway.ledger.feed import Feed, Subscription
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.journal import Journal, payload_of
from llm_gateway.ledger.opening import Opened, open_files
from llm_gateway.ledger.progress import Followers
from llm_gateway.ledger.reader import Reader
from llm_gateway.ledger.records import Intent, Noted, Progress, Record, Recount, Settlement, Turn, encode
from llm_gateway.ledger.store import Rows, Store
from llm_gateway.ledger.trouble import Trouble, is_damaged, trouble
from llm_gateway.ledger.writer import Job, Report, Writer, apply_records
from llm_gateway.telemetry.giving_way import beside_the_loop

__all__ = ["MOST_KEPT", "Durability", "Ledger"]

P = ParamSpec("P")
T = TypeVar("T")

Durability = Literal["process", "power"]
"""What a recorded turn survives: the death of the process, or the machine's too (a sync is awaited)."""

# Records that may be in memory alone before no turn begins any more; about 1 KB each.
MOST_KEPT = 10_000
_RETRY_AFTER_S = 5.0
# An end that belongs to no turn: it changes nothing, and that it can be written says that others can, too.
_PROBE = encode(Settlement("", "interrupted"))


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
        self._reserve = opened.reserve
        self._journal = Journal(
            opened.folder.journal,
            opened.position,
            durable=durability == "power",
            make_room=opened.reserve.release,
        )
        self._commit = GroupCommit(self._journal.sync, self._sync_failed) if durability == "power" else None
        self._writer = Writer(opened.store, self._journal, opened.position, report, opened.reserve)
        self._reader = Reader(opened.folder.database, clock)
        self._feed = Feed()
        self._open: dict[str, Intent] = {}
        self._kept: deque[Record] = deque()
        self._kept_ids: set[str] = set()
        self._journal_failure: LedgerUnavailable | None = None
        self._again: asyncio.TimerHandle | None = None
        self._closed = False
        self._followers = Followers(self.add)
        self.follow = self._followers.follow
        """Put on record once a second how far a turn that runs has come: with its id, and its answer."""
        self.submit = self._writer.submit
        """Have a job run as `write` does, from any thread; nobody waits for it."""
        # Asked on the event loop: it never waits for a long query of somebody else's.
        self._quick = Reader(opened.folder.database, clock, limit=1.0)
        self.compressions = Compressions(self._quick, self.submit, clock)
        self.audit = AuditLog(opened.folder.root.parent, clock)
        self._writer.start()

    @property
    def saved(self) -> Path | None:
        """Return the copy of the database from before it was migrated, where this start has done that."""
        return self._opened.saved

    @property
    def open_turns(self) -> Mapping[str, Intent]:
        """Return the turns that run now, by id."""
        return MappingProxyType(self._open)

    @property
    def failure(self) -> BaseException | None:
        """Return why turns cannot be recorded or applied at the moment, or None when all is well."""
        late = self._commit.late if self._commit is not None else None
        return self._journal_failure or late or self._writer.failure or self._full()

    def gauges(self) -> dict[str, Callable[[], float]]:
        """Return what is to be shown of it, by the name of the metric."""
        return {
            "llm_gateway_ledger_failing": lambda: float(self.failure is not None),
            "llm_gateway_ledger_unrecorded": lambda: float(self.kept),
        }

    @property
    def trouble(self) -> Trouble | None:
        """Return what is wrong with the storage and what helps, or None when all is well."""
        failure = self.failure
        return None if failure is None else trouble(failure)

    @property
    def takes_turns(self) -> bool:
        """Return whether a turn that has to be on record can begin."""
        if self._closed or self._reserve.spent or (self._commit is not None and self._commit.late):
            return False
        return self._journal_failure is None or self._writer.failure is None

    @property
    def kept(self) -> int:
        """Return how many records are in memory alone."""
        return 0 if self._writer.has_all else len(self._kept)

    def new_id(self) -> str:
        """Return the id for a turn that begins."""
        return self._ids.new()

    async def begin(self, intent: Intent, *, required: bool = True) -> bool:
        """Put on record that a turn begins; LedgerUnavailable when that fails, and then the turn is not open.

        Without `required` a turn that cannot be recorded goes on, in memory: False is returned, and it is
        written when the journal or the database takes it.
        """
        if self._reserve.spent:
            return self._go_on(intent, required, self._full())
        try:
            position = self._append(intent)
        except LedgerUnavailable as why:
            return await self._begin_in_database(intent, required, why)
        self._open[intent.id] = intent
        self._writer.put(intent, position)
        recorded = True
        if self._commit is not None:
            recorded = await self._durably_begun(self._commit, intent, position, required)
        if self._feed.listeners:
            self._feed.publish(Turn(intent))
        return recorded

    async def settle(self, settlement: Settlement) -> None:
        """Put on record how a turn ended; one that is not open is left as it is, and reported.

        After LedgerUnavailable the end is kept in memory, and written when journal or database takes it.
        """
        self._followers.leave(settlement.id)
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
            self._keep(settlement)
            raise
        self._writer.put(settlement, position)
        if self._commit is not None:
            await self._commit.until(position)

    def add(self, record: Progress | Recount | Noted) -> None:
        """Put on record what belongs to turns and is no begin or end of one; nobody waits for it."""
        try:
            position = self._append(record)
        except LedgerUnavailable:
            if not isinstance(record, Progress):  # of which the turn's end will say more
                self._keep(record)
            return
        self._writer.put(record, position)

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
        try:
            return await beside_the_loop(query, self._reader, *args, **kwargs)
        except sqlite3.DatabaseError as error:
            if is_damaged(error):
                self._writer.damage = error
            raise

    def subscribe(self) -> Subscription:
        """Return a subscription to turns as they begin and end: `async with`, then `async for`."""
        return self._feed.subscribe()

    async def close(self) -> None:
        """Write what waits and let go of everything; turns still open are `interrupted` at the next start."""
        self._feed.close()
        self._followers.close()
        if self._again is not None:
            self._again.cancel()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._closed = True
        if self._commit is not None:
            self._commit.close()
        self._journal.close()
        self._writer.close()
        self._reader.close()
        self._quick.close()
        self._opened.store.close()
        self._opened.lock.close()

    def _append(self, record: Record) -> int:
        """Write a record to the journal and return the position after it."""
        if self._kept:
            self._catch_up(record.id)
        try:
            position = self._journal.append(payload_of(record))
        except LedgerUnavailable as error:
            self._journal_failed(error)
            raise
        if self._journal_failure is not None:
            self._journal_failure = None
        return position

    # where the journal takes nothing

    async def _begin_in_database(self, intent: Intent, required: bool, why: LedgerUnavailable) -> bool:
        """Put a turn on record in the database alone, at once."""
        if self._closed or self._writer.failure is not None:
            return self._go_on(intent, required, why)
        self._open[intent.id] = intent
        try:
            await self.write(self._insertion(intent))
        except (LedgerUnavailable, sqlite3.Error) as error:
            del self._open[intent.id]
            return self._go_on(intent, required, error)
        except asyncio.CancelledError:
            self._undo(Settlement(intent.id, "cancelled"))
            raise
        if self._feed.listeners:
            self._feed.publish(Turn(intent))
        return True

    def _insertion(self, intent: Intent) -> Job[None]:
        durable = self._commit is not None

        def insert(store: Store) -> None:
            apply_records(store, [intent], store.position(), self._report)
            if durable and not store.checkpoint():
                raise LedgerUnavailable("the database cannot be brought to the disk")

        return insert

    def _go_on(self, intent: Intent, required: bool, why: BaseException | None) -> bool:
        """Keep a turn that need not be on record; LedgerUnavailable for others, and when enough is kept."""
        told = trouble(why) if why is not None else Trouble("", "")
        if required or self._closed:
            raise LedgerUnavailable(
                f"the request cannot be recorded, and what costs money is not asked for unrecorded: "
                f"{told.what}. {told.way_out}",
                retry_after=_RETRY_AFTER_S,
            ) from why
        if len(self._kept) >= MOST_KEPT:
            raise LedgerUnavailable(
                f"{len(self._kept)} records wait in memory to be written, which is enough: {told.what}. "
                f"{told.way_out}",
                retry_after=_RETRY_AFTER_S,
            ) from why
        self._open[intent.id] = intent
        self._keep(intent)
        if self._feed.listeners:
            self._feed.publish(Turn(intent))
        return False

    def _keep(self, record: Record) -> None:
        """Keep a record for whichever takes it first, the database or the journal."""
        self._kept.append(record)
        self._kept_ids.add(record.id)
        self._writer.put(record, 0)
        self._look_again()

    def _catch_up(self, turn_id: str = "") -> None:
        """Write what was kept to the journal, in order: the end of a kept turn never before its begin."""
        if self._writer.has_all:
            self._kept.clear()
        if self._reserve.spent and self._kept:
            if turn_id in self._kept_ids:
                raise LedgerUnavailable("the disk is full, and the turn's begin is in memory")
            return
        try:
            while self._kept:
                self._journal.append(payload_of(self._kept[0]))
                self._kept.popleft()
        except LedgerUnavailable as error:
            self._journal_failed(error)
            raise
        self._kept_ids.clear()

    def _journal_failed(self, error: LedgerUnavailable) -> None:
        if self._journal_failure is None:
            self._report("ledger.journal", error)
        self._journal_failure = error
        self._look_again()

    def _look_again(self) -> None:
        """Try the journal in a while, whether or not a request comes by."""
        if self._again is None and not self._closed:
            self._again = asyncio.get_running_loop().call_later(self._writer.pause, self._try_journal)

    def _try_journal(self) -> None:
        self._again = None
        if self._reserve.spent:
            self._look_again()
            return
        try:
            self._catch_up()
            if self._journal_failure is not None:
                self._journal.append(_PROBE)
                self._journal_failure = None
        except LedgerUnavailable:
            self._look_again()

    def _full(self) -> LedgerUnavailable | None:
        """Return what is wrong while the reserve is given up."""
        if not self._reserve.spent:
            return None
        full = LedgerUnavailable("the disk is full: what room is left is for the ends of turns that run")
        full.__cause__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return full

    async def _durably_begun(
        self, commit: GroupCommit, intent: Intent, position: int, required: bool
    ) -> bool:
        """Wait for the sync; a turn that then does not begin is settled, or it would seem to run for ever."""
        try:
            await commit.until(position)
        except LedgerUnavailable as why:
            if required:
                self._undo(Settlement(intent.id, "error", error_kind=LedgerUnavailable.kind))
                told = trouble(why)
                raise LedgerUnavailable(
                    f"the request cannot be brought to the disk: {told.what}. {told.way_out}",
                    retry_after=_RETRY_AFTER_S,
                ) from why
            return False
        except asyncio.CancelledError:
            self._undo(Settlement(intent.id, "cancelled"))
            raise
        return True

    def _undo(self, settlement: Settlement) -> None:
        del self._open[settlement.id]
        self._writer.put(settlement, 0)

    def _sync_failed(self, error: BaseException) -> None:
        if not isinstance(error, TimeoutError):
            self._journal.abandon()
        self._report("ledger.journal", error)


def _nothing(_: Store) -> None:
    """Wait in the queue of jobs, no more."""
