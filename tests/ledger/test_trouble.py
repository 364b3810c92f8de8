"""What storage fails with, in words that say what helps."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.trouble import is_damaged, is_full, trouble


def system(code: int) -> OSError:
    return OSError(code, os.strerror(code))


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "full"),
        (errno.EFBIG, "grow no more"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not write"),
        (errno.EPERM, "may not write"),
        (errno.EIO, "gives errors"),
        (errno.ENOENT, "is gone"),
    ],
)
def test_what_the_system_says(code: int, what: str) -> None:
    told = trouble(system(code))
    assert what in told.what and told.way_out


def test_what_it_was_raised_from_counts() -> None:
    error = LedgerUnavailable("the request cannot be recorded")
    error.__cause__ = system(errno.ENOSPC)
    assert trouble(error) == trouble(system(errno.ENOSPC))
    assert is_full(error) and not is_full(system(errno.EFBIG)) and not is_full(ValueError("full"))
    assert not is_damaged(error)


def test_a_database_that_is_locked_full_read_only_or_none(tmp_path: Path) -> None:
    found = {}
    with (
        closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as one,
        closing(sqlite3.connect(tmp_path / "db", isolation_level=None, timeout=0)) as other,
    ):
        one.execute("CREATE TABLE t (x)")
        one.execute("BEGIN IMMEDIATE")
        for name, sql in (
            ("another program", "INSERT INTO t VALUES (1)"),
            ("read-only", "INSERT INTO t VALUES (1)"),
            ("full", "INSERT INTO t VALUES (zeroblob(1000000))"),
        ):
            with pytest.raises(sqlite3.OperationalError) as failed:
                other.execute(sql)
            found[name] = trouble(failed.value).what
            one.rollback()
            other.execute(
                "PRAGMA query_only = ON" if name == "another program" else "PRAGMA query_only = OFF"
            )
            if name == "read-only":
                other.execute("PRAGMA max_page_count = 2")
    assert all(name in what for name, what in found.items()), found
    (tmp_path / "none").write_bytes(b"no database at all" * 100)
    with closing(sqlite3.connect(tmp_path / "none")) as none, pytest.raises(sqlite3.DatabaseError) as refused:
        none.execute("SELECT * FROM t")
    assert "damaged" in trouble(refused.value).what and is_damaged(refused.value)


def test_a_disk_that_is_slow() -> None:
    assert "slow" in trouble(TimeoutError("a sync takes longer than 5 s")).what


@pytest.mark.parametrize("error", [ValueError("a\nb"), sqlite3.ProgrammingError("a b"), OSError("a b")])
def test_what_nobody_foresaw_is_said_in_its_own_words(error: Exception) -> None:
    assert trouble(error).what == "a b" and "log" in trouble(error).way_out
    assert trouble(RuntimeError()).what == "RuntimeError"
