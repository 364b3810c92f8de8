"""What was decided is found at once and after a restart, and the first decision stands."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from fakes import FakeClock
from ledger_samples import with_ledger
from llm_gateway.ledger.compressions import (
    MOST_WAITING,
    CompressionRow,
    Compressions,
    keep_compressions,
    prune_compressions,
)
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.reader import Reader
from llm_gateway.ledger.store import Row, Store, Value
from llm_gateway.ledger.writer import Job

A, B, C = (bytes([number]) * 16 for number in range(3))


class Jobs:
    """Jobs that a writer has not come to yet."""

    def __init__(self) -> None:
        self.waiting: list[Job[None]] = []

    def __call__(self, job: Job[None]) -> None:
        self.waiting.append(job)

    async def run(self, ledger: Ledger) -> None:
        for job in self.waiting:
            await ledger.write(job)
        self.waiting.clear()


def reader(home: Path) -> Reader:
    return Reader(home / "ledger" / "ledger.sqlite3", FakeClock())


def test_what_is_decided_is_found_before_and_after_it_is_written(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        await ledger.flush()
        jobs, rows = Jobs(), reader(tmp_path)
        kept = Compressions(rows, jobs, FakeClock())
        kept.keep({A: "strict-1", B: "raw"})
        assert kept.find([A, B, C]) == {A: "strict-1", B: "raw"}
        await jobs.run(ledger)
        assert kept.find([A, B, C]) == {A: "strict-1", B: "raw"}
        kept = Compressions(rows, ledger.submit, FakeClock())
        kept.keep({A: "wide-1", C: "stopped"})
        await ledger.flush()
        assert kept.find([A, C]) == {A: "strict-1", C: "stopped"}
        rows.close()

    async def after(ledger: Ledger) -> None:
        rows = reader(tmp_path)
        assert Compressions(rows, Jobs(), FakeClock()).find([A, B]) == {A: "strict-1", B: "raw"}
        rows.close()

    assert not asyncio.run(with_ledger(tmp_path, scene))
    assert not asyncio.run(with_ledger(tmp_path, after))


def test_what_was_not_taken_is_written_with_the_next(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        jobs = Jobs()
        kept = Compressions(ledger_rows(), jobs, FakeClock())
        kept.keep({A: "strict-1"})
        jobs.waiting.clear()  # the database took nothing
        kept.keep({B: "raw"})
        await jobs.run(ledger)
        rows = reader(tmp_path)
        assert Compressions(rows, jobs, FakeClock()).find([A, B]) == {A: "strict-1", B: "raw"}
        rows.close()

    assert not asyncio.run(with_ledger(tmp_path, scene))


class Broken:
    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        raise sqlite3.OperationalError("disk I/O error")


def ledger_rows() -> Broken:
    return Broken()


def test_a_database_that_cannot_be_read_costs_no_request() -> None:
    kept = Compressions(Broken(), Jobs(), FakeClock())
    kept.keep({A: "raw"})
    assert kept.find([A, B]) == {A: "raw"}
    assert kept.failures == 1
    assert kept.any() and not Compressions(Broken(), Jobs(), FakeClock()).any()


def test_what_waits_is_bounded() -> None:
    kept = Compressions(Broken(), Jobs(), FakeClock())
    chains = [number.to_bytes(16, "big") for number in range(MOST_WAITING + 10)]
    for chain in chains:
        kept.keep({chain: "raw"})
    assert len(kept.find(chains[10:])) == MOST_WAITING
    assert kept.find(chains[:1]) == {}


def test_what_is_old_is_forgotten(tmp_path: Path) -> None:
    def scene(store: Store) -> tuple[int, int]:
        keep_compressions(store, [CompressionRow(A, "raw", 1), CompressionRow(B, "raw", 5)])
        return prune_compressions(store, 5), prune_compressions(store, 5)

    async def play(ledger: Ledger) -> None:
        assert await ledger.write(scene) == (1, 0)

    assert not asyncio.run(with_ledger(tmp_path, play))


def test_what_was_only_measured_was_not_sent_shorter(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        rows = reader(tmp_path)
        kept = Compressions(rows, ledger.submit, FakeClock())
        kept.keep({A: "shadow strict-1"})
        assert not kept.any()
        await ledger.flush()
        assert not kept.any() and kept.find([A]) == {A: "shadow strict-1"}
        kept.keep({B: "strict-1"})
        await ledger.flush()
        assert kept.any()
        rows.close()

    assert not asyncio.run(with_ledger(tmp_path, scene))


def test_threads_may_keep_at_once_while_it_is_written() -> None:
    kept = Compressions(Broken(), Jobs(), FakeClock())
    failed: list[BaseException] = []

    def keep(first: int) -> None:
        try:
            for number in range(first, first + 4000):
                kept.keep({number.to_bytes(16, "big"): "raw"})
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=keep, args=(10_000 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
