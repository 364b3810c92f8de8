"""Migrations are applied in order and once; what was altered and what is newer is refused."""

from pathlib import Path

import pytest

from llm_gateway.ledger.migrate import load_migrations, pending
from llm_gateway.ledger.refusal import LedgerDamaged, LedgerTooNew
from llm_gateway.ledger.store import Row


def applied(count: int) -> list[Row]:
    return [(each.number, each.name, each.checksum) for each in load_migrations()[:count]]


def test_the_first_migration_makes_the_tables() -> None:
    first = load_migrations()[0]
    made = [
        sql.split()[-1 if "INDEX" not in sql else 2]
        for sql, _ in first.statements(7)
        if sql.startswith("CREATE")
    ]
    assert made
    (record, values) = first.statements(7)[-1]
    assert "migrations" in record
    assert values == (1, "0001_turns_and_keys", first.checksum, 7)


def test_what_is_applied_is_not_pending() -> None:
    known = load_migrations()
    assert pending(known, [], "db") == known
    assert pending(known, applied(len(known)), "db") == ()


def test_an_applied_migration_that_changed_is_an_error() -> None:
    with pytest.raises(LedgerDamaged, match=r"/db: migration 1 \('0001_turns_and_keys'\)"):
        pending(load_migrations(), [(1, "0001_turns_and_keys", "another")], "/db")


def test_a_database_of_a_later_version_is_refused() -> None:
    later: Row = (len(load_migrations()) + 1, "0099_later", "x")
    with pytest.raises(LedgerTooNew, match=r"0099_later.*Install the later one"):
        pending(load_migrations(), [*applied(99), later], "/db")


def test_files_are_numbered_without_a_gap(tmp_path: Path) -> None:
    (tmp_path / "0001_one.sql").write_text("SELECT 1;\n")
    (tmp_path / "0003_three.sql").write_text("SELECT 3;\n")
    with pytest.raises(LedgerDamaged, match="0003_three"):
        load_migrations(tmp_path)


def test_line_endings_do_not_change_a_checksum(tmp_path: Path) -> None:
    (tmp_path / "0001_one.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    unix = load_migrations(tmp_path)
    (tmp_path / "0001_one.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    assert load_migrations(tmp_path) == unix
    assert [sql for sql, _ in unix[0].statements(0)[:-1]] == ["SELECT 1", "SELECT 2"]
