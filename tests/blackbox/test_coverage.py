"""A client that runs and passes us by is found, with its cause; the fix captures it; a rewrite is noticed."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from rawhttp import request
from terminal import program

SETTINGS = '{\n  "permissions": {"allow": ["Bash(ls)"]},\n  "env": {"EDITOR": "vi"}\n}\n'
_SOON_S = 10.0
Shown = dict[str, object]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    environ = {"LLM_GATEWAY_CLIENTS__DETECT": "true"}
    config = '[clients]\ninterval = 1\nmachine = "laptop"\n[aliases]\n"claude-opus-4-5" = ["demo/echo"]\n'
    with GatewayProcess(tmp_path, config, environ=environ) as gateway:
        yield gateway


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """Let a program run that is called as Claude Code is."""
    folder.mkdir(exist_ok=True)
    command = folder / "claude"
    if not command.exists():
        shutil.copy(shutil.which("sleep") or "/bin/sleep", command)
    process = subprocess.Popen([command, "600"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def wrote(user: Path, number: int) -> None:
    """Let it write down an answer of its vendor's."""
    log = user / ".claude" / "projects" / "-srv-app" / "session.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    usage = {"input_tokens": 10, "output_tokens": 5}
    message = {"id": f"msg_{number}", "model": "claude-opus-4-5", "usage": usage, "stop_reason": "end_turn"}
    line = {
        "type": "assistant",
        "message": message,
        "requestId": f"req_{number}",
        "sessionId": "s-1",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "version": "2.1.330",
    }
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")


def ask(gateway: GatewayProcess, settings: Path) -> None:
    """Ask as Claude Code does, with what its settings say now."""
    environ = json.loads(settings.read_text())["env"]
    assert environ["ANTHROPIC_BASE_URL"] == gateway.url
    body = b'{"model":"claude-opus-4-5","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}'
    headers = (("User-Agent", "claude-cli/2.1.330 (external, cli)"),)
    with gateway.client() as client:
        key = str(environ["ANTHROPIC_AUTH_TOKEN"])
        client.send(request("POST", "/v1/messages?beta=true", body=body, key=key, headers=headers))
        assert client.read_reply().status == 200


def shown(gateway: GatewayProcess, verdict: str) -> Shown:
    """Return what is said of Claude Code, once it is this, or what it is in the end."""
    until = time.monotonic() + _SOON_S
    while True:
        clients = gateway.dashboard("clients")["clients"]
        assert isinstance(clients, list)
        (found,) = [each for each in clients if each["id"] == "claude-code"]
        if found["coverage"]["verdict"] == verdict or time.monotonic() > until:
            assert found["coverage"]["verdict"] == verdict, found
            return dict(found)
        time.sleep(0.2)


def command(gateway: GatewayProcess, *words: str) -> str:
    """Run a command of the gateway's on that machine; return what it prints."""
    user = gateway.home / "user"
    environ = {
        "HOME": str(user),
        "PATH": f"{gateway.home / 'bin'}:{os.environ['PATH']}",
        "LLM_GATEWAY_CONFIG": str(gateway.home / "gateway.toml"),
    }
    done = program(gateway.home / "gateway", *words, environ=environ)
    assert done.code in (0, 3), done
    return done.out + done.err


def test_a_gap_is_found_closed_and_found_again(gateway: GatewayProcess) -> None:
    user, programs = gateway.home / "user", gateway.home / "bin"
    settings = user / ".claude" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(SETTINGS)
    with running(programs):
        for number in range(3):
            wrote(user, number)
        found = shown(gateway, "bypassing")
        assert (found["status"], found["machine"], found["tracked_requests"]) == ("running", "laptop", 0)
        assert found["reason"] == "its settings do not name this gateway"
        assert found["fix"] == "llm-gateway connect claude-code"
        assert "3 answers in its own log that never came through here" in json.dumps(found)
        gap = "Claude Code: its settings do not name this gateway; fix: llm-gateway connect claude-code"
        told = command(gateway, "status")
        assert " running AI clients go through the gateway\n" in told and gap in told

        command(gateway, "connect", "claude-code", "--yes", "--no-verify")
        found = shown(gateway, "unknown")
        assert "running since before it was connected" in str(found["reason"])
        assert found["fix"] == "restart Claude Code"
    with running(programs):
        ask(gateway, settings)
        found = shown(gateway, "captured")
        assert (found["status"], found["reason"], found["fix"]) == ("live", "", "")
        assert "Claude Code" not in command(gateway, "status")

        settings.write_text(SETTINGS)
        found = shown(gateway, "partly")
        assert "changed after it was connected" in str(found["reason"])
        assert "ANTHROPIC_BASE_URL" in str(found["reason"])
        assert found["fix"] == "llm-gateway connect claude-code"

        command(gateway, "connect", "claude-code", "--yes", "--no-verify")
        ask(gateway, settings)
        shown(gateway, "captured")
    command(gateway, "disconnect", "claude-code")
    assert settings.read_text() == SETTINGS
