"""Content is kept under seal, for its time, for its owner; whatever is wrong with it is said."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeClock
from llm_gateway.content.rows import database_of
from llm_gateway.content.safe import DAY_US, Safe, Where
from llm_gateway.errors import ContentDamaged, ContentUnavailable

MARK = b"A MARK THAT NOBODY MAY READ"


class Shelf:
    """A home with a safe in it, and its clock."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = FakeClock()
        self.safe = Safe(Where(home), self.clock)

    def again(self) -> Safe:
        """Close the safe and open it once more."""
        self.safe.close()
        self.safe = Safe(Where(self.home), self.clock)
        return self.safe

    def alter(self, sql: str, *values: object) -> None:
        with sqlite3.connect(database_of(self.home)) as connection:
            connection.execute(sql, values)
        connection.close()

    def files(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.home.rglob("*") if path.is_file())


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.safe.close()


def test_what_was_kept_is_fetched_by_its_owner_alone(shelf: Shelf) -> None:
    shelf.safe.keep("key_1", "response", "resp_1", MARK, 3)
    for safe in (shelf.safe, shelf.again()):
        assert safe.fetch("key_1", "response", "resp_1") == MARK
        assert safe.fetch("key_2", "response", "resp_1") is None
        assert safe.fetch("key_1", "other", "resp_1") is None
        assert safe.fetch("key_1", "response", "resp_2") is None


def test_what_has_a_further_name_is_fetched_by_it(shelf: Shelf) -> None:
    assert shelf.safe.fetch_named("key_1", "response", "msg_1") is None
    shelf.safe.keep("key_1", "response", "resp_1", MARK, 3, ["msg_1"])
    assert shelf.safe.fetch_named("key_1", "response", "msg_1") == MARK
    assert shelf.safe.fetch_named("key_2", "response", "msg_1") is None
    shelf.clock.now += 3 * DAY_US
    assert shelf.safe.fetch_named("key_1", "response", "msg_1") is None


def test_no_file_shows_it(shelf: Shelf) -> None:
    for number in range(20):
        shelf.safe.keep("key_1", "response", f"resp_{number}", MARK * number, 3)
        assert MARK not in shelf.files() and b"NOBODY" not in shelf.files()
    shelf.safe.close()
    assert MARK not in shelf.files() and b"NOBODY" not in shelf.files()


def test_nothing_is_made_before_something_is_kept(shelf: Shelf) -> None:
    safe = shelf.safe
    assert safe.fetch("key_1", "response", "resp_1") is None
    assert not safe.delete("key_1", "response", "resp_1")
    assert (safe.erase("key_1"), safe.prune(), safe.totals(), list(safe.of("key_1"))) == (0, 0, [], [])
    assert not safe.exists
    assert list(shelf.home.iterdir()) == []
    safe.prepare()
    assert database_of(shelf.home).exists()
    assert stat.S_IMODE((shelf.home / "master-key").stat().st_mode) == 0o600


def test_its_time_ends(shelf: Shelf) -> None:
    shelf.safe.keep("key_1", "response", "resp_1", MARK, 3)
    shelf.clock.now += 3 * DAY_US - 1
    assert shelf.safe.fetch("key_1", "response", "resp_1") == MARK
    assert shelf.safe.prune() == 0
    shelf.clock.now += 1
    assert shelf.safe.fetch("key_1", "response", "resp_1") is None
    assert list(shelf.safe.of("key_1")) == []
    assert shelf.safe.prune() == 1


def test_everything_of_an_owner_in_order(shelf: Shelf) -> None:
    for number in range(3):
        shelf.safe.keep("key_1", "response", f"resp_{number}", b"%d" % number, 3)
        shelf.clock.advance(1)
    shelf.safe.keep("key_2", "response", "resp_x", b"x", 3)
    assert [kept.payload for kept in shelf.again().of("key_1")] == [b"0", b"1", b"2"]
    assert [(owner, count) for owner, count, *_ in shelf.safe.totals()] == [("key_1", 3), ("key_2", 1)]


