"""The audit log at a terminal: what it shows, what a check finds, and what is refused without it."""

import json
from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from llm_gateway.cli.audit import on_record
from terminal import Terminal


def actions(terminal: Terminal, *arguments: str) -> list[tuple[str, str]]:
    entries = terminal.json("audit", *arguments)["entries"]
    assert isinstance(entries, list)
    return [(each["actor"], each["action"]) for each in entries]


def test_what_is_done_without_a_gateway_is_on_record(stopped: Terminal) -> None:
    key = stopped.ok("keys", "create", "ada").out.strip()
    stopped.ok("keys", "rotate", "ada")
    stopped.ok("keys", "keep", "ada", "3")
    assert actions(stopped) == [
        ("command line", "key.create"),
        ("command line", "key.rotate"),
        ("command line", "key.keep"),
    ]
    assert key not in (stopped.home / "audit.jsonl").read_text()
    shown = stopped.ok("audit").out.splitlines()
    assert shown[0].split() == ["SEQ", "AT", "ACTOR", "ACTION", "TARGET", "DETAIL"] and len(shown) == 4
    assert actions(stopped, "--since", "1h") and "name=ada" in shown[1]
    assert stopped.ok("audit", "verify").err.startswith("3 lines are whole; ")


def test_what_is_done_through_a_gateway_is_its_owners(gateway: GatewayProcess, terminal: Terminal) -> None:
    terminal.ok("keys", "create", "eve")
    assert ("owner", "key.create") in actions(terminal)


def test_nothing_was_administered_yet(stopped: Terminal) -> None:
    assert "nothing was administered" in stopped.ok("audit").err
    assert stopped.ok("audit", "verify").err.startswith("0 lines are whole")
    assert stopped("audit", "--since", "soon").code == 2
    assert not stopped.home.exists()


def test_the_first_line_that_was_altered_is_named_by_all_who_look(stopped: Terminal) -> None:
    for name in ("ada", "bob", "eve"):
        stopped.ok("keys", "create", name)
    log = stopped.home / "audit.jsonl"
    log.write_text(log.read_text().replace('"bob"', '"bod"'))
    done = stopped("audit", "verify")
    assert done.code == 1 and f"{log}: line 2: it was altered" in done.err
    told = stopped("audit", "verify", "--json")
    assert told.code == 1 and json.loads(told.out)["broken"] == {"line": 2, "why": "it was altered"}
    assert "line 2" in stopped("audit").err
    doctor = json.loads(stopped("doctor", "--json").out)
    (found,) = [each for each in doctor["checks"] if each["check"] == "audit log"]
    assert found["severity"] == "error" and "line 2: it was altered" in found["finding"]


def test_half_a_line_is_told(stopped: Terminal) -> None:
    stopped.ok("keys", "create", "ada")
    with (stopped.home / "audit.jsonl").open("a") as file:
        file.write('{"seq":2')
    assert "half a line follows" in stopped.ok("audit", "verify").err


@pytest.mark.parametrize(
    "command", [("keys", "create", "bob"), ("keys", "revoke", "ada"), ("keys", "rotate", "ada")]
)
def test_what_cannot_be_on_record_is_not_done(stopped: Terminal, command: tuple[str, ...]) -> None:
    stopped.ok("keys", "create", "ada")
    before = stopped.json("keys", "list")
    (stopped.home / "audit.jsonl").unlink()
    (stopped.home / "audit.jsonl").mkdir()
    done = stopped(*command)
    assert done.code == 1 and "was not done" in done.err and done.out == ""
    assert stopped.json("keys", "list") == before


def test_a_command_puts_on_record_what_it_is_about_to_do(tmp_path: Path) -> None:
    on_record(tmp_path, "exposure.confirm", "192.0.2.1:8080", allow_from="192.0.2.0/24")
    (line,) = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert json.loads(line)["detail"] == {"allow_from": "192.0.2.0/24"}
