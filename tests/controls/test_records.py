"""The owner's record of what was asked from afar: whatever is altered in it is found."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import FakeClock
from llm_gateway.companion.journal import Journal

_FULL = os.environ.get("LLM_GATEWAY_TEST_FAULTS", "") == "full"


def written(folder: Path) -> Journal:
    """Return a record of a few turns."""
    journal = Journal(folder, FakeClock())
    for turn in ("t1", "t2"):
        journal.begun(turn, "claude", "sonnet", 400)
        journal.ended(turn, "claude", "answered", 4000)
    journal.noted("companion.pause")
    asyncio.run(journal.settle())
    return journal


@pytest.mark.control("T12")
def test_any_byte_that_is_altered_is_found(tmp_path: Path, report: Callable[[str], None]) -> None:
    journal = written(tmp_path)
    whole = journal.path.read_bytes()
    assert journal.verify().broken is None and journal.verify().lines == 5
    missed, places = [], range(0, len(whole), 1 if _FULL else 3)
    for at in places:
        journal.path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        verdict = journal.verify()
        if verdict.broken is None and not verdict.unfinished:
            missed.append(at)
    assert missed == []
    report(f"T12: {len(places)} of {len(whole)} bytes of a record altered, one at a time; all were found")


@pytest.mark.control("T12")
@pytest.mark.parametrize("how", ["taken out", "moved", "said twice", "cut off"])
def test_lines_that_are_not_as_they_were_written_are_found(tmp_path: Path, how: str) -> None:
    journal = written(tmp_path)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    match how:
        case "taken out":
            del lines[3]
        case "moved":
            lines[2], lines[3] = lines[3], lines[2]
        case "said twice":
            lines.insert(3, lines[3])
        case _:
            del lines[3:]
    journal.path.write_bytes(b"".join(lines))
    assert journal.verify().broken is not None