def test_erasing_destroys_the_key_and_what_is_kept_later_has_another(shelf: Shelf) -> None:
    shelf.safe.keep("key_1", "response", "resp_1", MARK, 3)
    shelf.safe.keep("key_2", "response", "resp_1", b"other", 3)
    before = shelf.home / "copy"
    before.write_bytes(database_of(shelf.home).read_bytes())
    (old,) = _wrapped(shelf, "key_1")
    assert shelf.safe.erase("key_1") == 1
    assert shelf.safe.fetch("key_1", "response", "resp_1") is None
    assert _wrapped(shelf, "key_1") == []
    before.unlink()
    assert old not in shelf.files()
    shelf.safe.keep("key_1", "response", "resp_1", b"anew", 3)
    assert _wrapped(shelf, "key_1") not in ([], [old])
    assert shelf.again().fetch("key_1", "response", "resp_1") == b"anew"
    assert shelf.safe.fetch("key_2", "response", "resp_1") == b"other"


def _wrapped(shelf: Shelf, owner: str) -> list[bytes]:
    with sqlite3.connect(database_of(shelf.home)) as connection:
        found = connection.execute("SELECT wrapped FROM data_keys WHERE owner = ?", (owner,)).fetchall()
    connection.close()
    return [wrapped for (wrapped,) in found]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE kept SET sealed = sealed || x'00' WHERE id = 'resp_1'",
        "UPDATE kept SET sealed = (SELECT sealed FROM kept WHERE id = 'resp_2') WHERE id = 'resp_1'",
        "UPDATE kept SET expires_us = expires_us + 1 WHERE id = 'resp_1'",
        "UPDATE kept SET owner = 'key_1', id = 'resp_1' WHERE owner = 'key_2' AND id = 'resp_3'",
        (
            "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE owner = 'key_2') "
            "WHERE owner = 'key_1'"
        ),
        "DELETE FROM data_keys WHERE owner = 'key_1'",
    ],
)
def test_a_row_that_was_altered_or_moved_is_not_read(shelf: Shelf, sql: str) -> None:
    shelf.safe.keep("key_1", "response", "resp_1", b"one", 3)
    shelf.safe.keep("key_1", "response", "resp_2", b"two", 3)
    shelf.safe.keep("key_2", "response", "resp_3", b"three", 3)
    shelf.safe.close()
    if "resp_3" in sql:
        shelf.alter("DELETE FROM kept WHERE id = 'resp_1'")
    shelf.alter(sql)
    with pytest.raises(ContentDamaged, match="cannot be opened"):
        shelf.again().fetch("key_1", "response", "resp_1")


def test_another_master_key_opens_nothing_and_a_missing_one_is_not_made_anew(shelf: Shelf) -> None:
    shelf.safe.keep("key_1", "response", "resp_1", MARK, 3)
    key = shelf.home / "master-key"
    right = key.read_bytes()
    key.write_bytes(b"00" * 32)
    with pytest.raises(ContentDamaged, match="another master key"):
        shelf.again().fetch("key_1", "response", "resp_1")
    key.unlink()
    with pytest.raises(ContentUnavailable, match="master key is missing"):
        shelf.again().fetch("key_1", "response", "resp_1")
    with pytest.raises(ContentUnavailable, match="master key is missing"):
        shelf.again().keep("key_3", "response", "resp_1", MARK, 3)
    assert not key.exists()
    assert shelf.again().erase("key_1") == 1, "what cannot be read can be erased"
    shelf.again().keep("key_3", "response", "resp_1", MARK, 3)
    assert key.exists() and key.read_bytes() != right


def test_the_master_key_may_be_elsewhere(tmp_path: Path) -> None:
    named = tmp_path / "elsewhere"
    named.write_bytes(b"5a" * 32)
    named.chmod(0o600)
    safe = Safe(Where(tmp_path / "home", named), FakeClock())
    safe.keep("key_1", "response", "resp_1", MARK, 3)
    assert not (tmp_path / "home" / "master-key").exists()
    safe.close()


def test_a_database_that_cannot_be_used_is_told_of(shelf: Shelf) -> None:
    (shelf.home / "content").mkdir()
    database_of(shelf.home).write_bytes(b"this is no database" * 100)
    with pytest.raises(ContentUnavailable, match="not a database"):
        shelf.safe.keep("key_1", "response", "resp_1", MARK, 3)
    database_of(shelf.home).unlink()
    shelf.safe.keep("key_1", "response", "resp_1", MARK, 3)


def test_a_folder_that_cannot_be_made_is_told_of(shelf: Shelf) -> None:
    (shelf.home / "content").write_bytes(b"")
    with pytest.raises(ContentUnavailable, match=r"File exists|Not a directory"):
        shelf.safe.prepare()
