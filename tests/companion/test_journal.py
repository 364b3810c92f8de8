"""What was asked from afar is on record on the machine itself, in a chain that shows what was altered."""

import asyncio
from pathlib import Path

import pytest

from fakes import FakeClock
from llm_gateway.companion.caps import DAY_US, Counted
from llm_gateway.companion.journal import Journal
from llm_gateway.errors import AuditUnavailable


def test_turns_are_on_record_and_counted_by_day(tmp_path: Path) -> None:
    clock = FakeClock(20_000 * DAY_US - 1)
    journal = Journal(tmp_path, clock)
    assert journal.today() == Counted(19_999)
    journal.begun("t1", "claude", "sonnet", 400)
    clock.advance(1)
    for number in range(2, 12):
        journal.begun(f"t{number}", "claude", "sonnet", 40)
    journal.ended("t2", "claude", "answered", 400)
    journal.noted("companion.pause")
    assert journal.today() == Journal(tmp_path, clock).today() == Counted(20_000, 10, 200)
    assert journal.verify().lines == 13 and journal.verify().broken is None


@pytest.mark.control("T12")
def test_a_byte_that_was_altered_shows(tmp_path: Path) -> None:
    journal = Journal(tmp_path, FakeClock())
    for number in range(3):
        journal.begun(f"t{number}", "claude", "sonnet", 1)
    data = bytearray(journal.path.read_bytes())
    data[len(data) // 2] ^= 1
    journal.path.write_bytes(data)
    broken = journal.verify().broken
    assert broken is not None and broken.line == 2


def test_lines_that_were_cut_off_show_once_they_are_settled(tmp_path: Path) -> None:
    journal = Journal(tmp_path, FakeClock())

    async def settle() -> None:
        await journal.settle()
        journal.begun("t1", "claude", "sonnet", 1)
        journal.begun("t2", "claude", "sonnet", 1)
        await journal.settle()

    asyncio.run(settle())
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(lines[0])
    assert journal.verify().broken is not None
    journal.path.unlink()
    journal.path.mkdir()
    journal._unsettled = True
    asyncio.run(journal.settle())
    assert journal._unsettled


def test_what_cannot_be_put_on_record_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_bytes(b"")
    with pytest.raises(AuditUnavailable):
        Journal(folder, FakeClock()).begun("t", "claude", "sonnet", 1)
