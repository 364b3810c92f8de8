"""`bridges expose`: what is confirmed, by whom, and how it is taken back."""

import getpass
import time
from pathlib import Path

import pytest

from llm_gateway.clock import SystemClock
from llm_gateway.config import load
from llm_gateway.ledger.audit import AuditLog
from llm_gateway.server.exposure import confirmation, confirmed
from terminal import Terminal, program

OPEN = '[server]\nhost = "192.0.2.1"\nport = 9000\nexpose = true\nallow_from = ["192.0.2.0/24"]\n'


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    (tmp_path / "gateway.toml").write_text(OPEN)
    return Terminal(tmp_path / "home", capsys, {"LLM_GATEWAY_CONFIG": str(tmp_path / "gateway.toml")})


def is_confirmed(terminal: Terminal) -> bool:
    loaded = load(flags={}, environ=terminal.environ)
    return confirmed(loaded.home, loaded.settings.server, SystemClock().now_us())


def test_it_is_shown_confirmed_and_taken_back(terminal: Terminal) -> None:
    done = terminal.ok("bridges", "expose", "--yes")
    assert "Whoever reaches 192.0.2.1:9000" in done.err and done.out == ""
    assert "TLS certificate  none" in done.err and "allowed networks 192.0.2.0/24" in done.err
    assert is_confirmed(terminal)
    assert "taken back" in terminal.ok("bridges", "expose", "--withdraw").err
    assert not is_confirmed(terminal)


def test_a_confirmation_is_for_these_settings_alone(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ok("bridges", "expose", "--yes")
    (tmp_path / "gateway.toml").write_text(OPEN.replace("9000", "9001"))
    assert not is_confirmed(terminal)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 130)])
def test_it_asks(terminal: Terminal, answer: str, code: int) -> None:
    done = program(terminal.home, "bridges", "expose", environ=terminal.environ, typed=answer)
    assert done.code == code
    assert "Is that what you want?" in done.err
    assert is_confirmed(terminal) == (code == 0)


def test_it_is_on_record_who_when_what_and_until_when(terminal: Terminal) -> None:
    before = time.time()
    done = terminal.ok("bridges", "expose", "--yes", "--hours", "2")
    assert "until            2" in done.err
    (entry,) = AuditLog(terminal.home, SystemClock()).entries("")
    assert (entry.action, entry.target) == ("exposure.confirm", "192.0.2.1:9000")
    assert entry.detail["by"] == getpass.getuser() and entry.detail["allow_from"] == "192.0.2.0/24"
    assert str(entry.detail["until"]).endswith(" UTC")
    found = confirmation(terminal.home, load(flags={}, environ=terminal.environ).settings.server)
    assert found is not None and 7195 < found.until_us / 1e6 - before < 7300
    terminal.ok("bridges", "expose", "--withdraw")
    assert AuditLog(terminal.home, SystemClock()).entries("")[-1].action == "exposure.withdraw"


def test_somebody_who_became_somebody_else_is_named(terminal: Terminal) -> None:
    terminal.environ["SUDO_USER"] = "ada"
    terminal.ok("bridges", "expose", "--yes")
    (entry,) = AuditLog(terminal.home, SystemClock()).entries("")
    assert entry.detail["by"] == f"{getpass.getuser()} (sudo of ada)"


def test_what_lacks_something_cannot_be_confirmed(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text('[server]\nhost = "0.0.0.0"\nexpose = true\n')
    done = terminal("bridges", "expose", "--yes")
    assert done.code == 6
    assert "server.tls_cert" in done.err and "hint: docs/exposure.md" in done.err


def test_loopback_needs_no_confirmation(stopped: Terminal) -> None:
    assert "there is nothing to confirm" in stopped.ok("bridges", "expose").err
    assert not (stopped.home / "exposure.json").exists()
