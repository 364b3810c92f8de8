"""The one thread that writes to the database: it applies what the journal already holds, in batches.

It may be late and it may fail for a while, and nothing is lost by that: the journal is what counts. What
does not fit into memory meanwhile is read from there again.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from sqlite3 import DataError, IntegrityError, InterfaceError, ProgrammingError
from typing import TypeVar

import msgspec

from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.journal import Journal
from llm_gateway.ledger.records import Record, decode, scrub
from llm_gateway.ledger.refusal import LedgerDamaged
from llm_gateway.ledger.reserve import Reserve
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.store import Store
from llm_gateway.ledger.trouble import is_full

__all__ = ["BATCH", "GATHER", "MOST_WAITING", "Entry", "Job", "Report", "Writer", "apply_records", "decoded"]

T = TypeVar("T")
Job = Callable[[Store], T]
Report = Callable[[str, BaseException], None]
Entry = tuple[Record, int]

GATHER = 0.25
BATCH = 500
# Records that may wait in memory for a database that takes nothing; at about 1 KB each they must not fill it.
MOST_WAITING = 50_000
_NEARLY = BATCH - 1
# Seconds between two tries while something is in the way.
_PAUSE = 1.0

# A value that no column takes: the batch would fail for ever, so its records are put right and tried alone.
_UNFIT = (IntegrityError, DataError, InterfaceError, ProgrammingError, OverflowError, ValueError)


class Writer:
    """Own a store from `start` until `close`. `put` is called by one thread, the others by any."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        position: int,
        report: Report,
        reserve: Reserve,
        gather: float = GATHER,
    ) -> None:
        self._store = store
        self._journal = journal
        self._position = position
        self._report = report
        self._reserve = reserve
        self._gather = gather
        self.waiting: deque[Entry] = deque()
        self.most = MOST_WAITING
        self.pause = _PAUSE
        self._jobs: deque[Callable[[BaseException | None], None]] = deque()
        self._work = threading.Event()
        self._hurry = threading.Event()
        self._asleep = True
        self._closing = False
        self._busy = False
        self._spilled = False
        self._failure: BaseException | None = None
        self.damage: BaseException | None = None
        """What somebody who read the database met in it: from then on nothing of the journal is deleted."""
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)

    @property
    def failure(self) -> BaseException | None:
        """Return why the database takes nothing now, or None when it does."""
        return self._failure or self.damage

    @property
    def has_all(self) -> bool:
        """Return whether everything put so far is in the database; False where that is not certain."""
        # In this order: what is taken up for the database makes it busy first, and what fails is told last.
        return not self.waiting and not self._busy and not self._spilled and self._failure is None

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, record: Record, position: int) -> None:
        """Hand over a record that the journal holds up to `position`, 0 when it is nowhere else."""
        waiting = self.waiting
        if len(waiting) < _NEARLY or not self._is_too_much(position):
            waiting.append((record, position))
        if self._asleep:
            self._asleep = False
            self._work.set()

    def submit(self, job: Job[T]) -> Future[T]:
        """Run a job with the store after everything put before; LedgerUnavailable when that cannot be.

        One that is cancelled before its turn comes is not run.
        """
        future: Future[T] = Future()

        def run(failure: BaseException | None) -> None:
            if not future.set_running_or_notify_cancel():
                return  # nobody waits for it any more
            if failure is not None:
                future.set_exception(LedgerUnavailable(f"the database takes nothing: {failure}"))
                return
            try:
                future.set_result(job(self._store))
            # The edge of a background thread: whatever the job raised belongs to its caller.
            except Exception as error:
                future.set_exception(error)

        self._jobs.append(run)
        if self._thread.is_alive():
            self._wake()
        else:
            self._answer(RuntimeError("the ledger is closed"))
        return future

    def close(self) -> None:
        """Write what waits, once more if it failed, and end."""
        self._closing = True
        self._wake()
        self._thread.join()
        self._answer(RuntimeError("the ledger is closed"))

    def _wake(self) -> None:
        self._hurry.set()
        self._work.set()

    def _is_too_much(self, position: int) -> bool:
        """Hurry when a batch is full; return whether a record is left to be read from the journal."""
        if len(self.waiting) == _NEARLY:
            self._hurry.set()
        if not position or len(self.waiting) < self.most:
            return False
        self._spilled = True
        return True

    def _run(self) -> None:
        while not self._closing:
            self._work.wait(self.pause if self._reserve.spent else None)
            self._hurry.wait(self._gather)
            self._hurry.clear()
            self._work.clear()
            self._asleep = True
            self._turn()
            if self._failure is not None and not self._closing:
                self._work.set()
                self._hurry.wait(self.pause)
            if self._reserve.spent:
                self._reserve.hold()
        self._turn()

    def _turn(self) -> None:
        """Apply everything put before the jobs that wait, then run those."""
        count = len(self._jobs)
        self._busy = True
        try:
            self._bring_up_to_date()
            self._failure = None
        # The edge of a background thread: a store fails in its own ways; the journal keeps what it refused.
        except Exception as error:
            if self._failure is None:
                self._report("ledger.database", error)
            self._failure = error
        self._busy = False
        self._answer(self._failure, count)

    def _bring_up_to_date(self) -> None:
        """Apply what waits; on a full disk once more, in the room that was kept back."""
        try:
            self._catch_up()
        except Exception as error:
            if not (is_full(error) and self._reserve.release()):
                raise
            self._catch_up()

    def _catch_up(self) -> None:
        count = len(self.waiting)  # before the flag is read: what came before something left out, and no more
        if self._spilled:
            self._read_again()
        elif count:
            self._drain(count)
        elif self._failure is not None:
            apply_records(self._store, [], self._position, self._report)  # whether it takes anything again
        self._tidy()

    def _answer(self, failure: BaseException | None, count: int | None = None) -> None:
        """Run the jobs that wait, or so many of them; with a failure they are told of it."""
        for _ in range(len(self._jobs) if count is None else count):
            self._jobs.popleft()(failure)

    def _drain(self, count: int) -> None:
        waiting = self.waiting
        while count > 0:
            entries = [waiting.popleft() for _ in range(min(count, BATCH))]
            try:
                position = max(self._position, *(position for _, position in entries))
                apply_records(self._store, [record for record, _ in entries], position, self._report)
            except BaseException:
                waiting.extendleft(reversed(entries))
                raise
            self._position = position
            count -= len(entries)

    def _read_again(self) -> None:
        """Apply what the journal holds beyond the database: not everything of it waits here.

        What waits here is applied by that, too, but for what is nowhere else. Only then is the flag taken
        down, and what came in the meantime read; what came after that waits here again. To apply a record
        twice changes nothing.
        """
        self._apply_journal()
        apart: list[Record] = []
        while self.waiting and self.waiting[0][1] <= self._position:
            record, position = self.waiting.popleft()
            if not position:
                apart.append(record)
        try:
            apply_records(self._store, apart, self._position, self._report)
        except BaseException:
            self.waiting.extendleft((record, 0) for record in reversed(apart))
            raise
        self._spilled = False
        try:
            self._apply_journal()
        except BaseException:
            self._spilled = True
            raise

    def _apply_journal(self) -> None:
        until = self._journal.position
        for found in self._journal.written(self._position, until):
            for damage in found.damage:
                if not damage.torn:
                    what = f"{damage.length} bytes of the journal at {damage.offset} are damaged and left out"
                    self._report("ledger.journal", LedgerDamaged(what))
            for start in range(0, len(found.entries), BATCH):
                part = found.entries[start : start + BATCH]
                apply_records(self._store, decoded(part, self._report), part[-1][0], self._report)
                self._position = part[-1][0]

    def _tidy(self) -> None:
        """Delete what the database has for good."""
        if self.damage is None and self._journal.has_applied(self._position) and self._store.checkpoint():
            self._journal.drop(self._position)


def decoded(entries: Iterable[tuple[int, bytes]], report: Report) -> list[Record]:
    """Return the records of journal entries; one that is none is reported and left out."""
    records: list[Record] = []
    for end, payload in entries:
        try:
            records.append(decode(payload))
        except msgspec.DecodeError as error:
            what = f"the journal's entry before {end} is not a record: {error}"
            report("ledger.journal", LedgerDamaged(what))
    return records


def apply_records(store: Store, records: list[Record], position: int, report: Report) -> None:
    """Apply records in one transaction; those that no column takes are put right or left out."""
    try:
        store.apply(merge(records), position)
        return
    except _UNFIT as error:
        report("ledger.record", error)
    # The position moves last: after a crash in between, what is applied again changes nothing.
    before = store.position()
    for record in records:
        try:
            store.apply(merge([scrub(record)]), before)
        except _UNFIT as error:
            report(f"ledger.record {record.id}", error)
    store.apply(merge([]), position)
