"""Gateway keys from the command line: the same with a gateway that runs and without one."""

from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from llm_gateway.cli.keys import first_key
from llm_gateway.vault import looks_like_key
from server_stage import home_files
from terminal import Terminal


@pytest.fixture(params=["running", "stopped"])
def where(request: pytest.FixtureRequest) -> Terminal:
    found = request.getfixturevalue("terminal" if request.param == "running" else "stopped")
    assert isinstance(found, Terminal)
    return found


def listed(terminal: Terminal, name: str) -> list[dict[str, object]]:
    told = terminal.json("keys", "list")
    assert told["schema"] == "llm-gateway/keys/v1"
    rows = told["keys"]
    assert isinstance(rows, list)
    return [row for row in rows if row["name"] == name]


def test_a_key_is_shown_once_and_never_again(where: Terminal) -> None:
    done = where.ok("keys", "create", "once")
    key = done.out.strip()
    assert looks_like_key(key) and done.out == f"{key}\n"
    assert "shown this once" in done.err and key not in done.err
    (row,) = listed(where, "once")
    assert (row["status"], row["hint"], row["revoked_at"]) == ("active", key[-4:], None)
    told = where.ok("keys", "list").out + where.ok("requests").out + where.ok("config", "show").out
    assert "once" in told and key not in told
    assert key.encode() not in home_files(where.home)


def test_json_has_the_key_and_its_row(where: Terminal) -> None:
    told = where.json("keys", "create", "as-json")
    row = told["row"]
    assert isinstance(row, dict)
    assert told["schema"] == "llm-gateway/key/v1" and looks_like_key(str(told["key"]))
    assert row == listed(where, "as-json")[0]


def test_a_key_may_be_for_one_application(where: Terminal) -> None:
    made = where.json("keys", "create", "codex", "--client", "codex-cli", "--machine", "laptop")
    row = made["row"]
    assert isinstance(row, dict) and (row["client"], row["machine"]) == ("codex-cli", "laptop")
    assert "codex-cli" in where.ok("keys", "list").out


def test_a_revoked_key_stays_in_the_list(where: Terminal) -> None:
    where.ok("keys", "create", "gone")
    (row,) = listed(where, "gone")
    assert where.ok("keys", "revoke", "gone") == (0, "", f"revoked {row['id']}\n")
    assert listed(where, "gone")[0]["status"] == "revoked"
    again = where("keys", "revoke", "gone")
    assert again.code == 1
    assert "there is no active key 'gone'" in again.err and "`llm-gateway keys list`" in again.err


def test_a_rotated_key_has_a_successor_of_its_name(where: Terminal) -> None:
    old = where.ok("keys", "create", "turning").out.strip()
    (before,) = listed(where, "turning")
    new = where.ok("keys", "rotate", str(before["id"]), "--overlap", "3600").out.strip()
    assert looks_like_key(new) and new != old
    first, second = listed(where, "turning")
    assert (first["id"], first["status"]) == (before["id"], "active") and first["expires_at"]
    assert (second["status"], second["expires_at"]) == ("active", None)
    ambiguous = where("keys", "rotate", "turning")
    assert ambiguous.code == 1 and "2 active keys are called 'turning'" in ambiguous.err
    where.ok("keys", "rotate", str(second["id"]))
    assert [row["status"] for row in listed(where, "turning")] == ["active", "expired", "active"]


@pytest.mark.parametrize("name", ["", " ", "-x", "a/b", "x" * 65, "snow\u2603", "tab\t"])
def test_a_name_that_is_none_is_refused(where: Terminal, name: str) -> None:
    done = where("keys", "create", "--", name)
    assert (done.code, done.out) == (1, "")
    assert "is not a name for a key" in done.err
    assert not listed(where, name)


def test_the_gateway_goes_by_what_was_done(gateway: GatewayProcess, terminal: Terminal) -> None:
    key = terminal.ok("keys", "create", "door").out.strip()
    assert gateway.get("/v1/models", key=key).status == 200
    new = terminal.ok("keys", "rotate", "door").out.strip()
    assert gateway.get("/v1/models", key=key).status == 401
    assert gateway.get("/v1/models", key=new).status == 200
    terminal.ok("keys", "revoke", "door")
    assert gateway.get("/v1/models", key=new).status == 401
    assert key not in gateway.stderr() and new not in gateway.stderr()


def test_what_is_done_without_a_gateway_counts_when_one_starts(tmp_path: Path, stopped: Terminal) -> None:
    key = stopped.ok("keys", "create", "early").out.strip()
    gone = stopped.ok("keys", "create", "late").out.strip()
    stopped.ok("keys", "revoke", "late")
    home = {"LLM_GATEWAY_HOME": str(stopped.home)}
    with GatewayProcess(tmp_path / "beside", "", environ=home) as gateway:
        assert gateway.get("/v1/models", key=key).status == 200
        assert gateway.get("/v1/models", key=gone).status == 401


def test_the_first_key_is_made_once(stopped: Terminal) -> None:
    first = first_key(stopped.home)
    assert first is not None and looks_like_key(first.reveal())
    stopped.ok("keys", "revoke", "first")
    assert first_key(stopped.home) is None


def test_no_keys_is_said(stopped: Terminal) -> None:
    assert stopped.json("keys", "list")["keys"] == []
    assert "`llm-gateway keys create NAME` makes one" in stopped.ok("keys", "list").err


def test_without_its_pepper_no_key_is_made(stopped: Terminal) -> None:
    stopped.ok("keys", "create", "me")
    (stopped.home / "pepper").write_bytes(b"short")
    done = stopped("keys", "create", "me")
    assert (done.code, done.out) == (1, "")
    assert "pepper holds 5 bytes" in done.err
