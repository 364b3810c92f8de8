"""At the start the journal is replayed exactly once, damage is told, and what was running is interrupted."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import Failures, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.checking import check
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.frames import frame
from llm_gateway.ledger.journal import Journal, segments
from llm_gateway.ledger.migrate import CREATE_TABLE, load_migrations
from llm_gateway.ledger.opening import offline, open_files, reading
from llm_gateway.ledger.queries import page, turn
from llm_gateway.ledger.recompute import recompute
from llm_gateway.ledger.records import Record, encode
from llm_gateway.ledger.refusal import LedgerBusy, LedgerDamaged, LedgerRefused
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.saving import saved
from llm_gateway.ledger.totals import totals


def journal_of(home: Path, *records: Record, start: int = 0, limit: int = 1 << 20) -> list[int]:
    """Leave a journal as a process that died leaves it, and return the positions."""
    folder = Folder(home)
    folder.create()
    journal = Journal(folder.journal, start, durable=False, limit=limit)
    positions = [journal.append(encode(record)) for record in records]
    journal.close()
    return positions


def outcomes(home: Path, failures: Failures | None = None) -> dict[str, str]:
    with offline(home, FakeClock(), failures if failures is not None else Failures()) as store:
        return {each.intent.id: each.settlement.outcome if each.settlement else "" for each in page(store)}


def test_the_journal_is_replayed_and_then_deleted(tmp_path: Path) -> None:
    failures = Failures()
    journal_of(tmp_path, intent("a"), settlement("a"), intent("b"), limit=100)
    assert outcomes(tmp_path, failures) == {"a": "ok", "b": "interrupted"}
    assert segments(Folder(tmp_path).journal) == []
    assert failures == []


def test_what_an_interrupted_turn_used_is_guessed_where_its_bytes_are_tokens(tmp_path: Path) -> None:
    told = (("a", "chat/completions"), ("b", "files"), ("c", "messages/count_tokens"), ("d", "GET files/f"))
    journal_of(tmp_path, *(intent(name, operation=operation) for name, operation in told))
    with offline(tmp_path, FakeClock(), Failures()) as store:
        ends = {each.intent.id: each.settlement for each in page(store)}
        sums = totals(store, 0).all.sums
        assert check(store) == [] and recompute(store).interrupted == len(told)
    assert {name: end.usage for name, end in ends.items() if end is not None} == {
        "a": Usage(256, estimated=True),
        "b": None,
        "c": None,
        "d": None,
    }
    assert (sums.requests, sums.estimated, sums.uncached) == (4, 1, 256)


def test_an_empty_home_gives_an_empty_ledger(tmp_path: Path) -> None:
    assert outcomes(tmp_path / "new") == {}


def test_what_was_applied_is_not_applied_again(tmp_path: Path) -> None:
    """The position is in the database with the rows: only what is beyond it is read."""
    with offline(tmp_path, FakeClock(), Failures()) as store:
        positions = journal_of(tmp_path, intent("a"), intent("b"), intent("c"))
        store.apply(merge([]), positions[1])
    assert outcomes(tmp_path) == {"c": "interrupted"}


def test_a_new_journal_goes_on_beyond_every_old_one(tmp_path: Path) -> None:
    (position,) = journal_of(tmp_path, intent("a"))
    (segment,) = segments(Folder(tmp_path).journal)
    with segment.path.open("ab") as file:
        file.write(frame(encode(intent("b")))[:-1])
    failures = Failures()
    opened = open_files(tmp_path, FakeClock(), failures)
    assert (
        opened.position
        > segment.start + len(frame(encode(intent("a")))) + len(frame(encode(intent("b")))) - 1
    )
    assert opened.store.position() >= position
    assert turn(opened.store, "b") is None
    assert failures == []
    opened.store.close()
    opened.lock.close()


def test_damage_in_the_middle_is_reported_and_kept(tmp_path: Path) -> None:
    positions = journal_of(tmp_path, intent("a"), intent("b"), intent("c"))
    (segment,) = segments(Folder(tmp_path).journal)
    data = bytearray(segment.path.read_bytes())
    data[positions[0] + 20] ^= 0xFF
    segment.path.write_bytes(data)
    failures = Failures()
    assert outcomes(tmp_path, failures) == {"a": "interrupted", "c": "interrupted"}
    ((what, error),) = failures
    assert what == "ledger.journal" and f"bytes at {positions[0]} are damaged" in str(error)
    assert segment.path.with_suffix(".damaged").read_bytes() == bytes(data)


def test_an_entry_that_is_no_record_is_reported(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.create()
    journal = Journal(folder.journal, 0, durable=False)
    journal.append(b"\xc0")
    journal.append(encode(intent("a")))
    journal.close()
    failures = Failures()
    assert outcomes(tmp_path, failures) == {"a": "interrupted"}
    assert "not a record" in str(failures[0][1])


def test_more_entries_than_one_transaction_takes(tmp_path: Path) -> None:
    journal_of(tmp_path, *(intent(f"{number:04}") for number in range(2500)))
    with offline(tmp_path, FakeClock(), Failures()) as store:
        assert store.rows("SELECT count(*) FROM turns") == [(2500,)]


def test_a_journal_without_its_database_is_refused(tmp_path: Path) -> None:
    journal_of(tmp_path, intent("a"), start=5000)
    with pytest.raises(LedgerDamaged, match=r"missing.*llm-gateway db backup"):
        open_files(tmp_path, FakeClock(), Failures())
    assert len(segments(Folder(tmp_path).journal)) == 1
    assert not Folder(tmp_path).database.exists()


def test_a_refusal_gives_the_lock_back(tmp_path: Path) -> None:
    Folder(tmp_path).create()
    Folder(tmp_path).database.write_bytes(b"not a database at all" * 1000)
    for _ in range(2):
        with pytest.raises(LedgerDamaged):
            open_files(tmp_path, FakeClock(), Failures())


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(LedgerRefused, match="cannot be used"):
        open_files(tmp_path / "home", FakeClock(), Failures())


def test_a_second_one_is_refused(tmp_path: Path) -> None:
    with offline(tmp_path, FakeClock(), Failures()), pytest.raises(LedgerBusy):
        open_files(tmp_path, FakeClock(), Failures())


def test_reading_brings_a_closed_ledger_up_to_date(tmp_path: Path) -> None:
    with offline(tmp_path, FakeClock(), Failures()):
        pass
    journal_of(tmp_path, intent("a"), start=1)
    with reading(tmp_path, FakeClock(), Failures()) as rows:
        found = turn(rows, "a")
        assert found is not None and found.settlement is not None
        assert found.settlement.outcome == "interrupted"


def test_reading_beside_an_open_ledger_takes_no_lock(tmp_path: Path) -> None:
    with offline(tmp_path, FakeClock(), Failures()), reading(tmp_path, FakeClock(), Failures()) as rows:
        assert page(rows) == []


def test_reading_makes_no_ledger(tmp_path: Path) -> None:
    with (
        pytest.raises(LedgerRefused, match="no ledger yet"),
        reading(tmp_path / "x", FakeClock(), Failures()),
    ):
        pass
    assert not (tmp_path / "x").exists()


def test_what_is_migrated_is_copied_before_and_on_record(tmp_path: Path) -> None:
    Folder(tmp_path).create()
    *older, newest = load_migrations()
    with closing(sqlite3.connect(Folder(tmp_path).database, isolation_level=None)) as connection:
        connection.execute(CREATE_TABLE)
        for migration in older:
            for sql, values in migration.statements(1):
                connection.execute(sql, values)
    opened = open_files(tmp_path, FakeClock(), Failures())
    opened.store.close()
    opened.lock.close()
    assert opened.saved is not None and saved(Folder(tmp_path)) == [opened.saved]
    line = json.loads((tmp_path / "audit.jsonl").read_text().splitlines()[-1])
    assert (line["action"], line["target"]) == ("database.migrate", newest.name)
    assert line["detail"] == {"copy": opened.saved.name}


def test_what_is_up_to_date_is_not_copied(tmp_path: Path) -> None:
    for _ in range(2):
        opened = open_files(tmp_path, FakeClock(), Failures())
        opened.store.close()
        opened.lock.close()
        assert opened.saved is None and saved(Folder(tmp_path)) == []
