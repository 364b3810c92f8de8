"""What the gateway is, who answers, what would answer, and what passed through."""

import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from llm_gateway import __version__
from scripted import ScriptedUpstream, faults
from terminal import Terminal


def rows(told: dict[str, object], name: str) -> list[dict[str, object]]:
    found = told[name]
    assert isinstance(found, list)
    return found


def test_status(gateway: GatewayProcess, terminal: Terminal) -> None:
    until = time.monotonic() + 5  # a request that a test before gave up may still be ending
    while True:
        clients, first, second = terminal.ok("status").out.splitlines()[:3]
        if second.endswith(" 0 requests running") or time.monotonic() > until:
            break
    assert clients.endswith("go through the gateway") or clients.startswith("no AI client runs here")
    assert first == f"ok  {gateway.url}  version {__version__}  pid {gateway.pid}"
    assert second.startswith("database connected, up ") and second.endswith(" 0 requests running")
    told = terminal.json("status")
    for name in ("uptime_seconds", "running_clients", "captured_clients", "gaps"):
        assert told.pop(name) is not None
    assert told == {
        "schema": "llm-gateway/status/v1",
        "url": gateway.url,
        "status": "ok",
        "database": "connected",
        "version": __version__,
        "inflight": 0,
        "limits": [],
        "pid": gateway.pid,
        "advice": "",
        "unrecorded": 0,
        "configuration": "",
        "saved": "",
    }


@pytest.fixture
def failing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    """Return a terminal on a gateway whose files cannot grow any more."""
    with GatewayProcess(tmp_path, "") as gateway:
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        assert gateway.chat("demo/echo").status == 200, "it costs nothing, so it goes on"
        yield Terminal(tmp_path / "gateway", capsys)
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_gateway_that_cannot_record_is_degraded(failing: Terminal) -> None:
    done = failing("status")
    assert done.code == 3
    assert "\ndegraded  http" in done.out and "database failing: " in done.out
    assert "`llm-gateway doctor` says why" in done.err
    told = failing("status", "--json")
    assert told.code == 3 and json.loads(told.out)["status"] == "degraded"
    found = failing("doctor")
    assert found.code == 1
    assert "error    ledger" in found.out and "failing: the system lets the gateway's files" in found.out
    assert "2 records are in memory alone" in found.out and "ulimit -f" in found.out


def test_a_file_that_is_not_in_use_is_said_until_it_is_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with GatewayProcess(tmp_path, "") as gateway:
        terminal, file = Terminal(tmp_path / "gateway", capsys), gateway.home / "gateway.toml"
        good = file.read_text()
        file.write_text(f"{good}[sever]\n")
        os.kill(gateway.pid, signal.SIGHUP)
        while (done := terminal("status")).code == 0:
            pass
        assert done.code == 3 and "the last good one is in use:\n  sever: " in done.out
        assert "did you mean server? (line 1 of gateway.toml)" in done.out
        assert "error    reload" in terminal("doctor").out
        file.write_text(good)
        os.kill(gateway.pid, signal.SIGHUP)
        while terminal("status").code:
            pass


def test_open_prints_the_address(gateway: GatewayProcess, terminal: Terminal) -> None:
    code, url, told = terminal.ok("open")
    assert code == 0 and url.startswith(f"{gateway.url}/sign-in#link=") and "good once" in told
    as_json = terminal.json("open")
    assert as_json["schema"] == "llm-gateway/open/v1" and as_json["seconds"] == 300
    assert str(as_json["url"]).startswith(f"{gateway.url}/sign-in#link=")
    assert as_json["url"] != url.strip(), "each link is another"
    assert gateway.get("/requests", key="").status == 401


def test_models(terminal: Terminal) -> None:
    told = terminal.json("models")
    assert told["schema"] == "llm-gateway/models/v1"
    names = [row["id"] for row in rows(told, "models")]
    assert {"fast", "scripted/scripted-model", "demo/echo"} <= set(names)
    shown = terminal.ok("models").out.splitlines()
    assert shown[0].split() == ["MODEL", "OWNER", "CONTEXT"]
    assert [line.split()[0] for line in shown[1:]] == names


