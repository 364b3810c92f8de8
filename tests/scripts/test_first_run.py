"""`make run`, from start to Ctrl-C, with the real gateway and the real model."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from house import ROOT

START = """
import sys
from pathlib import Path
from environment import Environment
from first_run import start
sys.exit(start(Environment(Path(sys.argv[1])), sys.argv[2:]))
"""


def first_run(root: Path, *options: str) -> "subprocess.Popen[str]":
    """Start what `make run` starts, with this interpreter's environment as `.venv`."""
    if not (root / ".venv").exists():
        (root / ".venv").symlink_to(sys.prefix)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-c", START, str(root), "--home", str(root / "home"), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**kept, "PYTHONPATH": str(ROOT / "scripts"), "HOME": str(root)},
    )


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended without saying {words!r}:\n{said}")


def test_starts_answers_says_so_and_stops_at_ctrl_c(tmp_path: Path) -> None:
    with first_run(tmp_path, "--port", "0") as running:
        said = read_until(running, "Ctrl-C stops it")
        assert "local/smollm2 has answered" in said
        assert "tokens_out" in said and "/v1/chat/completions" in said
        with first_run(tmp_path) as second:
            assert "already running" in read_until(second, "requests")
            second.communicate()
            assert second.returncode == 0
        running.send_signal(signal.SIGINT)
        assert "The gateway has stopped." in running.communicate()[0]
        assert running.returncode == 0


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with first_run(tmp_path, "--port", "0") as running:
        said = read_until(running, "is ready on")
        port = said.partition("127.0.0.1:")[2].split()[0]
        (tmp_path / "other").mkdir()
        with first_run(tmp_path / "other", "--port", port) as other:
            refused, _ = other.communicate()
            assert other.returncode == 1
            assert port in refused and "did not start" in refused
        running.send_signal(signal.SIGTERM)
        running.communicate()
