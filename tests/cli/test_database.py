"""The ledger's database: brought up to date, and copied while a gateway writes to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway_process import GatewayProcess
from terminal import Terminal


def turns(database: Path) -> set[str]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return {str(row[0]) for row in connection.execute("SELECT id FROM turns")}


def test_migrate_makes_a_ledger_and_leaves_one_that_is_there(stopped: Terminal) -> None:
    for _ in range(2):
        assert stopped.ok("db", "migrate").err == f"the ledger of {stopped.home} is up to date\n"
    assert turns(stopped.home / "ledger" / "ledger.sqlite3") == set()


def test_migrate_beside_a_gateway_says_who_holds_it(gateway: GatewayProcess, terminal: Terminal) -> None:
    done = terminal("db", "migrate")
    assert done.code == 1
    assert f"pid {gateway.pid}" in done.err and "`llm-gateway down`" in done.err


def test_a_backup_beside_a_gateway_holds_its_turns(
    gateway: GatewayProcess, terminal: Terminal, tmp_path: Path
) -> None:
    made = gateway.chat("demo/echo").header("x-llm-gateway-request-id")
    assert gateway.row(made)["status"] == "ok"  # asking brings everything so far into the database
    copy = tmp_path / "copy.sqlite3"
    done = terminal.ok("db", "backup", str(copy))
    assert done.err == f"copied {copy.stat().st_size} bytes to {copy}\n"
    assert made in turns(copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    again = terminal("db", "backup", str(copy))
    assert again.code == 1 and "a copy cannot be made there: File exists" in again.err


def test_without_a_ledger_there_is_nothing_to_copy(stopped: Terminal, tmp_path: Path) -> None:
    done = stopped("db", "backup", str(tmp_path / "copy"))
    assert done.code == 1 and "there is no ledger yet" in done.err
    assert not (tmp_path / "copy").exists()


def test_a_damaged_database_is_said(stopped: Terminal) -> None:
    stopped.ok("db", "migrate")
    (stopped.home / "ledger" / "ledger.sqlite3").write_bytes(b"no database" * 1000)
    done = stopped("db", "migrate")
    assert done.code == 1 and done.err.startswith("error: ") and "Traceback" not in done.err


def answered(gateway: GatewayProcess) -> None:
    made = gateway.chat("demo/echo").header("x-llm-gateway-request-id")
    assert gateway.row(made)["status"] == "ok"


def test_the_sums_are_checked_beside_a_gateway(gateway: GatewayProcess, terminal: Terminal) -> None:
    answered(gateway)
    assert terminal.ok("db", "check").err == "the sums are what the turns say\n"
    found = terminal.json("db", "check")
    assert found["schema"] == "llm-gateway/db-check/v1" and found["differences"] == []
    refused = terminal("db", "rebuild")
    assert refused.code == 1 and "`llm-gateway down`" in refused.err


def test_wrong_sums_are_named_and_made_anew(stopped: Terminal) -> None:
    stopped.ok("db", "migrate")
    columns = "id, at_us, key_id, caller, client, dialect, operation, model_asked, provider, model, stream, "
    rest = "counts, purpose, request_bytes, outcome"
    values = "'a', 1, 'k', 'ada', 'codex-cli', 'chat', 'chat', 'm', 'p', 'm', 0, 1, 'request', 5, 'ok'"
    with closing(sqlite3.connect(stopped.home / "ledger" / "ledger.sqlite3")) as connection, connection:
        connection.execute(f"INSERT INTO turns ({columns}{rest}) VALUES ({values})")
    done = stopped("db", "check")
    assert done.code == 1
    assert "usage_hours 0: missing: routed codex-cli ada k p m" in done.err
    assert "hint: `llm-gateway db rebuild`" in done.err
    assert stopped.ok("db", "rebuild").err == "made the sums of 1 days anew\n"
    assert stopped.ok("db", "check").err == "the sums are what the turns say\n"
    dry = stopped.ok("db", "prune", "--older-than", "90d", "--dry-run")
    assert dry.err.startswith("would delete 1 turns and 0 reports of clients from before ")
    assert stopped.ok("db", "prune", "--older-than", "90d").err.startswith("deleted 1 turns")
    assert turns(stopped.home / "ledger" / "ledger.sqlite3") == set()
    assert "from 20" in stopped.ok("db", "check").err


def test_old_turns_go_beside_a_gateway(gateway: GatewayProcess, terminal: Terminal) -> None:
    answered(gateway)
    view = terminal.json("db", "prune", "--older-than", "1d")
    assert view["schema"] == "llm-gateway/db-prune/v1"
    assert (view["turns"], view["sightings"], view["dry_run"]) == (0, 0, False)


def test_how_old_has_to_be_said(stopped: Terminal) -> None:
    assert "ledger.keep_days" in stopped("db", "prune").err
    for wrong in ("x", "0d", "-3", "3h", "99999d"):
        done = stopped("db", "prune", "--older-than", wrong)
        assert done.code == 2 and "90d" in done.err
