"""The ledger as the gateway uses it: begin, settle, look at once, and what happens when the disk says no."""

import asyncio
import os
import resource
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Coroutine
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import Failures, intent, settlement, with_ledger
from llm_gateway.canonical.usage import Usage
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.filters import Filter
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.ledger import MOST_KEPT, Durability, Ledger
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.queries import page, turn
from llm_gateway.ledger.records import Turn
from llm_gateway.ledger.refusal import LedgerBusy
from llm_gateway.ledger.writer import BATCH

both = pytest.mark.parametrize("durability", ["process", "power"])


class FullDisk:
    """No file grows while this is entered: writes fail as they do on a full disk."""

    def __enter__(self) -> None:
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, self._limits[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        signal.signal(signal.SIGXFSZ, self._handler)


def outcomes(home: Path) -> dict[str, str]:
    """Return how the turns of a ledger ended that nobody has open."""
    with offline(home, FakeClock(), Failures()) as store:
        return {each.intent.id: each.settlement.outcome if each.settlement else "" for each in page(store)}


def open_file_in(folder: Path) -> int:
    """Return the handle of the one file of a folder that this process has open."""
    links = {int(link.name): link for link in Path("/proc/self/fd").iterdir()}
    (handle,) = [handle for handle, link in links.items() if link.resolve().parent == folder]
    return handle


def is_well(ledger: Ledger) -> bool:
    return ledger.failure is None


@both
def test_a_turn_is_visible_at_once_while_it_runs_and_after(tmp_path: Path, durability: Durability) -> None:
    async def scene(ledger: Ledger) -> None:
        await ledger.begin(intent("a"))
        assert dict(ledger.open_turns) == {"a": intent("a")}
        assert await ledger.read(page) == [Turn(intent("a"))]
        assert await ledger.read(page, Filter(outcome="running"), limit=5) == [Turn(intent("a"))]
        await ledger.settle(settlement("a"))
        assert dict(ledger.open_turns) == {}
        assert await ledger.read(turn, "a") == Turn(intent("a"), settlement("a"))
        assert ledger.failure is None

    assert asyncio.run(with_ledger(tmp_path, scene, durability=durability)) == []
    assert outcomes(tmp_path) == {"a": "ok"}


def test_the_request_path_is_never_suspended(tmp_path: Path) -> None:
    def runs_through(work: Coroutine[object, object, object]) -> bool:
        try:
            work.send(None)
        except StopIteration:
            return True
        work.close()
        return False

    async def scene(ledger: Ledger) -> None:
        assert runs_through(ledger.begin(intent("a")))
        assert runs_through(ledger.settle(settlement("a")))

    assert asyncio.run(with_ledger(tmp_path, scene)) == []


def test_what_was_open_at_the_end_is_interrupted(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        await ledger.begin(intent("a"))

    assert asyncio.run(with_ledger(tmp_path, scene)) == []
    assert list(Folder(tmp_path).journal.iterdir()) == []
    assert outcomes(tmp_path) == {"a": "interrupted"}


def test_a_second_ledger_on_the_home_is_refused(tmp_path: Path) -> None:
    async def scene(_: Ledger) -> None:
        with pytest.raises(LedgerBusy):
            await Ledger.open(tmp_path, FakeClock(), on_failure=Failures())

    asyncio.run(with_ledger(tmp_path, scene))


def test_its_ids_are_its_own(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        assert len({ledger.new_id() for _ in range(100)}) == 100

    asyncio.run(with_ledger(tmp_path, scene))


def test_a_turn_that_is_not_open_is_not_settled_and_reported(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        await ledger.begin(intent("a"))
        await ledger.settle(settlement("a"))
        await ledger.settle(settlement("a", outcome="error"))

    failures = asyncio.run(with_ledger(tmp_path, scene))
    assert [what for what, _ in failures] == ["ledger.settle"]
    assert outcomes(tmp_path) == {"a": "ok"}


def test_hostile_values_are_accounted_all_the_same(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        await ledger.begin(intent("a", model_asked="\ud800" + "x" * 1_000_000))
        await ledger.settle(settlement("a", usage=Usage(10**30)))

    asyncio.run(with_ledger(tmp_path, scene))
    assert outcomes(tmp_path) == {"a": "ok"}


def test_listeners_hear_of_turns_as_they_begin_and_end(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        async with ledger.subscribe() as listener:
            await ledger.begin(intent("a"))
            await ledger.settle(settlement("a"))
            assert await anext(listener) == Turn(intent("a"))
            assert await anext(listener) == Turn(intent("a"), settlement("a"))
            await ledger.close()
            with pytest.raises(StopAsyncIteration):
                await anext(listener)

    async def run() -> None:
        await scene(await Ledger.open(tmp_path, FakeClock(), on_failure=Failures()))

    asyncio.run(run())


@both
def test_on_a_full_disk_nothing_begins_and_what_runs_is_settled_later(
    tmp_path: Path, durability: Durability
) -> None:
    async def scene(ledger: Ledger) -> None:
        await ledger.begin(intent("a"))
        await ledger.flush()
        with FullDisk():
            with pytest.raises(LedgerUnavailable):
                await ledger.begin(intent("b"))
            assert set(ledger.open_turns) == {"a"}
            with pytest.raises(LedgerUnavailable):
                await ledger.settle(settlement("a"))
            assert not is_well(ledger)
            with pytest.raises(LedgerUnavailable):
                await ledger.flush()
            assert await ledger.read(page) == [Turn(intent("a"))]
        assert await ledger.read(page) == [Turn(intent("a"), settlement("a"))]
        await ledger.begin(intent("c"))
        assert is_well(ledger)
        await ledger.settle(settlement("c"))

    failures = asyncio.run(with_ledger(tmp_path, scene, durability=durability))
    assert sorted(what for what, _ in failures) == ["ledger.database", "ledger.journal"]
    assert outcomes(tmp_path) == {"a": "ok", "c": "ok"}


@both
def test_a_turn_that_need_not_be_recorded_goes_on_and_is_recorded_later(
    tmp_path: Path, durability: Durability
) -> None:
    async def scene(ledger: Ledger) -> None:
        with FullDisk():
            await ledger.begin(intent("a"), required=False)
            assert set(ledger.open_turns) == {"a"}
        await ledger.settle(settlement("a"))
        assert await ledger.read(turn, "a") == Turn(intent("a"), settlement("a"))

    asyncio.run(with_ledger(tmp_path, scene, durability=durability))


def test_power_mode_syncs_many_turns_at_once(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        async def one(name: str) -> None:
            await ledger.begin(intent(name))
            await ledger.settle(settlement(name))

        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(one(f"{number:02}"))
        assert len(await ledger.read(page)) == 50

    assert asyncio.run(with_ledger(tmp_path, scene, durability="power")) == []


@pytest.mark.fault("P8")
def test_a_sync_that_takes_long_is_waited_for_up_to_a_limit_and_what_is_free_goes_on(tmp_path: Path) -> None:
    """A pipe in place of the journal's file, whose sync a thread holds up."""
    allowed = threading.Event()

    async def scene(ledger: Ledger) -> None:
        assert ledger._commit is not None
        ledger._commit._limit = 0.2
        sync = ledger._commit._sync

        def slow() -> int:
            allowed.wait()
            return sync()

        ledger._commit._sync = slow
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(refused(ledger, f"paid-{number}")) for number in range(20)]
            free = group.create_task(ledger.begin(intent("free"), required=False))
            ticks = 0
            while not all(task.done() for task in (*waiting, free)):
                await asyncio.sleep(0.01)
                ticks += 1
        assert time.monotonic() - began < 5 and ticks > 3, "nobody else is held up"
        assert free.result() is False
        await refused(ledger, "late")  # at once
        assert set(ledger.open_turns) == {"free"} and not ledger.takes_turns
        assert ledger.trouble is not None and "slow" in ledger.trouble.what
        with pytest.raises(LedgerUnavailable):
            await ledger.settle(settlement("free"))
        allowed.set()
        await asyncio.wait_for(ledger.flush(), 10)
        await asyncio.to_thread(ledger._commit._thread.submit(int).result)
        await asyncio.sleep(0)
        assert await ledger.begin(intent("then"))
        await ledger.settle(settlement("then"))

    async def refused(ledger: Ledger, name: str) -> None:
        with pytest.raises(LedgerUnavailable) as why:
            await ledger.begin(intent(name))
        assert why.value.retry_after

    failures = asyncio.run(with_ledger(tmp_path, scene, durability="power"))
    assert [what for what, _ in failures] == ["ledger.journal"]
    found = outcomes(tmp_path)
    assert (found.pop("free"), found.pop("then")) == ("ok", "ok")
    assert set(found.values()) == {"error"} and len(found) == 21


def test_only_so_much_is_kept_in_memory_and_ends_are_always(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        with FullDisk():
            for number in range(MOST_KEPT):
                await ledger.begin(intent(f"{number}"), required=False)
            assert ledger.kept == MOST_KEPT
            with pytest.raises(LedgerUnavailable, match="wait in memory") as why:
                await ledger.begin(intent("more"), required=False)
            assert why.value.retry_after
            with pytest.raises(LedgerUnavailable):
                await ledger.settle(settlement("0"))
        await ledger.flush()
        assert ledger.kept == 0

    asyncio.run(with_ledger(tmp_path, scene))
    with offline(tmp_path, FakeClock(), Failures()) as store:
        found = store.rows("SELECT outcome, count(*) FROM turns GROUP BY outcome ORDER BY outcome")
    assert found == [("interrupted", MOST_KEPT - 1), ("ok", 1)]


def test_what_was_kept_is_in_the_journal_when_that_comes_back_before_the_database(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        other = sqlite3.connect(Folder(tmp_path).database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with FullDisk():
            assert not await ledger.begin(intent("kept"), required=False)
            with pytest.raises(LedgerUnavailable):
                await ledger.begin(intent("paid"))
        for _ in range(500):
            await asyncio.sleep(0.01)
            if not ledger._kept:
                break
        await ledger.settle(settlement("kept"))
        copy = tmp_path.with_name(tmp_path.name + "-killed")
        other.close()
        shutil.copytree(tmp_path, copy)
        assert outcomes(copy) == {"kept": "ok"}, "even if the process dies before the database has it"

    asyncio.run(with_ledger(tmp_path, scene))
    assert outcomes(tmp_path) == {"kept": "ok"}


def test_a_begin_that_is_cancelled_while_it_waits_leaves_nothing_open(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        async with asyncio.TaskGroup() as group:
            beginning = group.create_task(ledger.begin(intent("a")))
            await asyncio.sleep(0)
            beginning.cancel()
        assert dict(ledger.open_turns) == {}
        found = await ledger.read(turn, "a")
        assert found is not None and found.settlement is not None
        assert found.settlement.outcome == "cancelled"

    assert asyncio.run(with_ledger(tmp_path, scene, durability="power")) == []


def test_a_sync_that_fails_refuses_the_turn_and_goes_on_in_a_new_segment(tmp_path: Path) -> None:
    """A pipe in place of the journal file: it takes the bytes, and cannot be synced."""

    async def scene(ledger: Ledger) -> None:
        await ledger.begin(intent("a"))
        reading, writing = os.pipe()
        journal = open_file_in(Folder(tmp_path).journal)
        os.dup2(writing, journal)
        with pytest.raises(LedgerUnavailable, match="cannot be brought to the disk"):
            await ledger.begin(intent("b"))
        os.close(writing)
        os.close(reading)
        assert set(ledger.open_turns) == {"a"}
        await ledger.begin(intent("c"))
        assert len(list(Folder(tmp_path).journal.iterdir())) == 2
        found = await ledger.read(turn, "b")
        assert found is not None and found.settlement is not None
        assert found.settlement.error_kind == "ledger_unavailable"

    failures = asyncio.run(with_ledger(tmp_path, scene, durability="power"))
    assert [what for what, _ in failures] == ["ledger.journal"]


def test_what_a_database_is_behind_with_is_in_the_journal_however_much_it_is(tmp_path: Path) -> None:
    """Locked by somebody else: turns go on, and of those that wait only so many are in memory."""
    turns = 5 * BATCH

    async def scene(ledger: Ledger) -> None:
        ledger._writer.most = 2 * BATCH
        other = sqlite3.connect(Folder(tmp_path).database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await ledger.begin(intent("open"))
        with pytest.raises(LedgerUnavailable, match="locked"):
            await ledger.flush()
        for number in range(turns):
            await ledger.begin(intent(f"{number:05}"))
            await ledger.settle(settlement(f"{number:05}"))
        assert len(ledger._writer.waiting) <= 3 * BATCH
        assert ledger.trouble is not None and "another program" in ledger.trouble.what
        assert ledger.takes_turns
        other.close()
        # What comes while it catches up finds its place, too.
        for number in range(turns, turns + 50):
            await ledger.begin(intent(f"{number:05}"))
            await asyncio.sleep(0.001)
            await ledger.settle(settlement(f"{number:05}"))
        await ledger.settle(settlement("open"))
        await ledger.flush()
        assert is_well(ledger)

    failures = asyncio.run(with_ledger(tmp_path, scene))
    assert [what for what, _ in failures] == ["ledger.database"]
    with offline(tmp_path, FakeClock(), Failures()) as store:
        found = store.rows("SELECT id, outcome FROM turns ORDER BY seq")
    assert found == [("open", "ok"), *((f"{number:05}", "ok") for number in range(turns + 50))]


def test_a_closed_ledger_takes_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        ledger = await Ledger.open(tmp_path, FakeClock(), on_failure=Failures())
        await ledger.close()
        with pytest.raises(LedgerUnavailable, match="closed"):
            await ledger.begin(intent("a"))
        with pytest.raises(LedgerUnavailable, match="closed"):
            await ledger.flush()

    asyncio.run(run())
