"""Rows in their file: private, replaced, expired, deleted for good, and bounded."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_samples import NOON
from llm_gateway.content.rows import Rows, database_of
from llm_gateway.content.seals import Place
from llm_gateway.ledger.refusal import LedgerTooNew

PLACE = Place("key_1", "response", "resp_1", NOON, NOON + 100)


def opened(home: Path, *, durable: bool = False, most_bytes: int = 1 << 30) -> Rows:
    return Rows(database_of(home), NOON, durable=durable, most_bytes=most_bytes)


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    rows = opened(tmp_path)
    yield rows
    rows.close()


def test_the_file_is_its_owners_alone(rows: Rows, tmp_path: Path) -> None:
    rows.put(PLACE, b"sealed", b"wrapped")
    for path in database_of(tmp_path).parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(database_of(tmp_path).parent.stat().st_mode) == 0o700


def test_what_was_put_is_there_after_another_opening(tmp_path: Path) -> None:
    first = opened(tmp_path, durable=True)
    assert not first.has_data_keys()
    first.put(PLACE, b"sealed", b"wrapped")
    first.close()
    again = opened(tmp_path)
    assert again.get("key_1", "response", "resp_1", NOON) == (PLACE, b"sealed")
    assert again.data_key("key_1") == b"wrapped" and again.has_data_keys()
    assert again.data_key("key_2") is None
    again.close()


def test_the_same_id_is_put_in_its_own_place(rows: Rows) -> None:
    rows.put(PLACE, b"one", b"wrapped")
    rows.put(PLACE, b"two")
    rows.put(Place("key_2", "response", "resp_1", NOON, NOON + 100), b"three", b"w")
    assert rows.get("key_1", "response", "resp_1", NOON) == (PLACE, b"two")
    assert rows.totals(NOON) == [
        ("key_1", 1, 3, NOON, NOON + 100),
        ("key_2", 1, 5, NOON, NOON + 100),
    ]


def test_what_has_expired_is_not_there_and_then_is_pruned(rows: Rows) -> None:
    rows.put(PLACE, b"sealed", b"wrapped")
    late = NOON + 100
    assert rows.get("key_1", "response", "resp_1", late - 1)
    assert rows.get("key_1", "response", "resp_1", late) is None
    assert (list(rows.places("key_1", late)), rows.totals(late)) == ([], [])
    assert not rows.delete("key_1", "response", "resp_1", late)
    assert (rows.prune(late - 1), rows.prune(late), rows.prune(late)) == (0, 1, 0)


def test_places_come_in_the_order_of_time(rows: Rows) -> None:
    places = [Place("key_1", "response", f"resp_{n}", NOON + n, NOON + 100) for n in range(3)]
    for place in reversed(places):
        rows.put(place, b"s", b"w" if place.id == "resp_2" else None)
    assert list(rows.places("key_1", NOON)) == places


def test_what_is_deleted_or_erased_is_in_no_file(rows: Rows, tmp_path: Path) -> None:
    def bytes_there() -> bytes:
        return b"".join(path.read_bytes() for path in database_of(tmp_path).parent.iterdir())

    rows.put(PLACE, b"MARK-ONE" * 2000, b"WRAPPED-KEY")
    rows.put(Place("key_1", "response", "resp_2", NOON, NOON + 100), b"MARK-TWO" * 2000)
    assert all(mark in bytes_there() for mark in (b"MARK-ONE", b"MARK-TWO", b"WRAPPED-KEY"))
    assert rows.delete("key_1", "response", "resp_1", NOON)
    assert not rows.delete("key_1", "response", "resp_1", NOON)
    assert b"MARK-ONE" not in bytes_there()
    assert rows.erase("key_1") == 1
    assert rows.erase("key_1") == 0
    assert not any(mark in bytes_there() for mark in (b"MARK", b"WRAPPED-KEY"))


def test_a_file_has_its_bound(tmp_path: Path) -> None:
    rows = opened(tmp_path, most_bytes=1 << 20)
    rows.put(PLACE, b"x" * 500_000, b"wrapped")
    other = Place("key_2", "response", "resp_2", NOON, NOON + 100)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        rows.put(other, b"x" * 700_000, b"wrapped")
    assert rows.data_key("key_2") is None, "half of it was kept"
    rows.erase("key_1")
    rows.put(other, b"x" * 700_000, b"wrapped")
    rows.close()


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(database_of(tmp_path)) as connection:
        connection.execute("INSERT INTO migrations VALUES (3, '0003_later', 'x', 1)")
    connection.close()
    with pytest.raises(LedgerTooNew):
        opened(tmp_path)


def test_a_further_name_goes_with_what_has_it(rows: Rows, tmp_path: Path) -> None:
    rows.put(PLACE, b"one", b"wrapped", ["msg_1", "fc_1"])
    assert rows.named("key_1", "response", "fc_1") == "resp_1"
    assert rows.named("key_2", "response", "fc_1") == rows.named("key_1", "other", "fc_1") == ""
    rows.put(PLACE, b"two", None, ["msg_2"])
    assert rows.named("key_1", "response", "fc_1") == "", "what was put in its place has other ones"
    rows.put(Place("key_1", "response", "resp_2", NOON, NOON + 200), b"x", None, ["msg_2", "msg_3"])
    assert rows.named("key_1", "response", "msg_2") == "resp_2", "the later one counts"
    rows.delete("key_1", "response", "resp_2", NOON)
    assert rows.named("key_1", "response", "msg_3") == ""
    rows.put(PLACE, b"three", None, ["msg_4"])
    rows.prune(NOON + 100)
    assert rows.named("key_1", "response", "msg_4") == ""
    rows.put(PLACE, b"four", None, ["msg_5"])
    rows.erase("key_1")
    assert rows.named("key_1", "response", "msg_5") == ""
    assert b"msg_5" not in b"".join(path.read_bytes() for path in database_of(tmp_path).parent.iterdir())
