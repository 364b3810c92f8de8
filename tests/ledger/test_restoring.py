"""A copy that is put back: whole or not at all, and what was answered since comes in from the journal."""

from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import NOON, Failures, intent, settlement
from llm_gateway.errors import AuditUnavailable
from llm_gateway.ledger.audit import AuditLog
from llm_gateway.ledger.copying import copy
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.journal import Journal
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.records import encode
from llm_gateway.ledger.refusal import LedgerBusy, LedgerRefused
from llm_gateway.ledger.restoring import restore
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sqlite import SqliteStore
from storage_faults import no_larger_than


def turns(home: Path) -> dict[str, str]:
    with offline(home, FakeClock(), Failures()) as store:
        return {each.intent.id: each.settlement.outcome if each.settlement else "" for each in page(store)}


def damaged_home(home: Path) -> Path:
    """Leave a home with a damaged database, a journal that goes on from the copy that is returned."""
    with offline(home, FakeClock(), Failures()) as store:
        store.apply(merge([intent("old"), settlement("old")]), 0)
    copy(home, home / "copy")
    folder = Folder(home)
    journal = Journal(folder.journal, 0, durable=False)
    for record in (intent("new"), settlement("new")):
        journal.append(encode(record))
    journal.close()
    folder.database.write_bytes(b"damaged " * 10_000)
    return home / "copy"


def everything(home: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in home.rglob("*") if path.is_file() and path.name != "lock"
    }


def test_the_copy_and_what_came_after_it_are_there(tmp_path: Path) -> None:
    aside = restore(tmp_path, damaged_home(tmp_path), FakeClock(), Failures())
    assert turns(tmp_path) == {"old": "ok", "new": "ok"}
    assert aside is not None and (aside / "ledger.sqlite3").read_bytes().startswith(b"damaged")
    assert Folder(tmp_path).database.stat().st_mode & 0o777 == 0o600
    (entry,) = AuditLog(tmp_path, FakeClock()).entries()
    assert (entry.action, entry.target) == ("database.restore", str(tmp_path / "copy"))


def test_a_copy_is_put_where_nothing_is(tmp_path: Path) -> None:
    damaged_home(tmp_path)
    assert restore(tmp_path / "new", tmp_path / "copy", FakeClock(), Failures()) is None
    assert turns(tmp_path / "new") == {"old": "ok"}


def test_what_is_no_whole_copy_changes_nothing(tmp_path: Path) -> None:
    good = damaged_home(tmp_path)
    torn, other = tmp_path / "torn", tmp_path / "other"
    torn.write_bytes(good.read_bytes()[:10_000])
    other.write_bytes(b"SQLite format 3\x00" * 1000)
    before = everything(tmp_path)
    for bad in (torn, other, tmp_path / "nowhere", tmp_path):
        with pytest.raises(LedgerRefused):
            restore(tmp_path, bad, FakeClock(), Failures())
    assert everything(tmp_path) == before


def test_without_its_line_in_the_audit_log_nothing_is_put_back(tmp_path: Path) -> None:
    good = damaged_home(tmp_path)
    (tmp_path / "audit.jsonl").mkdir()
    before = everything(tmp_path)
    with pytest.raises(AuditUnavailable):
        restore(tmp_path, good, FakeClock(), Failures())
    assert everything(tmp_path) == before


def test_on_a_full_disk_the_old_one_stays(tmp_path: Path) -> None:
    good = damaged_home(tmp_path)
    before = everything(tmp_path)
    with no_larger_than(4096), pytest.raises(LedgerRefused):
        restore(tmp_path, good, FakeClock(), Failures())
    assert everything(tmp_path) == before


def test_not_under_a_gateway_that_runs(tmp_path: Path) -> None:
    with offline(tmp_path, FakeClock(), Failures()):
        copy(tmp_path, tmp_path / "copy")
        with pytest.raises(LedgerBusy):
            restore(tmp_path, tmp_path / "copy", FakeClock(), Failures())


def test_an_older_copy_is_brought_up_to_date_before_it_counts(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "older", NOON)
    ((newest,),) = store.rows("SELECT max(number) FROM migrations")
    store.close()
    restore(tmp_path / "home", tmp_path / "older", FakeClock(), Failures())
    with offline(tmp_path / "home", FakeClock(), Failures()) as opened:
        assert opened.rows("SELECT max(number) FROM migrations") == [(newest,)]
