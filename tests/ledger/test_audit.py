"""What is administered is on record first, in a chain in which nothing can be altered unseen."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeClock
from llm_gateway.errors import AuditUnavailable
from llm_gateway.ledger.audit import AuditLog, Verdict
from storage_faults import no_larger_than

KEY = "lgw_" + "a" * 43 + "000000"


def log_of(home: Path, *actions: str) -> AuditLog:
    audit = AuditLog(home, FakeClock())
    for action in actions:
        audit.write(action, "key_1", name="ada")
    return audit


def lines(audit: AuditLog) -> list[bytes]:
    return audit.path.read_bytes().splitlines(keepends=True)


def test_a_line_says_who_did_what_to_which_thing(tmp_path: Path) -> None:
    audit = log_of(tmp_path)
    asyncio.run(audit.record("key.create", "key_1", name="ada", count=3))
    audit.write("key.revoke", "key_1")
    first, second = audit.entries()
    assert (first.seq, first.at, first.actor) == (1, "2023-11-14T22:13:20.000000Z", "owner")
    assert (first.action, first.target, first.detail) == ("key.create", "key_1", {"name": "ada", "count": 3})
    assert (second.seq, second.actor, second.previous) == (2, "command line", first.hash)
    assert audit.verify() == Verdict(2, 1, second.hash)
    assert audit.entries("2024") == []


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    log_of(tmp_path / "new", "key.create")
    assert {each.name: each.stat().st_mode & 0o777 for each in (tmp_path / "new").iterdir()} == {
        "audit.jsonl": 0o600,
        "audit.head": 0o600,
    }


def test_no_log_is_a_whole_one(tmp_path: Path) -> None:
    assert log_of(tmp_path).verify() == Verdict(0, 0, "0" * 64)


@given(st.text(), st.text())
def test_whatever_is_told_is_one_line_of_printable_ascii(name: str, target: str) -> None:
    audit = AuditLog(Path("/nowhere"), FakeClock())
    texts: list[bytes] = []
    audit._append = lambda fields: texts.append(json.dumps(fields).encode())  # type: ignore[method-assign]
    audit.write("key.create", target, name=name)
    assert texts[0].isascii() and texts[0].decode().isprintable()


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "\x7f", "\x9b31m", "\u2028", "\u202e", "\ud800"])
def test_nothing_in_it_steers_a_terminal_or_makes_a_line(tmp_path: Path, text: str) -> None:
    audit = log_of(tmp_path)
    audit.write("key.create", text, name=text)
    (line,) = lines(audit)
    assert line.isascii() and line[:-1].decode().isprintable()
    assert audit.verify().broken is None


def test_secrets_do_not_get_into_it_and_long_values_end(tmp_path: Path) -> None:
    audit = log_of(tmp_path)
    audit.write("key.create", KEY, KEY, name=f"sk-{'x' * 40}", much="x" * 100_000)
    data = audit.path.read_bytes()
    assert KEY.encode() not in data and b"sk-xxx" not in data and len(data) < 4000


def altered(what: Callable[[list[bytes]], list[bytes]], home: Path) -> Verdict:
    """Return what a check says of a log of five lines that was altered so."""
    audit = log_of(home, *(f"action.{number}" for number in range(1, 6)))
    audit.path.write_bytes(b"".join(what(lines(audit))))
    return audit.verify()


def other(line: bytes) -> bytes:
    return line.replace(b'"ada"', b'"eve"')


@pytest.mark.parametrize("number", range(1, 6))
def test_the_first_line_that_was_altered_taken_out_or_put_in_is_named(tmp_path: Path, number: int) -> None:
    at = number - 1
    changes: dict[str, Callable[[list[bytes]], list[bytes]]] = {
        "altered": lambda all_: [*all_[:at], other(all_[at]), *all_[number:]],
        "missing": lambda all_: [*all_[:at], *all_[number:]],
        "twice": lambda all_: [*all_[:number], all_[at], *all_[number:]],
        "no JSON": lambda all_: [*all_[:at], b"\xff\n", *all_[number:]],
    }
    found = {}
    for name, change in changes.items():
        verdict = altered(change, tmp_path / name)
        found[name] = verdict.broken.line if verdict.broken else None
    # Without its first line a log is one that goes on from another file, and says so.
    missing = None if number == 1 else number
    assert found == {"altered": number, "missing": missing, "twice": number + 1, "no JSON": number}
    if number == 1:
        assert altered(changes["missing"], tmp_path / "first").first == 2


def test_every_byte_counts(tmp_path: Path) -> None:
    audit = log_of(tmp_path, "one", "two")
    data = audit.path.read_bytes()
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1
        audit.path.write_bytes(damaged)
        verdict = audit.verify()
        assert verdict.broken or verdict.unfinished, position


def test_lines_cut_off_its_end_are_missed(tmp_path: Path) -> None:
    audit = log_of(tmp_path, "one", "two")
    kept = lines(audit)
    audit.path.write_bytes(kept[0])
    verdict = audit.verify()
    assert verdict.broken and verdict.broken.line == 2 and "goes to entry 2" in verdict.broken.why
    audit.path.write_bytes(b"")
    assert audit.verify().broken


def test_a_log_that_was_moved_away_goes_on_in_a_new_file(tmp_path: Path) -> None:
    audit = log_of(tmp_path, "one", "two")
    audit.path.rename(tmp_path / "audit-old.jsonl")
    assert audit.verify() == Verdict(0, 0, "0" * 64)
    audit.write("three")
    (entry,) = audit.entries()
    assert entry.seq == 3 and entry.previous != "0" * 64
    assert audit.verify() == Verdict(1, 3, entry.hash)


def test_half_a_line_at_the_end_is_told_and_gives_way(tmp_path: Path) -> None:
    audit = log_of(tmp_path, "one", "two")
    whole = audit.path.read_bytes()
    third = lines(log_of(tmp_path / "other", "one", "two", "three"))[2]
    for length in range(1, len(third)):
        audit.path.write_bytes(whole + third[:length])
        verdict = audit.verify()
        assert (verdict.lines, verdict.unfinished, verdict.broken) == (2, True, None)
    audit.write("three")
    assert [entry.action for entry in audit.entries()] == ["one", "two", "three"]
    assert audit.verify().broken is None and not audit.verify().unfinished


def test_what_cannot_be_on_record_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    audit = log_of(tmp_path, "one")
    before = audit.path.read_bytes()
    for room in (0, 5, 100):
        with (
            no_larger_than(len(before) + room),
            pytest.raises(AuditUnavailable, match="was not done, because its line"),
        ):
            audit.write("key.create")
        assert audit.path.read_bytes() == before
    audit.write("key.create")
    assert audit.verify().lines == 2


def test_a_head_that_cannot_be_written_costs_no_line(tmp_path: Path) -> None:
    audit = log_of(tmp_path, "one")
    (tmp_path / "audit.head").unlink()
    (tmp_path / "audit.head").mkdir()
    audit.write("two")
    assert [entry.action for entry in audit.entries()] == ["one", "two"]


def test_a_log_whose_end_was_altered_takes_nothing_more(tmp_path: Path) -> None:
    audit = log_of(tmp_path, "one")
    audit.path.write_bytes(other(audit.path.read_bytes()))
    with pytest.raises(AuditUnavailable, match="its last line was altered"):
        audit.write("two")


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuditUnavailable):
        log_of(tmp_path, "one")
    assert not (tmp_path / "elsewhere").exists()


def test_processes_and_threads_take_turns(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from llm_gateway.clock import SystemClock; "
        "from llm_gateway.ledger.audit import AuditLog; audit = AuditLog(Path(sys.argv[1]), SystemClock()); "
        "[audit.write('one') for _ in range(30)]"
    )

    async def together(audit: AuditLog) -> None:
        await asyncio.gather(*(audit.record("two") for _ in range(30)))

    others = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(2)]
    audit = log_of(tmp_path)
    asyncio.run(together(audit))
    assert [each.wait(60) for each in others] == [0, 0]
    verdict = audit.verify()
    assert (verdict.lines, verdict.broken) == (90, None)


def test_a_log_that_is_settled_later_is_whole_before_and_after(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, FakeClock(), synced=False)
    log.write("key.create", "k1")
    log.write("key.create", "k2")
    assert log.verify() == AuditLog(tmp_path, FakeClock()).verify() and log.verify().broken is None
    assert not (tmp_path / "audit.head").exists()
    log.settle()
    assert log.verify().lines == 2 and log.verify().broken is None
    log.path.write_bytes(log.path.read_bytes().splitlines(keepends=True)[0])
    assert log.verify().broken is not None


def test_the_latest_lines_are_read_without_those_before(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path, FakeClock(), synced=False)
    assert audit.latest(5) == []
    for number in range(900):
        audit.write(f"action.{number}", "x" * 400)
    assert audit.path.stat().st_size > 256 * 1024
    found = audit.latest(3)
    assert [each.action for each in found] == ["action.899", "action.898", "action.897"]
    many = audit.latest(10_000)
    assert 300 < len(many) < 900 and [each.seq for each in many] == list(range(900, 900 - len(many), -1))
