"""Old turns go, a few at a time; their sums stay, and are still what they were."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import NOON, Failures, intent, settlement, with_ledger
from llm_gateway.config import load
from llm_gateway.ledger.checking import check
from llm_gateway.ledger.compressions import CompressionRow, keep_compressions
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.pruning import Pruned, begin_of, due, keep_pruned, prune, prune_some, pruning
from llm_gateway.ledger.queries import clients, page
from llm_gateway.ledger.rebuilding import rebuild, whole_since
from llm_gateway.ledger.records import Noted, Record
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, join, put
from llm_gateway.ledger.spans import DAY_US
from llm_gateway.ledger.spending import spent_since
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.totals import totals
from llm_gateway.ledger.usage import Asked, usage
from llm_gateway.telemetry.log import Log

DAYS = 10


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Fill a store with ten days of forty turns and a sighting each, one turn of each day still running."""
    opened = SqliteStore(tmp_path / "db", NOON)
    clock = FakeClock(NOON)
    ids = Ids(clock)
    opened.apply(merge([Noted("card", "{}")]), 1)
    for day in range(DAYS):
        records: list[Record] = []
        for number in range(40):
            name = ids.new()
            records += [intent(name, at_us=clock.now_us()), *([settlement(name)] if number else [])]
            clock.advance(60)
        opened.apply(merge(records), 1)
        opened.write(put([Sighting("codex-cli", "m", "log", str(day), clock.now_us())]))
        clock.advance(86_400 - 40 * 60)
    yield opened
    opened.close()


CUT = begin_of(4, NOON + DAYS * DAY_US)


def test_a_day_is_kept_whole() -> None:
    assert CUT % DAY_US == 0
    assert 4 * DAY_US <= NOON + DAYS * DAY_US - CUT < 5 * DAY_US
    assert begin_of(36_500, NOON) == 0


def test_the_sums_stay_what_they_were(store: SqliteStore) -> None:
    before = usage(store, Asked(0, period="day")), usage(store, Asked(0)), spent_since(store, 0)
    assert due(store, CUT) == Pruned(6 * 39, 6)
    assert prune(store, CUT) == Pruned(6 * 39, 6)
    assert due(store, CUT) == Pruned()
    assert (usage(store, Asked(0, period="day")), usage(store, Asked(0)), spent_since(store, 0)) == before
    assert store.rows("SELECT count(*) FROM turns") == [(4 * 40 + 6,)]
    assert store.rows("SELECT count(*) FROM usage_turns") == [(4 * 39,)]
    assert store.rows("SELECT id FROM price_cards") == [("card",)]
    assert whole_since(store) == CUT
    assert check(store) == []


def test_what_is_left_can_be_made_anew_and_what_went_stays(store: SqliteStore) -> None:
    before = usage(store, Asked(0, period="month")), usage(store, Asked(0, period="hour"))
    prune(store, CUT)
    store.write([("UPDATE usage_hours SET ok = 5 WHERE at >= ?", (CUT // (DAY_US // 24),))])
    assert check(store) != []
    assert rebuild(store) == 4
    assert (usage(store, Asked(0, period="month")), usage(store, Asked(0, period="hour"))) == before
    assert check(store) == []


def test_one_transaction_is_small_and_nothing_but_the_oldest(store: SqliteStore) -> None:
    gone = prune_some(store, CUT)
    assert 0 < gone.turns <= 250
    assert check(store) == []


def test_a_turn_that_ends_later_than_its_day_is_pruned_counts_once(store: SqliteStore) -> None:
    requests = usage(store, Asked(0))[0].sums.requests
    prune(store, CUT)
    assert store.interrupt() == DAYS
    assert usage(store, Asked(0))[0].sums.requests == requests + DAYS
    assert prune(store, CUT) == Pruned(6, 0)
    assert usage(store, Asked(0))[0].sums.requests == requests + DAYS
    assert check(store) == []


def test_what_clients_report_again_of_a_pruned_time_is_not_counted_again(store: SqliteStore) -> None:
    prune(store, CUT)
    seen = Asked(0, where={"source": "seen"})
    before = usage(store, seen)
    old = Sighting("codex-cli", "m", "log", "0", NOON)
    store.write(put([old]))
    ((seq,),) = store.rows("SELECT max(seq) FROM sightings")
    assert isinstance(seq, int)
    store.write([join(seq, "turn")])
    assert usage(store, seen) == before
    assert check(store) == []


def test_what_is_imported_of_a_time_whose_turns_are_pruned_is_not_counted_beside_them(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    name = Ids(FakeClock(NOON)).new()
    store.apply(merge([intent(name, at_us=NOON), settlement(name)]), 1)
    assert prune(store, NOON + 2 * DAY_US) == Pruned(1, 0)
    # The client's own log of that very answer: its turn is not there to be recognised.
    store.write(put([Sighting("codex-cli", "m", "log", "0", NOON)]))
    assert [row.sums.requests for row in usage(store, Asked(0))] == [1]
    assert check(store) == []
    store.write(put([Sighting("codex-cli", "m", "log", "1", NOON + 2 * DAY_US)]))
    assert [row.sums.requests for row in usage(store, Asked(0))] == [2]
    assert check(store) == []
    store.close()


def test_pages_totals_and_clients_go_on(store: SqliteStore) -> None:
    (first,) = store.rows("SELECT id FROM turns ORDER BY seq LIMIT 1")
    found = page(store, limit=1000)
    prune(store, CUT)
    assert len(page(store, limit=1000)) == 4 * 40 + 6
    gone = str(first[0])
    assert [turn.intent.id for turn in page(store, before=gone)] == []
    old = found[-2].intent.id
    assert {turn.intent.at_us for turn in page(store, before=old)} <= {found[-1].intent.at_us}
    assert totals(store, NOON).all.requests == DAYS * 40
    store.interrupt()
    prune(store, NOON + 20 * DAY_US)
    (told,) = clients(store)
    assert told.tracked == DAYS * 40
    assert told.last_seen_us >= NOON + (DAYS - 1) * DAY_US


def test_beside_what_goes_on(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        for number in range(600):
            name = ledger.new_id()
            await ledger.begin(intent(name, at_us=NOON + number))
            await ledger.settle(settlement(name))
        gone = asyncio.ensure_future(pruning(ledger, NOON + 10 * DAY_US))
        fresh = ledger.new_id()
        await ledger.begin(intent(fresh, at_us=NOON + 20 * DAY_US))
        await ledger.settle(settlement(fresh))
        assert await gone == Pruned(600, 0)
        assert [turn.intent.id for turn in await ledger.read(page)] == [fresh]
        assert await ledger.read(check) == []

    assert asyncio.run(with_ledger(tmp_path, scene)) == Failures()


def test_decisions_about_conversations_go_by_themselves(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        kept = ledger.compressions
        assert not kept.any()
        now = FakeClock().now_us()
        rows = [
            CompressionRow(b"old", "strict-1", now - 61 * DAY_US),
            CompressionRow(b"new", "strict-1", now),
        ]
        await ledger.write(lambda store: keep_compressions(store, rows))
        loaded = load(flags={"home": tmp_path / "home"}, environ={})
        running = asyncio.ensure_future(
            keep_pruned(ledger, FakeClock(), lambda: loaded, Log(FakeClock(), "error"))
        )
        await ledger.flush()
        await asyncio.sleep(0)
        while b"old" in kept.find([b"old"]):
            await ledger.flush()
        running.cancel()
        assert kept.find([b"old", b"new"]) == {b"new": "strict-1"} and kept.any()

    asyncio.run(with_ledger(tmp_path, scene))
