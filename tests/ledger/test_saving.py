"""Before a database is migrated it is copied; the newest copy of each of the last schemas stays."""

import errno
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import Failures
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.refusal import LedgerRefused
from llm_gateway.ledger.saving import save, saved
from llm_gateway.ledger.trouble import is_full

_SECOND = 1_000_000
_NOON = int(datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()) * _SECOND


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    with offline(tmp_path, FakeClock(), Failures()):
        return Folder(tmp_path)


def names(folder: Folder) -> list[str]:
    return [path.name for path in saved(folder)]


def test_a_copy_is_whole_and_private_and_says_what_it_is(folder: Folder) -> None:
    path = save(folder, 4, _NOON)
    assert path == folder.root / "schema-4-20261127T120000.sqlite3"
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT value FROM meta WHERE name = 'journal_position'").fetchone()
    assert not (folder.root / "schema.part").exists()


def test_of_one_schema_the_newest_stays_and_of_all_the_last_three(folder: Folder) -> None:
    for number, schema in enumerate([1, 2, 2, 3, 3, 3, 10]):
        save(folder, schema, _NOON + number * _SECOND)
    assert names(folder) == [
        "schema-10-20261127T120006.sqlite3",
        "schema-3-20261127T120005.sqlite3",
        "schema-2-20261127T120002.sqlite3",
    ]


def test_what_a_crash_has_left_is_in_nobodys_way(folder: Folder) -> None:
    (folder.root / "schema.part").write_bytes(b"half a copy")
    save(folder, 1, _NOON)
    save(folder, 1, _NOON)
    assert names(folder) == ["schema-1-20261127T120000.sqlite3"]


def test_without_room_nothing_is_copied_and_what_was_kept_stays(folder: Folder) -> None:
    save(folder, 1, _NOON)
    size = folder.database.stat().st_size
    before = sorted(folder.root.iterdir())
    with pytest.raises(
        LedgerRefused, match=f"needs {size} bytes and cannot be done: the disk is full"
    ) as why:
        save(folder, 1, _NOON + _SECOND, free=lambda _: size - 1)
    assert is_full(why.value), "what is kept back for a full disk may be given up for it"
    assert str(folder.database) in str(why.value) and "schema-1-20261127T120001.sqlite3" in str(why.value)
    assert sorted(folder.root.iterdir()) == before
    assert save(folder, 1, _NOON + _SECOND, free=lambda _: size).exists()


def test_what_fails_in_the_middle_leaves_nothing(folder: Folder) -> None:
    def gone(root: Path) -> int:
        os.unlink(folder.database)
        return 1 << 60

    with pytest.raises(LedgerRefused, match="nothing was changed"):
        save(folder, 1, _NOON, free=gone)
    assert names(folder) == [] and not (folder.root / "schema.part").exists()


def test_a_disk_that_cannot_be_asked_says_so(folder: Folder) -> None:
    def broken(root: Path) -> int:
        raise OSError(errno.EIO, "input/output error")

    with pytest.raises(LedgerRefused, match="the disk gives errors"):
        save(folder, 1, _NOON, free=broken)