def test_providers(terminal: Terminal) -> None:
    told = terminal.json("providers")
    assert told["schema"] == "llm-gateway/providers/v1"
    by_name = {row["name"]: row for row in rows(told, "providers")}
    assert (by_name["scripted"]["state"], by_name["scripted"]["presence"]) == ("ok", "configured")
    shown = terminal.ok("providers").out.splitlines()
    assert shown[0].split() == ["PROVIDER", "STATE", "PRESENCE", "MODELS", "REASON"]
    assert {line.split()[0] for line in shown[1:]} == set(by_name)


def test_explain_says_who_would_be_asked_and_asks_nobody(
    gateway: GatewayProcess, upstream: ScriptedUpstream, terminal: Terminal
) -> None:
    told = terminal.json("explain", "fast")
    assert (told["schema"], told["dialect"]) == ("llm-gateway/explain/v1", "chat")
    assert told["reading"] == "an alias for 3 targets"
    order = [(row["provider"], row["order"], row["state"]) for row in rows(told, "targets")]
    assert order == [("scripted", 1, "ok"), ("nobody", None, "not configured"), ("demo", 2, "ok")]
    shown = terminal.ok("explain", "fast").out
    assert f"  1  scripted/scripted-model  {upstream.url}/v1\n     asked first; state ok\n" in shown
    assert "  -  nobody/model  no address\n     left out: no such provider is configured" in shown
    assert "a model that only scripted lists" in terminal.ok("explain", "scripted-model").out
    assert upstream.asked() == []


def test_explain_can_be_told_of_the_request(terminal: Terminal) -> None:
    shown = terminal.ok("explain", "smart", "--session", "0199").out
    assert shown.startswith("smart: an alias for 2 targets, local first, conversations stay\n")
    assert "asked first: it is local; state ok" in shown
    assert "left out: it gets no requests that offer tools" in terminal.ok("explain", "smart", "--tools").out
    long = terminal.ok("explain", "smart", "--input-tokens", "5000").out
    assert "left out: about 5000 tokens go in, and it gets at most 1000" in long
    none = terminal("explain", "smart", "--tools", "--images", "--json")
    assert none.code == 1 and json.loads(none.out)["refused"]
    assert "nobody would be asked: 'smart' has no target for this request: " in none.err
    other = terminal.ok("explain", "smart", "--dialect", "messages").out
    assert "left out: it is for clients that speak `chat`" in other


def test_explain_of_nothing_says_what_is_there(terminal: Terminal) -> None:
    done = terminal("explain", "scripted-modell")
    assert (done.code, done.out) == (1, "")
    assert "near it: scripted/scripted-model" in done.err
    assert "'klingon' is not a dialect: chat" in terminal("explain", "fast", "--dialect", "klingon").err


def test_a_request_is_shown_with_its_attempts(
    gateway: GatewayProcess, upstream: ScriptedUpstream, terminal: Terminal
) -> None:
    upstream.queue(faults.failing(500))
    turn_id = gateway.chat("fast").header("x-llm-gateway-request-id")
    assert turn_id is not None
    told = terminal.json("requests", "show", turn_id)
    assert told["schema"] == "llm-gateway/request/v1"
    assert [row["provider"] for row in rows(told, "attempts")] == ["scripted", "demo"]
    shown = terminal.ok("requests", "show", turn_id).out
    assert f"id                   {turn_id}\n" in shown
    assert "model_asked          fast\n" in shown and "request_bytes        " in shown
    titles = next(line for line in shown.splitlines() if line.startswith("PROVIDER"))
    assert " ".join(titles.split()) == "PROVIDER MODEL STARTED_MS DURATION_MS STATUS ERROR COST_USD WHY"
    local = gateway.chat("smart").header("x-llm-gateway-request-id")
    assert local is not None and "it is local" in terminal.ok("requests", "show", local).out


def test_a_request_that_is_not_there_is_1(terminal: Terminal, stopped: Terminal) -> None:
    stopped.ok("keys", "create", "me")
    for where in (terminal, stopped):
        for turn_id in ("nothing", "../health", "%00", ""):
            done = where("requests", "show", turn_id)
            assert (done.code, done.out) == (1, "")
            assert "there is no request" in done.err and "`llm-gateway requests`" in done.err


def test_a_request_without_an_attempt_says_so(gateway: GatewayProcess, terminal: Terminal) -> None:
    turn_id = gateway.chat("nobody-serves-this").header("x-llm-gateway-request-id")
    assert turn_id is not None
    done = terminal.ok("requests", "show", turn_id)
    assert "model_not_found" in done.out and "no finished attempt" in done.err
