"""A look at a machine: what is found of each application, and where its logs lie."""

from pathlib import Path

import msgspec

from clients.homes import ADDRESS, empty_home, make_home
from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.connect.record import Kept, Made, Record, write_record
from llm_gateway.clients.connect.traces import Trace
from llm_gateway.clients.looking import MachineLook, past_logs
from llm_gateway.clients.machine import Machine, Process

ROW = catalog()["claude-code"]


def look(machine: Machine, home: Path, *, logs: bool = True) -> MachineLook:
    return MachineLook(lambda processes: machine, home, lambda: [ADDRESS], logs=logs)


def test_an_empty_machine_has_nothing(tmp_path: Path) -> None:
    assert look(empty_home("linux", tmp_path), tmp_path / "gateway").known() == {}


def test_what_is_there_is_found_with_where_it_points(tmp_path: Path) -> None:
    machine = make_home(ROW, "linux", tmp_path)
    known = look(machine, tmp_path / "gateway").known()
    assert set(known) == {"claude-code"}
    found = known["claude-code"]
    assert (found.installed, found.running, found.points_at, found.connected_us) == (True, False, "vendor", 0)
    assert found.evidence


def test_what_runs_is_found_with_since_when(tmp_path: Path) -> None:
    machine = make_home(ROW, "linux", tmp_path)
    running = msgspec.structs.replace(machine, processes=(Process("claude", 7, 42),))
    found = look(running, tmp_path / "gateway").known()["claude-code"]
    assert (found.running, found.started_us) == (True, 42)


def test_a_connection_that_was_rewritten_is_noticed(tmp_path: Path) -> None:
    machine = make_home(ROW, "linux", tmp_path)
    made = Made(("env", "ANTHROPIC_BASE_URL"), traces=(Trace((), ""),))
    settings = str(machine.home / ".claude" / "settings.json")
    kept = Kept(settings, "json", b"{}", 0o600, "", 0o600, (made,))
    write_record(tmp_path / "gateway", Record("claude-code", "key", "key_1", 42, (kept,)))
    found = look(machine, tmp_path / "gateway").known()["claude-code"]
    assert found.connected_us == 42 and len(found.rewritten) == 1
    assert "ANTHROPIC_BASE_URL" in found.rewritten[0]
    assert "connected by its key" in found.evidence


def test_a_record_that_is_none_hides_nothing_else(tmp_path: Path) -> None:
    machine = make_home(ROW, "linux", tmp_path)
    (tmp_path / "gateway" / "connections").mkdir(parents=True)
    (tmp_path / "gateway" / "connections" / "claude-code.json").write_text("{")
    assert look(machine, tmp_path / "gateway").known()["claude-code"].installed


def test_logs_lie_where_the_catalog_says(tmp_path: Path) -> None:
    machine = make_home(ROW, "linux", tmp_path)
    places = dict(look(machine, tmp_path / "gateway").logs())
    assert places["claude-code"] == [("claude", machine.home / ".claude" / "projects" / "**" / "*.jsonl")]
    assert {"codex-cli", "gemini-cli", "pi", "llm"} <= set(places)
    assert look(machine, tmp_path / "gateway", logs=False).logs() == []


def test_who_asks_for_them_is_told_of_the_logs_of_this_machine(tmp_path: Path) -> None:
    found = dict(past_logs({"HOME": str(tmp_path)}))
    assert {"claude-code", "codex-cli", "opencode"} <= set(found)
    assert all(str(path).startswith(str(tmp_path)) for _, path in found["claude-code"])
