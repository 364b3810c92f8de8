"""`enroll`, `companions` and `companion`: a machine joins a gateway, answers there, and is let go again."""

import json
import re
import signal
import time
from pathlib import Path

import pytest

from llm_gateway.clock import SystemClock
from llm_gateway.companion.journal import Journal
from terminal import Started, Terminal, program

TOKEN = re.compile(r"lgj_[0-9A-Za-z]{49}")


def machines(terminal: Terminal) -> dict[str, dict[str, object]]:
    found = json.loads(terminal.ok("companions", "list", "--json").out)
    assert found["schema"] == "llm-gateway/companions/v1"
    return {each["machine"]: each for each in found["companions"]}


def fails(terminal: Terminal, *arguments: str, code: int = 1) -> str:
    done = terminal(*arguments)
    assert done.code == code, done
    return done.err


def says(desktop: Started, text: str) -> str:
    """Read what a companion says until this is in it."""
    assert desktop.process.stderr is not None
    for line in desktop.process.stderr:
        if text in line:
            return line
    raise AssertionError(f"it ended without saying {text!r}")


def ended(desktop: Started) -> int:
    """Tell it to end, and return its exit code."""
    if desktop.process.poll() is None:
        desktop.send(signal.SIGTERM)
    return desktop.process.wait(15)


def until(terminal: Terminal, machine: str, status: str) -> dict[str, object]:
    deadline = time.monotonic() + 10
    while (found := machines(terminal)[machine])["status"] != status:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def test_a_machine_joins_comes_back_and_is_revoked(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.ok("enroll", "mac", "--bridges", "claude, codex", "--person", "anna")
    token = done.out.strip()
    assert TOKEN.fullmatch(token) and "good once, within 10 minutes" in done.err
    assert machines(terminal)["mac"]["status"] == "invited"
    url = str(terminal.json("status")["url"])
    home = tmp_path / "desk"
    with Started(home, "companion", "--gateway", url, "--join", token) as desktop:
        says(desktop, "connected as mac")
        says(desktop, "it offers")
        found = until(terminal, "mac", "connected")
        assert (found["person"], found["bridges"]) == ("anna", ["claude", "codex"])
        assert "runs already" in program(home, "companion").err
        assert "mac" in terminal.ok("companions", "list").out
        assert ended(desktop) == 0
    until(terminal, "mac", "offline")
    with Started(home, "companion") as desktop:
        says(desktop, "connected as mac")
        terminal.ok("companions", "pause", "mac")
        assert program(home, "companion", "resume").code == 0
        began = time.monotonic()
        terminal.ok("companions", "revoke", "mac")
        says(desktop, "this companion was revoked")
        assert time.monotonic() - began < 5
        assert desktop.process.wait(10) == 6
    assert machines(terminal)["mac"]["status"] == "revoked"
    assert "no companion" in fails(terminal, "companions", "revoke", "mac")


def test_a_token_that_is_none_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    url = str(terminal.json("status")["url"])
    done = program(tmp_path / "desk", "companion", "--gateway", url, "--join", "-", typed="guess\n")
    assert done.code == 6 and "this is no join token" in done.err


def test_without_a_gateway_that_runs(stopped: Terminal) -> None:
    token = stopped.ok("enroll", "mac").out.strip()
    assert TOKEN.fullmatch(token)
    assert json.loads(stopped.ok("enroll", "box", "--json").out)["machine"] == "box"
    assert {name: each["status"] for name, each in machines(stopped).items()} == {
        "mac": "invited",
        "box": "invited",
    }
    stopped.ok("companions", "revoke", "mac")
    assert set(machines(stopped)) == {"box"}
    assert "no companion" in fails(stopped, "companions", "revoke", "mac")
    assert "is no name of a machine" in fails(stopped, "enroll", "a/b")


def test_a_machine_that_has_joined_nobody(stopped: Terminal) -> None:
    assert "llm-gateway enroll" in fails(stopped, "companion")
    refused = fails(stopped, "companion", "--gateway", "http://gateway.example", "--join", "x", code=6)
    assert "in the clear" in refused


@pytest.mark.control("T12")
def test_the_switch_and_the_record(stopped: Terminal) -> None:
    folder = stopped.home / "companion"
    assert "not paused" in stopped.ok("companion", "resume").err
    stopped.ok("companion", "pause")
    assert (folder / "paused").exists()
    assert "answers its gateway again" in stopped.ok("companion", "resume").err
    Journal(folder, SystemClock())._log.write("turn.begin", "claude/sonnet", "gateway", bytes=3)
    assert "claude/sonnet" in stopped.ok("companion", "journal").out
    assert json.loads(stopped.ok("companion", "journal", "--json").out)["verdict"]["lines"] == 1
    log = folder / "audit.jsonl"
    log.write_text(log.read_text().replace("sonnet", "opus"))
    assert "altered" in fails(stopped, "companion", "journal")
