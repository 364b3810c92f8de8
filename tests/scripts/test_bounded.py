"""A program that hangs ends in time, and what it started with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bounded import TooLong, bounded

# Starts a program that hangs, says which, and hangs.
_HANGS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)"])
with open("pid", "w") as file:
    file.write(str(child.pid))
{last}
"""


def _hanging(last: str) -> tuple[str, ...]:
    return (sys.executable, "-c", _HANGS.format(last=last))


def _gone(home: Path) -> bool:
    pid = int((home / "pid").read_text())
    until = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_is_the_programs(tmp_path: Path, code: int) -> None:
    assert bounded((sys.executable, "-c", f"raise SystemExit({code})"), 30, cwd=tmp_path) == code


def test_it_gets_the_environment_and_the_folder(tmp_path: Path) -> None:
    source = "import os; open('told', 'w').write(os.environ['TOLD'])"
    assert bounded((sys.executable, "-c", source), 30, cwd=tmp_path, environ={"TOLD": "words"}) == 0
    assert (tmp_path / "told").read_text() == "words"


def test_what_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    with pytest.raises(TooLong, match="in 2 s"):
        bounded(_hanging("time.sleep(99)"), 2, cwd=tmp_path)
    assert _gone(tmp_path)


def test_what_is_left_behind_is_ended(tmp_path: Path) -> None:
    assert bounded(_hanging("pass"), 30, cwd=tmp_path) == 0
    assert _gone(tmp_path)


def test_who_is_ended_ends_it_first(tmp_path: Path) -> None:
    """A bound around this one sends SIGTERM to our group, and the command has a group of its own."""
    command = _hanging("time.sleep(99)")
    source = f"import bounded, pathlib; bounded.bounded({command!r}, 60, cwd=pathlib.Path({str(tmp_path)!r}))"
    scripts = str(Path(__file__).resolve().parents[2] / "scripts")
    outer = subprocess.Popen(
        (sys.executable, "-c", source), env={**os.environ, "PYTHONPATH": scripts}, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 30
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < until, "it did not start"
            time.sleep(0.01)
        outer.send_signal(signal.SIGTERM)
        assert outer.wait(30) != 0
    finally:
        outer.kill()
        outer.wait()
    assert _gone(tmp_path)
