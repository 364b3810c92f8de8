"""Each call to the disk fails once, and each from some one on: nothing acknowledged is missing or torn.

After each run the home is looked at twice: as it is the moment the fault ends, as if the process had been
killed then; and after the disk has come back and everything that was kept in memory has been written.
"""

import asyncio
import errno
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import Failures, intent, settlement
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger import journal as journal_module
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.ledger import Durability, Ledger
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.sqlite import SqliteStore
from storage_faults import Calls, failing, no_larger_than

# `make faults` lets every single call fail; other runs every third one.
STEP = 1 if os.environ.get("LLM_GATEWAY_TEST_FAULTS") == "full" else 3
TURNS = 6
FAR = 200


class Told:
    """What a ledger acknowledged: turns that are on record, begun or ended, and those that it only keeps."""

    def __init__(self) -> None:
        self.begun: set[str] = set()
        self.ended: set[str] = set()
        self.refused: set[str] = set()
        self.kept: set[str] = set()
        self.free = 0

    @property
    def safe(self) -> set[str]:
        """Return the turns that must be there even if the process dies now."""
        return self.begun - self.kept


async def play(ledger: Ledger, told: Told, name: str = "") -> None:
    """Begin and end some turns; every second one need not be on record."""
    for number in range(TURNS):
        turn_id = f"{name}{number}"
        try:
            recorded = await ledger.begin(intent(turn_id), required=number % 2 == 0)
        except LedgerUnavailable:
            told.refused.add(turn_id)
            continue
        told.begun.add(turn_id)
        told.free += number % 2
        if not recorded:
            told.kept.add(turn_id)
        try:
            await ledger.settle(settlement(turn_id))
        except LedgerUnavailable:
            continue
        if recorded:
            told.ended.add(turn_id)


def outcomes(home: Path, failures: Failures) -> dict[str, str]:
    """Return how the turns of a closed ledger ended; each is there once, and the file is whole."""
    with offline(home, FakeClock(), failures) as store:
        assert store.rows("PRAGMA integrity_check") == [("ok",)]
        found = store.rows("SELECT id, outcome, http_status FROM turns")
    assert len({row[0] for row in found}) == len(found)
    return {str(row[0]): "undone" if row[1] == "error" else str(row[1]) for row in found}


def after_a_kill(home: Path, told: Told) -> None:
    """Look at a copy of the home as it is now."""
    copy = home.with_name(home.name + "-killed")
    shutil.copytree(home, copy)
    failures = Failures()
    found = outcomes(copy, failures)
    assert failures == []
    assert told.safe <= found.keys(), "a turn that was on record is missing"
    assert all(found[turn_id] == "ok" for turn_id in told.ended), "an end that was on record is missing"
    shutil.rmtree(copy)


def after_all(home: Path, told: Told) -> None:
    """Look at the home after the disk has come back."""
    failures = Failures()
    found = outcomes(home, failures)
    assert failures == []
    assert {name for name, outcome in found.items() if outcome == "ok"} == told.begun
    # A turn that was refused after its line was in the journal (a sync that failed) is there as undone.
    assert found.keys() - told.begun <= told.refused
    assert {found[name] for name in found.keys() - told.begun} <= {"undone", "interrupted"}


def run(
    home: Path,
    fault: Callable[[Ledger, Told], Awaitable[None]],
    durability: Durability = "process",
) -> None:
    async def scene() -> None:
        told = Told()
        ledger = await Ledger.open(home, FakeClock(), durability=durability, on_failure=Failures())
        ledger._journal._limit = FAR  # a new segment every other turn
        ledger._writer.pause = 0.01
        await play(ledger, told, "before-")
        await fault(ledger, told)
        after_a_kill(home, told)
        for _ in range(400):  # it tries again each second
            if not ledger.kept and ledger.failure is None:
                break
            await asyncio.sleep(0.01)
        await play(ledger, told, "after-")
        await ledger.flush()
        assert ledger.failure is None and ledger.kept == 0 and ledger.takes_turns
        assert "after-0" in told.safe, "it goes on by itself"
        assert told.free == sum(name[-1] in "135" for name in told.begun | told.refused), "those go on"
        await ledger.close()
        after_all(home, told)

    asyncio.run(scene())


