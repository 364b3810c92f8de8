"""Sums are what the turns say, in whatever pieces they are applied, twice, mixed up, or put right later."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import FakeClock
from ledger_samples import NOON, Failures, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.checking import check
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.recompute import recompute
from llm_gateway.ledger.records import Compressed, Money, Noted, Record, Recount, Removed
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, join, put
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import COLUMNS, OF_A_TURN, Sums
from llm_gateway.ledger.usage import Asked, usage
from llm_gateway.ledger.writer import apply_records
from turn_factory import generated

HOUR_US = 3_600_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "db", NOON)
    yield opened
    opened.close()


def whole(rows: Rows, **where: str) -> Sums:
    """Return the sums of everything."""
    found = usage(rows, Asked(0, where=where))  # type: ignore[arg-type]
    return sum((row.sums for row in found), Sums())


def raw(rows: Rows) -> Sums:
    """Return the sums of everything from the turns themselves, in one query of its own."""
    columns = ", ".join(f"coalesce(sum({OF_A_TURN[name]}), 0)" for name in COLUMNS)
    ((*amounts,),) = rows.rows(f"SELECT {columns} FROM turns AS t WHERE t.outcome IS NOT NULL")
    return Sums(*(amount for amount in amounts if isinstance(amount, int)))


@given(seed=st.integers(0, 2**32), apart_s=st.sampled_from([1, 60, 3600, 86_400]))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_equal_the_turns(tmp_path_factory: pytest.TempPathFactory, seed: int, apart_s: int) -> None:
    dice = random.Random(seed)
    store = SqliteStore(tmp_path_factory.mktemp("rollups") / "db", NOON)
    records = [each for turn in generated(200, seed, apart_us=apart_s * 1_000_000) for each in turn]
    mixed = _mixed(records, dice)
    # A card is on record before what is reckoned with it.
    store.apply(merge([each for each in records if isinstance(each, Noted)]), 0)
    position = 0
    while mixed:
        # Some come again, and some do not come at all.
        batch, mixed = mixed[: dice.randint(1, 60)], mixed[dice.randint(1, 60) :]
        position += 1
        store.apply(merge(batch), position)
    store.apply(merge(records), position + 1)  # as a journal is that was not dropped
    store.apply(merge(records), position + 2)
    store.interrupt()
    assert check(store) == []
    assert whole(store) == raw(store)
    assert whole(store).requests == 200
    found = recompute(store)
    assert (found.differing, found.turns) == (0, 200), found.first[:3]
    store.close()


def _mixed(records: Sequence[Record], dice: random.Random) -> list[Record]:
    """Return records near their places, as those of turns at the same time are."""
    placed = sorted((number + dice.random() * 20, number) for number in range(len(records)))
    return [records[number] for _, number in placed]


def test_a_turn_counts_when_it_ends_and_in_the_hour_in_which_it_began(store: SqliteStore) -> None:
    store.apply(merge([intent("a", at_us=NOON)]), 1)
    assert whole(store) == Sums()
    store.apply(merge([intent("b", at_us=NOON + 5 * HOUR_US), settlement("b")]), 2)
    store.apply(merge([settlement("a")]), 3)
    assert [row.start_us for row in usage(store, Asked(0, period="hour"))] == [
        NOON // HOUR_US * HOUR_US,
        (NOON + 5 * HOUR_US) // HOUR_US * HOUR_US,
    ]
    assert whole(store).requests == 2
    assert check(store) == []


def test_what_is_interrupted_at_a_start_counts_as_failed(store: SqliteStore) -> None:
    store.apply(merge([intent("a", request_bytes=4000)]), 1)
    store.interrupt()
    store.interrupt()
    assert whole(store) == Sums(requests=1, failed=1, estimated=1, uncached=1000, cost_nano=3_000_000)
    assert check(store) == []


def test_a_recount_takes_the_place_of_what_was_counted(store: SqliteStore) -> None:
    guessed = Usage(1000, output=7, estimated=True)
    store.apply(merge([intent("a"), settlement("a", usage=guessed, counted="bytes")]), 1)
    recounts = [Recount("a", Usage(900, output=8, estimated=True), "tokenizer", 20, cost_nano=5)]
    for position in (2, 3):
        store.apply(merge(recounts), position)
    found = whole(store)
    assert (found.requests, found.uncached, found.output, found.cost_nano) == (1, 900, 8, 5)
    assert check(store) == []


def test_a_count_of_what_was_removed_takes_the_place_of_the_guess(store: SqliteStore) -> None:
    used, guessed = (
        Usage(1000, output=7),
        Compressed(2, 1, 900, 500, 100, counted="bytes", error_permille=500),
    )
    money = Money(1, "card", baseline_nano=30, compression_nano=20)
    told = settlement("a", usage=used, counted="provider", removed=Removed(100), compressed=guessed)
    store.apply(merge([intent("a"), msgspec.structs.replace(told, cost_nano=10, money=money)]), 1)
    counted = msgspec.structs.replace(guessed, tokens=80, counted="tokenizer", error_permille=20)
    less = Money(1, "card", baseline_nano=26, compression_nano=16)
    recount = Recount("a", used, "provider", None, 10, less, Removed(80), counted)
    for position in (2, 3):
        store.apply(merge([recount]), position)
        found = whole(store)
        assert (found.requests, found.uncached, found.removed, found.compressed) == (1, 1000, 80, 1)
        assert (found.cost_nano, found.baseline_nano, found.compression_nano) == (10, 26, 16)
    (turn,) = page(store)
    assert turn.settlement is not None
    assert (turn.settlement.compressed, turn.settlement.removed) == (counted, Removed(80))
    assert (turn.settlement.usage, turn.settlement.counted) == (used, "provider")
    assert turn.settlement.error_permille is None
    assert check(store) == []


def test_what_was_not_compressed_and_its_provider_counted_stays(store: SqliteStore) -> None:
    plain: list[Record] = [intent("a"), settlement("a", usage=Usage(1000), counted="provider")]
    shorter: list[Record] = [
        intent("b"),
        settlement("b", usage=Usage(1000), compressed=Compressed(1, 1, 9, 8, 1)),
    ]
    store.apply(merge([*plain, *shorter]), 1)
    of_one = Recount("a", Usage(5), "provider", None, compressed=Compressed(1, 1, 9, 8, 2))
    store.apply(merge([of_one, Recount("b", Usage(5), "tokenizer", 1)]), 2)
    assert whole(store).uncached == 2000
    assert check(store) == []


def test_a_recount_that_says_nothing_of_compression_leaves_it(store: SqliteStore) -> None:
    told = Compressed(1, 1, 9, 8, 1)
    guessed = settlement("a", usage=Usage(9, estimated=True), removed=Removed(1), compressed=told)
    store.apply(merge([intent("a"), guessed, Recount("a", Usage(5, estimated=True), "tokenizer", 1)]), 1)
    (turn,) = page(store)
    assert turn.settlement is not None and turn.settlement.compressed == told
    assert (whole(store).uncached, whole(store).removed) == (5, 1)
    assert check(store) == []


def test_a_recount_in_the_batch_of_the_end_and_one_of_nobody_change_nothing_else(store: SqliteStore) -> None:
    recount = Recount("a", Usage(5), "tokenizer", 0)
    guessed = settlement("a", usage=Usage(1000, estimated=True))
    store.apply(merge([intent("a"), guessed, recount, Recount("nobody", Usage(5), "tokenizer", 0)]), 1)
    assert (whole(store).uncached, whole(store).estimated) == (5, 0)
    assert check(store) == []


def test_what_no_column_takes_is_put_right_and_counted_once(store: SqliteStore) -> None:
    failures = Failures()
    absurd = settlement("a", usage=Usage(2**63, 2**63, 2**63, 2**63, 2**63), cost_nano=2**63)
    turns: list[Record] = [intent("a"), absurd, intent("b"), settlement("b")]
    for position in (1, 2):
        apply_records(store, turns, position, failures)
    for name in "cdefgh":
        apply_records(store, [intent(name), settlement(name, usage=absurd.usage)], 3, failures)
    assert failures
    assert whole(store).requests == 8
    assert whole(store).uncached == 7 * 2**40 + 100
    assert check(store) == []


def test_a_batch_that_fails_leaves_no_sums(store: SqliteStore) -> None:
    with pytest.raises(OverflowError):
        store.apply(merge([intent("a"), settlement("a"), intent("b", request_bytes=2**70)]), 1)
    assert whole(store) == Sums()
    store.apply(merge([intent("c"), settlement("c")]), 1)
    assert whole(store).requests == 1
    assert check(store) == []


def seen(mark: str, **changes: object) -> Sighting:
    given: dict[str, object] = {"at_us": NOON, "usage": Usage(10, 2, 1, 5), "model": "gpt", **changes}
    return Sighting("codex-cli", "laptop", "log", mark, **given)  # type: ignore[arg-type]


def test_what_passed_by_is_seen_until_it_turns_out_to_be_a_turn(store: SqliteStore) -> None:
    store.write(put([seen("1"), seen("2"), seen("3")]))
    store.write(put([seen("1"), seen("2")]))
    assert whole(store, source="seen") == Sums(3, 3, uncached=30, cache_read=6, cache_write=3, output=15)
    store.write([join(1, "a-turn"), join(2, "", 3)])
    store.write([join(1, "a-turn"), join(3, "", 0)])
    assert whole(store, source="seen").requests == 1
    assert check(store) == []
    store.write([join(1, ""), join(2, "")])
    assert whole(store, source="seen").requests == 3
    assert whole(store, source="routed") == Sums()
    assert check(store) == []


@pytest.mark.parametrize("at_us", [0, -5, 2**62, 253_402_300_799_999_999])
def test_a_client_may_report_any_time(store: SqliteStore, at_us: int) -> None:
    store.write(put([seen("1", at_us=at_us)]))
    assert whole(store).requests == 1
    store.apply(merge([intent("a"), settlement("a")]), 1)
    assert whole(store).requests == 2
    assert check(store) == []


def test_the_machine_is_that_of_the_key(store: SqliteStore) -> None:
    columns = "id, name, digest, hint, created_us, machine"
    store.write([(f"INSERT INTO keys ({columns}) VALUES ('key_1', 'n', x'00', '', 0, 'm')", ())])
    store.apply(merge([intent("a"), settlement("a"), intent("b", key_id="gone"), settlement("b")]), 1)
    assert {row.names for row in usage(store, Asked(0, by=("machine",)))} == {("",), ("m",)}


def test_days_and_months_have_every_hour_but_the_latest(store: SqliteStore) -> None:
    ids, clock = Ids(FakeClock(NOON)), FakeClock(NOON)
    for number in range(40):
        name = ids.new()
        store.apply(merge([intent(name, at_us=clock.now_us()), settlement(name)]), number)
        clock.advance(3600)
    late = ids.new()
    store.apply(merge([intent(late, at_us=NOON), settlement(late)]), 99)
    ((days,),) = store.rows("SELECT sum(requests) FROM usage_days")
    ((months,),) = store.rows("SELECT sum(requests) FROM usage_months")
    assert (days, months) == (40, 40)
    for period in ("hour", "day", "week", "month", "all"):
        found = usage(store, Asked(0, period=period))
        assert sum(row.sums.requests for row in found) == 41
    assert check(store) == []
