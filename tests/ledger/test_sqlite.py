"""What is SQLite's own: its files, its version, its damage."""

import os
import sqlite3
from pathlib import Path

import msgspec
import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.migrate import load_migrations
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.records import Money, Record, Turn
from llm_gateway.ledger.refusal import LedgerDamaged, LedgerRefused, LedgerTooNew
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sqlite import OLDEST, SqliteStore, check_version


def filled(path: Path, count: int = 400) -> None:
    store = SqliteStore(path, NOON)
    records = [record for number in range(count) for record in (intent(str(number)), settlement(str(number)))]
    store.apply(merge(records), 1)
    store.close()


def test_it_writes_ahead_and_leaves_syncing_to_checkpoints(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    assert store.rows("PRAGMA journal_mode") == [("wal",)]
    assert store.rows("PRAGMA synchronous") == [(1,)]
    store.close()


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
def test_its_files_are_their_owners_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    store.apply(merge([intent("a")]), 1)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"db": 0o600, "db-wal": 0o600, "db-shm": 0o600}
    store.close()


def test_the_schema_is_recorded_with_its_time(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    recorded = [(each.number, NOON) for each in load_migrations()]
    assert store.rows("SELECT number, applied_us FROM migrations") == recorded
    store.close()


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    filled(tmp_path / "db", 1)
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("INSERT INTO migrations VALUES (99, '0099_later', 'x', 0)")
    connection.close()
    with pytest.raises(LedgerTooNew):
        SqliteStore(tmp_path / "db", NOON)


def test_an_old_sqlite_is_refused() -> None:
    check_version(OLDEST)
    with pytest.raises(LedgerRefused, match=r"3\.31\.1 is too old"):
        check_version((3, 31, 1))


# The file's head, the schema, and heads of pages: content that rots is beyond SQLite, which has no checksums.
@pytest.mark.parametrize("at", [0, 100, 2 * 4096, 10 * 4096])
def test_a_damaged_file_is_refused_with_the_way_out_and_not_touched(tmp_path: Path, at: int) -> None:
    path = tmp_path / "db"
    filled(path)
    data = bytearray(path.read_bytes())
    data[at : at + 64] = bytes(b ^ 0x5A for b in data[at : at + 64])
    path.write_bytes(data)
    with pytest.raises(LedgerDamaged, match=r"damaged.*llm-gateway db backup.*\.recover"):
        SqliteStore(path, NOON)
    assert path.read_bytes() == bytes(data)


def test_a_position_that_is_no_number_is_damage(tmp_path: Path) -> None:
    filled(tmp_path / "db", 1)
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("UPDATE meta SET value = 'x'")
    connection.close()
    with pytest.raises(LedgerDamaged, match="position"):
        SqliteStore(tmp_path / "db", NOON)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    with pytest.raises(LedgerRefused, match="cannot be opened"):
        SqliteStore(tmp_path / "db", NOON)


def test_a_database_that_another_one_writes_to_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "db", 1)
    other = sqlite3.connect(tmp_path / "db", isolation_level=None)
    other.execute("DROP TABLE migrations")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerRefused, match="locked"):
        SqliteStore(tmp_path / "db", NOON)
    other.close()


def test_records_that_come_twice_in_any_cut_are_one_turn_each(tmp_path: Path) -> None:
    """Whatever comes again comes in order, from some record on; batches are cut anywhere."""
    stream: list[Record] = [intent("a"), intent("b"), settlement("a"), intent("c"), settlement("b")]
    for again in range(len(stream)):
        records = [*stream, *stream[again:]]
        for cut in range(len(records)):
            path = tmp_path / f"{again}-{cut}"
            store = SqliteStore(path, NOON)
            store.apply(merge(records[:cut]), 1)
            store.apply(merge(records[cut:]), 2)
            found = {each.intent.id: each.settlement and each.settlement.outcome for each in page(store)}
            assert found == {"a": "ok", "b": "ok", "c": None}, (again, cut)
            store.close()


@pytest.mark.parametrize("last", ["plain", "priced", "cached", "open"])
def test_rows_of_any_width_come_back_whole(tmp_path: Path, last: str) -> None:
    """A chunk is written no wider than its widest row is, and an end leaves nothing of what was there."""
    money = Money(1, "card", "", "high", 5, None, -1, 2, prompt_cache_ours=True, retried_nano=3)
    made = {
        "plain": settlement("x", money=None, counted="bytes"),
        "priced": settlement("x", money=money),
        "cached": settlement("x", money=money, cached_from="a", saved=Usage(5), saved_nano=7, tier="flex"),
    }
    store = SqliteStore(tmp_path / "db", NOON)
    turns = [Turn(intent(f"{number:02}"), settlement(f"{number:02}")) for number in range(24)]
    end = made.get(last)
    turns.append(Turn(intent("24"), None if end is None else msgspec.structs.replace(end, id="24")))
    records = [each for turn in turns for each in (turn.intent, turn.settlement) if each is not None]
    store.apply(merge([turns[3].intent]), 1)
    store.apply(merge(records), 2)
    assert sorted(page(store, limit=30), key=lambda turn: turn.intent.id) == turns
    store.close()


def test_nothing_is_written_to_a_file_that_is_no_longer_in_its_place(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    (tmp_path / "db").rename(tmp_path / "elsewhere")
    with pytest.raises(LedgerDamaged, match="moved, deleted or replaced"):
        store.apply(merge([intent("a")]), 1)
    (tmp_path / "elsewhere").rename(tmp_path / "db")
    store.apply(merge([intent("a")]), 1)
    store.close()
