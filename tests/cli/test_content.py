"""Content from the command line: listed, exported and erased, with a gateway that runs and without one."""

import json
from pathlib import Path

import msgspec
import pytest

from gateway_process import GatewayProcess
from llm_gateway.clock import SystemClock
from llm_gateway.content.rows import database_of
from llm_gateway.content.safe import Safe, Where
from llm_gateway.server.kept_responses import KIND, KeptResponse
from server_stage import home_files
from terminal import Terminal, program

MARK = "A MARK OF THIS TEST\r\nIN TWO LINES"


@pytest.fixture(params=["running", "stopped"])
def where(request: pytest.FixtureRequest) -> Terminal:
    found = request.getfixturevalue("terminal" if request.param == "running" else "stopped")
    assert isinstance(found, Terminal)
    return found


def rows(terminal: Terminal, name: str) -> list[dict[str, object]]:
    found = terminal.json("keys", "list")["keys"]
    assert isinstance(found, list)
    return [row for row in found if row["name"] == name]


def fill(terminal: Terminal, name: str, count: int = 2) -> str:
    """Make a key and keep something for it, as the gateway would; return its id."""
    terminal.ok("keys", "create", name, "--keep-content", "7")
    key_id = str(rows(terminal, name)[-1]["id"])
    safe = Safe(Where(terminal.home), SystemClock())
    for number in range(count):
        told = json.dumps({"id": f"resp_{number}", "output": [MARK]}, indent=1).encode()
        kept = KeptResponse(told, json.dumps([{"role": "user", "content": MARK}]).encode())
        safe.keep(key_id, KIND, f"resp_{number}", msgspec.msgpack.encode(kept), 7)
    safe.close()
    return key_id


def test_what_is_kept_is_counted_and_not_shown(where: Terminal) -> None:
    key_id = fill(where, "counted")
    told = where.json("content", "list")
    found = told["content"]
    assert told["schema"] == "llm-gateway/content/v1" and isinstance(found, list)
    (line,) = [each for each in found if each["key"] == key_id]
    assert (line["names"], line["responses"]) == (["counted"], 2)
    shown = where.ok("content", "list").out
    assert key_id in shown and "counted" in shown and "MARK" not in shown


def test_everything_of_a_key_comes_as_lines(where: Terminal) -> None:
    key_id = fill(where, "exported")
    for name in ("exported", key_id):
        done = where.ok("content", "export", "--key", name)
        lines = [json.loads(line) for line in done.out.splitlines()]
        assert [line["id"] for line in lines] == ["resp_0", "resp_1"]
        assert {line["schema"] for line in lines} == {"llm-gateway/kept/v1"}
        assert lines[0]["response"]["output"] == [MARK] and lines[0]["input"][0]["content"] == MARK
        assert lines[0]["created_at"] < lines[0]["expires_at"] and lines[0]["kind"] == "response"
        assert "2 responses" in done.err and "MARK" not in done.err


def test_what_is_erased_is_gone_for_good(where: Terminal) -> None:
    key_id = fill(where, "erased")
    other = fill(where, "untouched")
    where.ok("keys", "revoke", key_id)
    assert "erased 2 responses" in where.ok("content", "erase", "--key", "erased", "--yes").err
    assert where.ok("content", "export", "--key", key_id).out == ""
    assert len(where.ok("content", "export", "--key", other).out.splitlines()) == 2
    assert key_id.encode() not in database_of(where.home).read_bytes()
    assert b"MARK" not in home_files(where.home)


@pytest.mark.parametrize(("typed", "code", "left"), [("n\n", 1, 2), ("y\n", 0, 0), ("", 130, 2)])
def test_nobody_erases_by_mistake(stopped: Terminal, typed: str, code: int, left: int) -> None:
    fill(stopped, "asked")
    done = program(stopped.home, "content", "erase", "--key", "asked", typed=typed)
    assert done.code == code and "cannot be brought back" in done.err, done
    assert len(stopped.ok("content", "export", "--key", "asked").out.splitlines()) == left


@pytest.mark.parametrize("verb", [("export",), ("erase", "--yes")])
def test_a_key_that_never_was(where: Terminal, verb: tuple[str, ...]) -> None:
    done = where("content", *verb, "--key", "nobody")
    assert done.code == 1 and "never was a key 'nobody'" in done.err and "keys list" in done.err


def test_nothing_is_kept(stopped: Terminal) -> None:
    assert stopped.json("content", "list")["content"] == []
    assert "nothing is kept" in stopped.ok("content", "list").err
    stopped.ok("keys", "create", "plain")
    assert stopped.ok("content", "export", "--key", "plain").out == ""
    assert "erased 0" in stopped.ok("content", "erase", "--key", "plain", "--yes").err
    assert not database_of(stopped.home).exists()


def test_another_master_key_is_said(stopped: Terminal) -> None:
    fill(stopped, "sealed")
    (stopped.home / "master-key").write_bytes(b"00" * 32)
    done = stopped("content", "export", "--key", "sealed")
    assert done.code == 1 and "another master key" in done.err and done.out == ""
    assert "erased 2" in stopped.ok("content", "erase", "--key", "sealed", "--yes").err


def test_a_key_is_told_to_keep_and_not_to(where: Terminal) -> None:
    where.ok("keys", "create", "changing")
    assert rows(where, "changing")[0]["keep_content_days"] == 0
    assert "for 30 days" in where.ok("keys", "keep", "changing", "30").err
    assert rows(where, "changing")[0]["keep_content_days"] == 30
    where.ok("keys", "rotate", "changing")
    first, second = rows(where, "changing")
    assert (second["keep_content_days"], second["kept_under"]) == (30, first["id"])
    assert "keeps nothing" in where.ok("keys", "keep", str(second["id"]), "0").err
    assert [row["keep_content_days"] for row in rows(where, "changing")] == [30, 0]
    assert "KEEP_CONTENT_DAYS" in where.ok("keys", "list").out


def test_more_days_than_the_setting_allows(where: Terminal) -> None:
    where.ok("keys", "create", "greedy")
    for arguments in (("keys", "keep", "greedy", "91"), ("keys", "create", "more", "--keep-content", "91")):
        done = where(*arguments)
        assert done.code == 1 and "content.max_days" in done.err
    assert where("keys", "keep", "greedy", "-1").code == 2
    assert where("keys", "keep", "nobody", "1").code == 1


def test_what_was_said_before_it_started_counts(tmp_path: Path, stopped: Terminal) -> None:
    key = stopped.ok("keys", "create", "early", "--keep-content", "7").out.strip()
    home = {"LLM_GATEWAY_HOME": str(stopped.home)}
    with GatewayProcess(tmp_path / "beside", "", environ=home) as gateway:
        gateway.key = key
        body = {"model": "demo/echo", "input": "keep this"}
        made = gateway.post("/v1/responses", json.dumps(body).encode()).json()
        assert gateway.get(f"/v1/responses/{made['id']}").json()["output"] == made["output"]
        assert "keep this" in stopped.ok("content", "export", "--key", "early").out
    assert "keep this" in stopped.ok("content", "export", "--key", "early").out