@pytest.mark.fault("P7")
@pytest.mark.parametrize("durability", ["process", "power"])
@pytest.mark.parametrize(
    ("code", "lasting", "part"),
    [
        (errno.ENOSPC, False, 0),
        (errno.ENOSPC, True, 0),
        (errno.ENOSPC, False, 7),
        (errno.ENOSPC, True, 7),
        (errno.EIO, False, 0),
        (errno.EIO, True, 0),
        (errno.EROFS, True, 0),
    ],
)
def test_the_journals_calls(
    tmp_path: Path, durability: Durability, code: int, *, lasting: bool, part: int
) -> None:
    count = 0
    for at in range(1, 1000, STEP):
        calls = Calls(at, code, lasting=lasting, part=part)

        async def fault(ledger: Ledger, told: Told, calls: Calls = calls) -> None:
            with failing(calls, journal_module):
                await play(ledger, told, "under-")

        run(tmp_path / str(at), fault, durability)
        shutil.rmtree(tmp_path / str(at))
        if not calls.failed:
            break
        count += 1
    assert count > 15 // STEP, "every call was reached"


class FailingConnection:
    """SQLite's connection, of which one statement, or every one from it on, fails."""

    def __init__(self, real: sqlite3.Connection, at: int, *, lasting: bool) -> None:
        self._real = real
        self._at = at
        self._lasting = lasting
        self.count = 0
        self.failed = 0

    def __getattr__(self, name: str) -> object:
        real = getattr(self._real, name)
        if name not in ("execute", "executemany"):
            return real

        def call(sql: str, *values: object) -> object:
            self.count += sql != "ROLLBACK"
            if sql != "ROLLBACK" and (self.count == self._at or (self._lasting and self.count > self._at)):
                self.failed += 1
                raise sqlite3.OperationalError("disk I/O error")
            return real(sql, *values)

        return call


@pytest.mark.fault("P7")
@pytest.mark.parametrize("lasting", [False, True])
def test_the_databases_statements(tmp_path: Path, *, lasting: bool) -> None:
    count = 0
    for at in range(1, 200):
        failed = [0]

        async def fault(ledger: Ledger, told: Told, at: int = at, failed: list[int] = failed) -> None:
            await ledger.flush()
            store = ledger._opened.store
            assert isinstance(store, SqliteStore)
            real = store._connection
            broken = FailingConnection(real, at, lasting=lasting)
            vars(store)["_connection"] = broken
            for part in range(3):
                await play(ledger, told, f"under-{part}-")
                try:
                    await ledger.flush()
                except (LedgerUnavailable, sqlite3.Error):
                    pass
            vars(store)["_connection"] = real
            failed[0] = broken.failed

        run(tmp_path / str(at), fault)
        shutil.rmtree(tmp_path / str(at))
        if not failed[0]:
            break
        count += 1
    assert count >= 12, "every statement was reached"


@pytest.mark.fault("P7")
def test_files_that_end_at_every_page(tmp_path: Path) -> None:
    """The system itself refuses what lies beyond: within the journal, the write-ahead log, the database."""
    whole = 0
    for limit in (*range(0, 2000, 150), *range(4096, 200_000, 8 * (4096 + 24))):
        home = tmp_path / str(limit)

        async def fault(ledger: Ledger, told: Told, limit: int = limit) -> None:
            with no_larger_than(limit):
                for part in range(3):
                    await play(ledger, told, f"under-{part}-")
                    try:
                        await ledger.flush()
                    except LedgerUnavailable:
                        pass

        run(home, fault)
        whole += (Folder(home).database.stat().st_size) > 0
        shutil.rmtree(home)
    assert whole > 15


def test_a_database_alone_is_enough(tmp_path: Path) -> None:
    """Where the journal takes nothing, a turn is on record in the database before it begins."""

    async def fault(ledger: Ledger, told: Told) -> None:
        with failing(Calls(1, errno.EROFS, lasting=True), journal_module):
            await play(ledger, told, "under-")
            assert not told.refused and not told.kept
            await ledger.flush()
            assert not ledger.kept, "ends are in the database, too"
            assert ledger.takes_turns and ledger.trouble is not None

    run(tmp_path / "home", fault)
