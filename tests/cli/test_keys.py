"""Gateway keys from the command line: the same with a gateway that runs and without one."""

from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from llm_gateway.cli.keys import first_key
from llm_gateway.vault import looks_like_key
from rawhttp import request
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


def limits_of(terminal: Terminal, name: str) -> object:
    (row,) = listed(terminal, name)
    return row["limits"]


def test_limits_are_set_shown_and_forgotten(where: Terminal) -> None:
    where.ok("keys", "create", "bounded")
    assert where.ok("keys", "limit", "bounded").out == "bounded: no limits but those of the configuration\n"
    options = ("--requests-per-minute", "60", "--money-per-day", "2.5", "--models", "fast, openai/*")
    done = where.ok("keys", "limit", "bounded", *options)
    assert done.out == "bounded: 60 requests per minute, $2.5 per day, models fast openai/*\n"
    limits = {"requests_per_minute": 60, "usd_per_day": 2.5, "models": ["fast", "openai/*"]}
    assert limits_of(where, "bounded") == limits
    told = where.json("keys", "limit", "bounded", "--parallel", "2", "--models", "")
    assert told["schema"] == "llm-gateway/key-limits/v1"
    limits = {"requests_per_minute": 60, "parallel": 2, "usd_per_day": 2.5}
    assert (told["name"], told["limits"]) == ("bounded", limits)
    assert "60 requests per minute, 2 at a time, $2.5 per day" in where.ok("keys", "list").out
    where.ok("keys", "limit", "bounded", "--none", "--tokens-per-minute", "500")
    assert limits_of(where, "bounded") == {"tokens_per_minute": 500}
    where.ok("keys", "limit", "bounded", "--none")
    assert limits_of(where, "bounded") == {}
    audit = [line for line in where.ok("audit").out.splitlines() if "key.limit" in line]
    assert "limits=60 requests per minute, $2.5 per day, models fast openai/*" in audit[0]
    assert "limits=none" in audit[-1] and len(audit) == 4, "looking at them is not on record"


def test_a_successor_has_the_limits_and_both_keys_are_set_at_once(where: Terminal) -> None:
    where.ok("keys", "create", "heir")
    where.ok("keys", "limit", "heir", "--parallel", "3")
    where.ok("keys", "rotate", "heir", "--overlap", "3600")
    assert [row["limits"] for row in listed(where, "heir")] == [{"parallel": 3}] * 2
    where.ok("keys", "limit", "heir", "--parallel", "1")
    assert [row["limits"] for row in listed(where, "heir")] == [{"parallel": 1}] * 2
    where.ok("keys", "limit", "heir", "--none")
    assert [row["limits"] for row in listed(where, "heir")] == [{}] * 2


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--parallel", "0"), 2, "0 is not in the range"),
        (("--money-per-week", "-1"), 2, "is not in the range"),
        (("--models", "x" * 300), 1, "error: these are no limits"),
    ],
)
def test_what_is_no_limit_is_refused(where: Terminal, options: tuple[str, str], code: int, told: str) -> None:
    where.ok("keys", "create", "odd" + str(code) + options[0])
    done = where("keys", "limit", "odd" + str(code) + options[0], *options)
    assert done.code == code and told in done.err
    nobody = where("keys", "limit", "nobody-at-all", "--parallel", "1")
    assert nobody.code == 1 and "there is no active key 'nobody-at-all'" in nobody.err


def test_a_running_gateway_holds_a_key_to_its_limits_at_once(
    gateway: GatewayProcess, terminal: Terminal
) -> None:
    key = terminal.ok("keys", "create", "held").out.strip()

    def status() -> int:
        with gateway.client() as client:
            client.send(request("POST", "/v1/chat/completions", body=gateway.chat_body("demo/echo"), key=key))
            return client.read_reply().status

    assert [status() for _ in range(2)] == [200, 200]
    terminal.ok("keys", "limit", "held", "--requests-per-minute", "1")
    assert [status() for _ in range(2)] == [200, 429]
    terminal.ok("keys", "limit", "held", "--none")
    assert [status() for _ in range(2)] == [200, 200]
    terminal.ok("keys", "limit", "held", "--models", "nothing/*")
    assert status() == 403
