"""Whatever is wrong in any of the tables is found and named; what is right is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import NOON
from llm_gateway.ledger.checking import MOST, Difference, check
from llm_gateway.ledger.reader import Reader
from llm_gateway.ledger.rebuilding import rebuild
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, put
from llm_gateway.ledger.spans import HOUR_US
from llm_gateway.ledger.sqlite import SqliteStore
from turn_factory import generated

FIRST, LAST = (f"(SELECT {each}(at) FROM usage_hours)" for each in ("min", "max"))
SEEN = "(SELECT id FROM usage_dims WHERE source = 'seen')"
ZEROS = ", 0" * 26


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Fill a store with turns of some days in two months, and a sighting."""
    opened = SqliteStore(tmp_path / "db", NOON)
    records = [each for turn in generated(60, apart_us=12 * HOUR_US) for each in turn]
    opened.apply(merge(records), 1)
    opened.write(put([Sighting("codex-cli", "m", "log", "1", NOON)]))
    yield opened
    opened.close()


def test_what_is_right_is_right(store: SqliteStore) -> None:
    assert check(store) == []


def test_a_reader_beside_the_store_sees_the_same(store: SqliteStore, tmp_path: Path) -> None:
    reader = Reader(tmp_path / "db", FakeClock())
    assert check(reader) == []
    reader.close()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (
            "usage_hours",
            f"UPDATE usage_hours SET low_nano = low_nano + 1 WHERE at = {FIRST}",
        ),
        (
            "usage_hours",
            f"UPDATE usage_hours SET dim = dim + 100 WHERE at = {LAST}",
        ),
        (
            "usage_hours",
            "DELETE FROM usage_hours WHERE dim IN (SELECT id FROM usage_dims WHERE source = 'seen')",
        ),
        ("usage_hours", "UPDATE usage_dims SET machine = 'x' WHERE id = 1"),
        ("usage_hours", "UPDATE sightings SET output = 9"),
        (
            "usage_hours",
            f"INSERT INTO usage_hours SELECT 5, 1, 1{ZEROS}",
        ),
        ("usage_spreads", "UPDATE usage_spreads SET n = 7 WHERE at = (SELECT min(at) FROM usage_spreads)"),
        (
            "usage_days",
            "UPDATE usage_days SET output = output + 1",
        ),
        ("usage_days", "DELETE FROM usage_days WHERE at = (SELECT max(at) FROM usage_days)"),
        ("usage_months", "UPDATE usage_months SET ok = 0"),
        (
            "usage_months",
            f"INSERT INTO usage_months SELECT 7, 1, 1{ZEROS}",
        ),
        ("usage_histograms", "UPDATE usage_histograms SET ttft = x'0501000000' WHERE span = 'm' AND dim < 3"),
        ("usage_histograms", "DELETE FROM usage_histograms WHERE span = 'd' AND length(latency) > 0"),
        ("usage_turns", "DELETE FROM usage_turns WHERE seq = 5"),
        ("usage_turns", "UPDATE usage_turns SET ending = 'nothing' WHERE seq = 7"),
        ("usage_turns", "INSERT INTO usage_turns VALUES (1, 'ok', 99999)"),
    ],
)
def test_what_is_wrong_is_found_and_made_right(store: SqliteStore, table: str, change: str) -> None:
    (count,) = store.write([(change, ())])
    assert count > 0
    assert table in {each.table for each in check(store)}
    rebuild(store)
    assert check(store) == []


def test_a_difference_says_what_and_where(store: SqliteStore) -> None:
    store.write([(f"INSERT INTO usage_months SELECT 7, 1, 1{ZEROS}", ())])
    (found,) = check(store)
    assert found == Difference("usage_months", False, 7, ("1", "1", *("0",) * 26))


def test_not_more_is_told_than_anybody_reads(store: SqliteStore) -> None:
    store.write([("DELETE FROM usage_hours", ()), ("DELETE FROM usage_spreads", ())])
    assert len(check(store)) == MOST
