"""A service is shown, written, started, and taken back; what runs services is played by a small program."""

import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_gateway.cli.local_api import LocalApi
from terminal import Terminal, program

CONTROL = (
    '#!/bin/sh\necho "$*" >> "$(dirname "$0")/told"\n[ -z "$FAILS" ] || { echo "no bus" >&2; exit 3; }\n'
)


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Return a terminal of a user without a running systemd: what would be told to it is written down."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("systemctl", "launchctl", "schtasks"):
        (tools / name).write_text(CONTROL)
        (tools / name).chmod(0o755)
    environ = {
        "HOME": str(tmp_path / "user"),
        "PATH": f"{tools}:/usr/bin:/bin",
        "LLM_GATEWAY_SERVER__PORT": "0",
    }
    return Terminal(tmp_path / "home", capsys, environ)


def unit_of(terminal: Terminal, name: str = "llm-gateway") -> Path:
    return Path(terminal.environ["HOME"]) / ".config" / "systemd" / "user" / f"{name}.service"


def told(terminal: Terminal) -> list[str]:
    file = Path(terminal.environ["PATH"].partition(":")[0]) / "told"
    return file.read_text().splitlines() if file.exists() else []


def everything(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_it_is_shown_written_started_and_taken_back(terminal: Terminal) -> None:
    home = Path(terminal.environ["HOME"])
    home.mkdir()
    dry = terminal.ok("service", "install", "--dry-run")
    assert f"+++ {unit_of(terminal)}" in dry.out and "+ExecStart=" in dry.out
    assert "then: systemctl --user enable --now llm-gateway.service" in dry.err
    assert everything(home) == {} and told(terminal) == []
    done = terminal.ok("service", "install", "--yes")
    assert "your first key  lgw_" in done.err and "uninstall` puts everything back" in done.err
    written = unit_of(terminal).read_text()
    assert f"--home {terminal.home} " in written and "lgw_" not in written
    assert told(terminal) == ["--user daemon-reload", "--user enable --now llm-gateway.service"]
    undone = terminal.ok("service", "uninstall", "--yes")
    assert "its file is as it was" in undone.err
    assert told(terminal)[2:] == ["--user disable --now llm-gateway.service", "--user daemon-reload"]
    assert everything(home) == {}, "folders that were made for it are gone, too"
    assert "nothing to take back" in terminal.ok("service", "uninstall", "--yes").err


def test_what_was_there_comes_back_byte_for_byte(terminal: Terminal) -> None:
    mine = b"[Service]\nExecStart=/my/own\n# \xff"
    unit_of(terminal).parent.mkdir(parents=True)
    unit_of(terminal).write_bytes(mine)
    unit_of(terminal).chmod(0o640)
    terminal.ok("service", "install", "--yes", "--no-start")
    terminal.environ["PATH"] += ":/another/folder"
    terminal.ok("service", "install", "--yes", "--no-start")
    assert b"/another/folder" in unit_of(terminal).read_bytes()
    terminal.ok("service", "uninstall", "--yes")
    assert unit_of(terminal).read_bytes() == mine
    assert stat.S_IMODE(unit_of(terminal).stat().st_mode) == 0o640


def test_twice_is_as_once(terminal: Terminal) -> None:
    terminal.ok("service", "install", "--yes")
    before = unit_of(terminal).read_bytes()
    again = terminal.ok("service", "install", "--yes")
    assert "is so already" in again.err and "first key" not in again.err
    assert unit_of(terminal).read_bytes() == before
    terminal.ok("service", "uninstall", "--yes")
    assert not unit_of(terminal).exists()


def test_a_file_that_somebody_changed_is_left_alone(terminal: Terminal) -> None:
    terminal.ok("service", "install", "--yes")
    unit_of(terminal).write_text("mine now")
    refused = terminal("service", "uninstall", "--yes")
    assert refused.code == 1 and "was changed since it was installed" in refused.err
    assert unit_of(terminal).read_text() == "mine now"
    assert not any("disable" in line for line in told(terminal))
    unit_of(terminal).unlink()
    terminal.ok("service", "uninstall", "--yes")
    assert not unit_of(terminal).exists()


def test_gateway_and_companion_do_not_touch_each_other(terminal: Terminal) -> None:
    terminal.ok("service", "install", "--yes", "--companion")
    companion = unit_of(terminal, "llm-gateway-companion")
    assert companion.read_text().splitlines()[6].endswith(" companion")
    assert not unit_of(terminal).exists()
    terminal.ok("service", "install", "--yes")
    terminal.ok("service", "uninstall", "--yes", "--companion")
    assert unit_of(terminal).exists() and not companion.exists()


def test_a_manager_that_refuses_is_quoted(terminal: Terminal) -> None:
    terminal.environ["FAILS"] = "1"
    failed = terminal("service", "install", "--yes")
    assert failed.code == 1 and "`systemctl --user daemon-reload` failed (3): no bus" in failed.err
    assert "`llm-gateway service uninstall` takes it back" in failed.err
    undone = terminal.ok("service", "uninstall", "--yes")
    assert "warning: `systemctl --user disable" in undone.err
    assert not unit_of(terminal).exists()


def test_without_a_manager_that_is_said(terminal: Terminal) -> None:
    terminal.environ["PATH"] = "/nowhere"
    failed = terminal("service", "install", "--yes")
    assert failed.code == 1 and "systemctl is not on this machine" in failed.err


def test_no_secret_gets_into_a_unit_and_its_name_is_said(terminal: Terminal) -> None:
    terminal.environ |= {
        "OPENAI_API_KEY": "sk-hidden-0123456789abcdef",
        "LLM_GATEWAY_DASHBOARD_TOKEN": "a-dashboard-token-0123456789",
    }
    done = terminal.ok("service", "install", "--yes")
    assert "OPENAI_API_KEY is set here and not for the service" in done.err
    assert "LLM_GATEWAY_DASHBOARD_TOKEN is set here" in done.err
    for kind in ("systemd", "launchd", "windows", "pm2"):
        printed = terminal.ok("service", "print", "--for", kind)
        assert "0123456789" not in printed.out + printed.err
    assert "0123456789" not in done.out + done.err
    record = terminal.home / "services" / "llm-gateway.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600 and b"0123456789" not in record.read_bytes()


def test_printing_changes_nothing(terminal: Terminal) -> None:
    printed = terminal.ok("service", "print", "--pm2")
    assert printed.out.startswith("module.exports = ") and "hint: pm2 start FILE" in printed.err
    assert "<Task " in terminal.ok("service", "print", "--for", "windows").out
    assert "<plist " in terminal.ok("service", "print", "--for", "launchd", "--companion").out
    assert not terminal.home.exists() and told(terminal) == []


@pytest.mark.parametrize(("words", "answer", "code"), [("install", "", 2), ("uninstall", "", 2)])
def test_nobody_there_means_no(terminal: Terminal, words: str, answer: str, code: int) -> None:
    if words == "uninstall":
        terminal.ok("service", "install", "--yes", "--no-start")
    done = program(terminal.home, "service", words, environ=terminal.environ, typed=answer)
    assert done.code == code and "nobody is here to agree" in done.err


@pytest.fixture
def started(terminal: Terminal) -> Iterator["subprocess.Popen[bytes]"]:
    """Start what the unit says, with the environment that systemd gives: almost none."""
    terminal.ok("service", "install", "--yes")
    lines = dict(line.partition("=")[::2] for line in unit_of(terminal).read_text().splitlines())
    command = shlex.split(lines["ExecStart"])
    environ = {"HOME": terminal.environ["HOME"], "LLM_GATEWAY_SERVER__PORT": "0", "PATH": os.environ["PATH"]}
    with subprocess.Popen([*command], env=environ, stderr=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_what_the_unit_says_starts_a_gateway(terminal: Terminal, started: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 20
    while LocalApi.find(terminal.home) is None:
        assert started.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    refused = terminal("service", "install", "--companion", "--dry-run")
    assert refused.code == 0
    started.send_signal(signal.SIGTERM)
    _, said = started.communicate(timeout=20)
    assert started.returncode == 0
    assert b"lgw_" not in said, "the first key was shown at the terminal, and is in no journal"


def test_a_gateway_that_runs_is_not_started_twice(
    terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "llm_gateway", "--home", str(terminal.home), "up"],
        env={"PATH": os.environ["PATH"], "LLM_GATEWAY_SERVER__PORT": "0", "HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    ) as running:
        while LocalApi.find(terminal.home) is None:
            assert running.poll() is None
            time.sleep(0.05)
        refused = terminal("service", "install", "--yes")
        assert refused.code == 1 and "a gateway runs on" in refused.err
        assert not unit_of(terminal).exists()
        running.send_signal(signal.SIGTERM)
