"""The writer applies in batches what it is given, outlasts a refusal, and deletes old journal."""

import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger_samples import NOON, Failures, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.journal import Journal, segments
from llm_gateway.ledger.queries import page, turn
from llm_gateway.ledger.records import Record, encode
from llm_gateway.ledger.reserve import Reserve
from llm_gateway.ledger.rows import Batch
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.store import Store
from llm_gateway.ledger.writer import BATCH, Writer, apply_records

FOREVER = 3600.0


class WatchedStore(SqliteStore):
    """A store that tells how many rows each batch began, and fails as long as it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, NOON)
        self.applied: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.error: sqlite3.Error | None = None
        self.safe = True

    def checkpoint(self) -> bool:
        return self.safe and super().checkpoint()

    def apply(self, batch: Batch, position: int) -> None:
        if self.error is not None:
            raise self.error
        super().apply(batch, position)
        self.applied.put(len(batch.begun))


class Desk:
    """A writer with its store, its journal and what it reported."""

    def __init__(self, home: Path, gather: float) -> None:
        self.home = home
        self.store = WatchedStore(home / "db")
        self.journal = Journal(home, 0, durable=False, limit=1000)
        self.failures = Failures()
        self.writer = Writer(self.store, self.journal, 0, self.failures, Reserve(home / "reserve"), gather)

    def put(self, *records: Record) -> None:
        for record in records:
            self.writer.put(record, self.journal.append(encode(record)))

    def stored(self) -> list[str]:
        """Return the ids that are in the database, after everything put before."""
        return self.writer.submit(stored).result(10)


@contextmanager
def desk_in(home: Path, gather: float = FOREVER) -> Iterator[Desk]:
    desk = Desk(home, gather)
    desk.writer.start()
    try:
        yield desk
    finally:
        desk.journal.close()
        desk.writer.close()
        desk.store.close()


def stored(store: Store) -> list[str]:
    return [each.intent.id for each in page(store, limit=1000)]


def test_a_job_sees_everything_put_before_without_waiting_for_more(tmp_path: Path) -> None:
    with desk_in(tmp_path) as desk:
        desk.put(intent("a"), settlement("a"), intent("b"))
        assert desk.stored() == ["b", "a"]
        desk.put(settlement("b"))
        ended = desk.writer.submit(lambda store: turn(store, "b")).result(10)
        assert ended is not None and not ended.running


def test_records_are_applied_by_themselves_after_a_while(tmp_path: Path) -> None:
    with desk_in(tmp_path, gather=0.001) as desk:
        desk.put(intent("a"))
        assert desk.store.applied.get(timeout=10) == 1


def test_many_records_do_not_wait_for_more(tmp_path: Path) -> None:
    with desk_in(tmp_path) as desk:
        desk.put(*(intent(f"{number:04}") for number in range(BATCH)))
        assert desk.store.applied.get(timeout=10) <= BATCH


def test_what_a_job_raises_belongs_to_who_asked(tmp_path: Path) -> None:
    def job(store: Store) -> None:
        store.rows("SELECT * FROM nowhere")

    with desk_in(tmp_path) as desk:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            desk.writer.submit(job).result(10)
        assert desk.stored() == []
        assert desk.failures == []


def test_a_job_that_is_cancelled_is_not_run_and_the_writer_goes_on(tmp_path: Path) -> None:
    """A client that leaves cancels what it waited for; the thread that writes must not die of it."""
    blocked = threading.Event()
    ran: list[Store] = []

    def block(_: Store) -> None:
        blocked.wait(10)

    with desk_in(tmp_path) as desk:
        first = desk.writer.submit(block)
        second = desk.writer.submit(ran.append)
        assert second.cancel()
        blocked.set()
        first.result(10)
        assert desk.stored() == [] == ran


def test_closing_writes_what_waits_and_deletes_the_journal(tmp_path: Path) -> None:
    with desk_in(tmp_path) as desk:
        desk.put(*(intent(f"{number:02}") for number in range(50)))
        assert len(segments(tmp_path)) >= 5
    assert segments(tmp_path) == []
    store = SqliteStore(tmp_path / "db", NOON)
    assert len(stored(store)) == 50
    store.close()


def test_old_segments_go_while_it_runs(tmp_path: Path) -> None:
    with desk_in(tmp_path) as desk:
        desk.put(*(intent(f"{number:02}") for number in range(50)))
        desk.stored()
        assert len(segments(tmp_path)) == 1


def test_a_segment_stays_until_the_database_would_outlast_a_loss_of_power(tmp_path: Path) -> None:
    with desk_in(tmp_path) as desk:
        desk.store.safe = False
        desk.put(*(intent(f"{number:02}") for number in range(50)))
        desk.stored()
        assert len(segments(tmp_path)) >= 5
        desk.store.safe = True
        desk.stored()
        assert len(segments(tmp_path)) == 1


def test_once_the_database_is_known_to_be_damaged_nothing_of_the_journal_is_deleted(tmp_path: Path) -> None:
    with desk_in(tmp_path) as desk:
        desk.writer.damage = sqlite3.DatabaseError("database disk image is malformed")
        assert desk.writer.failure is desk.writer.damage
        desk.put(*(intent(f"{number:02}") for number in range(50)))
        assert len(desk.stored()) == 50
        assert len(segments(tmp_path)) >= 5


def test_a_database_that_refuses_loses_nothing(tmp_path: Path) -> None:
    with desk_in(tmp_path) as desk:
        desk.store.error = sqlite3.OperationalError("database or disk is full")
        desk.put(intent("a"), settlement("a"))
        with pytest.raises(LedgerUnavailable, match="disk is full"):
            desk.stored()
        desk.put(intent("b"))
        with pytest.raises(LedgerUnavailable, match="disk is full"):
            desk.stored()
        assert [what for what, _ in desk.failures] == ["ledger.database"]
        assert desk.writer.failure is desk.store.error
        desk.store.error = None
        assert desk.stored() == ["b", "a"]
        assert desk.writer.failure is None


def test_what_the_database_refused_to_the_end_is_still_in_the_journal(tmp_path: Path) -> None:
    with desk_in(tmp_path) as desk:
        desk.store.error = sqlite3.OperationalError("database or disk is full")
        desk.put(*(intent(f"{number:02}") for number in range(20)))
    assert sum(each.end - each.start for each in segments(tmp_path)) > 20 * len(encode(intent("00")))


def test_a_record_that_no_column_takes_is_put_right_and_the_others_are_kept(tmp_path: Path) -> None:
    with desk_in(tmp_path) as desk:
        desk.writer.put(intent("a"), 10)
        desk.writer.put(intent("b", model_asked="\ud800", request_bytes=2**70), 20)
        desk.writer.put(settlement("a", usage=Usage(2**80)), 30)
        assert desk.stored() == ["b", "a"]
        found = desk.writer.submit(lambda store: turn(store, "a")).result(10)
        assert found is not None and found.settlement is not None
        assert found.settlement.usage == Usage(2**63 - 1)
        assert desk.writer.submit(lambda store: store.position()).result(10) == 30
        assert [what for what, _ in desk.failures] == ["ledger.record"]


def test_a_record_that_cannot_be_put_right_is_named_and_left_out(tmp_path: Path) -> None:
    store, failures = SqliteStore(tmp_path / "db", NOON), Failures()
    apply_records(store, [intent("a"), intent("b", provider=None), intent("c")], 7, failures)
    assert stored(store) == ["c", "a"]
    assert store.position() == 7
    assert [what for what, _ in failures] == ["ledger.record", "ledger.record b"]
    store.close()
