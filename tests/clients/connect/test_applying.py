"""Plans carried out, and broken off at every point by the death of the program."""

import subprocess
import sys
from pathlib import Path

import pytest

from clients.homes import make_home
from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.connect import (
    CannotChange,
    Wish,
    Words,
    apply,
    plan,
    read_record,
    records,
    state,
    undo,
)

WORDS = Words("http://127.0.0.1:8787", "lgw_key", "qwen-code", "m", ("m",))

# Ends itself by SIGKILL just before it puts its n-th file in place, or takes one away.
_DIES = """
import os, signal, sys
from pathlib import Path
from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.connect import *
from llm_gateway.clients.machine import Machine

folder, left = Path(sys.argv[1]), int(sys.argv[2])

def watch(event, arguments):
    global left
    if event in ("os.rename", "os.remove", "os.mkdir"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

row, home = catalog()["qwen-code"], folder / "gateway"
machine = Machine("linux", folder / "home" / "ann", {}, folder)
words = Words("http://127.0.0.1:8787", "lgw_key", row.id, "m", ("m",))
planned = plan(Wish(row, "key"), machine, words, home, read_record(home, row.id))
sys.addaudithook(watch)
if sys.argv[3] == "apply":
    apply(planned, home, "key_1", 1)
else:
    undo(read_record(home, row.id), home)
"""


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file below a home, but what a program that died has left beside one."""
    found = (
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".settings.json.")
    )
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes())
        for path in found
        if not path.name.startswith("..env.")
    }


def run(folder: Path, died_at: int, verb: str) -> int:
    command = [sys.executable, "-c", _DIES, str(folder), str(died_at), verb]
    return subprocess.run(command, check=False).returncode


def test_whenever_it_dies_all_of_it_can_be_taken_back(tmp_path: Path) -> None:
    row, ends = catalog()["qwen-code"], list[int]()
    for died_at in range(1, 20):
        folder = tmp_path / str(died_at)
        machine, home = make_home(row, "linux", folder), folder / "gateway"
        before = files(machine.home)
        ends.append(run(folder, died_at, "apply"))
        record = read_record(home, row.id)
        assert (record is not None) or files(machine.home) == before
        if record is not None:
            assert undo(record, home).failed == ()
        assert files(machine.home) == before and records(home) == []
        if ends[-1] == 0:
            break
    assert ends[-1] == 0 and len(ends) >= 4 and set(ends[:-1]) == {-9}


def test_whenever_undoing_dies_it_can_be_done_again(tmp_path: Path) -> None:
    row, ends = catalog()["qwen-code"], list[int]()
    for died_at in range(1, 20):
        folder = tmp_path / str(died_at)
        machine, home = make_home(row, "linux", folder), folder / "gateway"
        before = files(machine.home)
        apply(plan(Wish(row, "key"), machine, WORDS, home), home, "key_1", 1)
        ends.append(run(folder, died_at, "undo"))
        if (record := read_record(home, row.id)) is not None:
            assert undo(record, home).failed == ()
        assert files(machine.home) == before and records(home) == []
        if ends[-1] == 0:
            break
    assert ends[-1] == 0 and len(ends) >= 3


def test_a_file_that_cannot_be_written_leaves_the_rest_to_be_taken_back(tmp_path: Path) -> None:
    row = catalog()["qwen-code"]
    machine, home = make_home(row, "linux", tmp_path), tmp_path / "gateway"
    before = files(machine.home)
    made = plan(Wish(row, "key"), machine, WORDS, home)
    last = made.steps[-1].change.path
    content = last.read_bytes()
    last.unlink()
    last.mkdir()
    with pytest.raises(CannotChange, match="cannot be read"):
        apply(made, home, "key_1", 1)
    assert records(home) == []
    last.rmdir()
    last.write_bytes(content)
    record = apply(made, home, "key_1", 1)
    assert state(record).name == "as written"
    undo(record, home)
    assert files(machine.home) == before
