"""The one thread that writes to the database: it applies what the journal already holds, in batches.

It may be late and it may fail for a while, and nothing is lost by that: the journal is what counts.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from sqlite3 import DataError, IntegrityError, InterfaceError, ProgrammingError
from typing import TypeVar

from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.journal import Journal
from llm_gateway.ledger.records import Record, scrub
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.store import Store

__all__ = ["BATCH", "GATHER", "Entry", "Job", "Report", "Writer", "apply_records"]

T = TypeVar("T")
Job = Callable[[Store], T]
Report = Callable[[str, BaseException], None]
Entry = tuple[Record, int]

GATHER = 0.25
BATCH = 500
_RETRY = 1.0

# A value that no column takes: the batch would fail for ever, so its records are put right and tried alone.
_UNFIT = (IntegrityError, DataError, InterfaceError, ProgrammingError, OverflowError, ValueError)


class Writer:
    """Own a store from `start` until `close`. `put` is called by one thread, the others by any."""

    def __init__(
        self, store: Store, journal: Journal, position: int, report: Report, gather: float = GATHER
    ) -> None:
        self._store = store
        self._journal = journal
        self._position = position
        self._report = report
        self._gather = gather
        self.waiting: deque[Entry] = deque()
        self._jobs: deque[Callable[[BaseException | None], None]] = deque()
        self._work = threading.Event()
        self._hurry = threading.Event()
        self._asleep = True
        self._closing = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)

    @property
    def failure(self) -> BaseException | None:
        """Return why the database takes nothing now, or None when it does."""
        return self._failure

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, record: Record, position: int) -> None:
        """Hand over a record that the journal holds up to `position`."""
        waiting = self.waiting
        waiting.append((record, position))
        if self._asleep:
            self._asleep = False
            self._work.set()
        if len(waiting) == BATCH:
            self._hurry.set()

    def submit(self, job: Job[T]) -> Future[T]:
        """Run a job with the store after everything put before; LedgerUnavailable when that cannot be."""
        future: Future[T] = Future()

        def run(failure: BaseException | None) -> None:
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

    def _run(self) -> None:
        while not self._closing:
            self._work.wait()
            self._hurry.wait(self._gather)
            self._hurry.clear()
            self._work.clear()
            self._asleep = True
            self._turn()
            if self._failure is not None and not self._closing:
                self._work.set()
                self._hurry.wait(_RETRY)
        self._turn()

    def _turn(self) -> None:
        """Apply everything put before the jobs that wait, then run those."""
        count = len(self._jobs)
        try:
            self._drain(len(self.waiting))
            self._tidy()
            self._failure = None
        # The edge of a background thread: a store fails in its own ways; the journal keeps what it refused.
        except Exception as error:
            if self._failure is None:
                self._report("ledger.database", error)
            self._failure = error
        self._answer(self._failure, count)

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

    def _tidy(self) -> None:
        """Delete what the database has for good."""
        if self._journal.has_applied(self._position) and self._store.checkpoint():
            self._journal.drop(self._position)


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
