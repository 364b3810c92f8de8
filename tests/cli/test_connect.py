"""`connect` and `disconnect` as somebody at a terminal uses them, on a home with applications in it."""

import json
import os
import re
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from clients.homes import SETTINGS, make_home
from gateway_process import GatewayProcess
from llm_gateway.clients.catalog import catalog
from terminal import Terminal, program

_ASKS = """#!{python}
import json, os, sys, urllib.request
settings = json.load(open(os.path.expanduser("~/.claude/settings.json")))["env"]
body = {{"model": "demo/echo", "max_tokens": 9, "messages": [{{"role": "user", "content": sys.argv[2]}}]}}
request = urllib.request.Request(
    settings["ANTHROPIC_BASE_URL"] + "/v1/messages?beta=true", json.dumps(body).encode(),
    {{"authorization": "Bearer " + settings["ANTHROPIC_AUTH_TOKEN"], "content-type": "application/json",
      "anthropic-version": "2023-06-01", "user-agent": "claude-cli/2.1.330 (external, sdk-cli)"}})
assert os.listdir(".") == [] and not sys.stdin.read()
print(urllib.request.urlopen(request, timeout=20).read())
"""


class Desk:
    """A person's home with applications, and a terminal in it."""

    def __init__(self, folder: Path, terminal: Terminal, clients: Sequence[str]) -> None:
        for client in clients:
            machine = make_home(catalog()[client], "linux", folder / client)
            if client == clients[0]:
                self.machine = machine
        self.home = self.machine.home
        # This machine may have the real programs; they are not asked here.
        environ = {"HOME": str(self.home), "SHELL": "/bin/bash", "PATH": "/usr/bin:/bin"}
        terminal.environ.update(environ)
        self.environ = terminal.environ
        self.run = terminal

    def file(self, path: str) -> Path:
        return self.home / path

    def key(self, client: str) -> str:
        told = json.loads((self.run.home / "connections" / f"{client}.key").read_bytes())
        return str(told["key"])

    def keys(self, client: str) -> int:
        """Return how many keys of an application are accepted."""
        rows = self.run.json("keys", "list")["keys"]
        assert isinstance(rows, list)
        return sum(row["client"] == client and row["status"] == "active" for row in rows)


@pytest.fixture
def claude(tmp_path: Path, terminal: Terminal) -> Desk:
    return Desk(tmp_path, terminal, ["claude-code"])


def test_it_is_shown_made_and_put_back(claude: Desk) -> None:
    path = claude.file(".claude/settings.json")
    before, mode = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
    seen = claude.run.ok("connect", "claude-code", "--dry-run")
    assert "+++ ~/.claude/settings.json" in seen.out and "lgw_…0new" in seen.out
    assert "`--way login` keeps its own login" in seen.err
    assert path.read_bytes() == before and claude.keys("claude-code") == 0

    done = claude.run.ok("connect", "claude-code", "--yes", "--no-verify")
    key = claude.key("claude-code")
    settings = json.loads(path.read_bytes())
    assert settings["env"]["ANTHROPIC_AUTH_TOKEN"] == key and settings["env"]["EDITOR"] == "vi"
    assert key not in done.out + done.err and f"lgw_…{key[-4:]}" not in done.out  # shown before it was made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert claude.keys("claude-code") == 1

    again = claude.run.ok("connect", "claude-code", "--yes", "--no-verify")
    assert again.out == "" and "so already" in again.err
    assert claude.keys("claude-code") == 1

    seen = claude.run.ok("disconnect", "claude-code", "--dry-run")
    assert "-" in seen.out and key not in seen.out and path.read_bytes() != before
    claude.run.ok("disconnect", "claude-code")
    assert path.read_bytes() == before and stat.S_IMODE(path.stat().st_mode) == mode
    assert claude.keys("claude-code") == 0
    assert os.listdir(claude.run.home / "connections") == []


def test_the_connection_carries_its_requests(claude: Desk, gateway: GatewayProcess) -> None:
    command = claude.machine.root / "usr/local/bin/claude"
    command.write_text(_ASKS.format(python=sys.executable))
    command.chmod(0o755)
    claude.environ["PATH"] = f"{command.parent}:/usr/bin:/bin"
    told = claude.run.json("connect", "claude-code", "--yes")
    checked = told["verified"]
    assert isinstance(checked, dict) and checked["captured"] is True, told
    row = gateway.row(str(checked["request_id"]))
    assert (row["client"], row["status"]) == ("claude-code", "ok")
    assert str(row["caller"]).startswith("claude-code@")
    claude.run.ok("disconnect", "--all")


def test_a_question_that_comes_through_elsewhere_is_told(claude: Desk) -> None:
    command = claude.machine.root / "usr/local/bin/claude"
    command.write_text("#!/bin/sh\nexit 3\n")
    claude.environ["PATH"] = f"{command.parent}:/usr/bin:/bin"
    done = claude.run("connect", "claude-code", "--yes", "--verify")
    assert done.code == 3 and "ended with exit code 3; nothing of it came through here" in done.err
    claude.run.ok("disconnect", "claude-code")


def test_json_has_all_of_it(claude: Desk) -> None:
    told = claude.run.json("connect", "claude-code", "--way", "login", "--yes", "--no-verify")
    assert told["schema"] == "llm-gateway/connect/v1"
    assert (told["client"], told["way"], told["applied"], told["verified"]) == (
        "claude-code",
        "login",
        True,
        None,
    )
    assert isinstance(told["files"], list)
    (file,) = told["files"]
    assert (file["path"], file["becomes"]) == ("~/.claude/settings.json", "changed")
    assert "x-llm-gateway-key: lgw_…" in file["diff"]
    switched = claude.run.json("connect", "claude-code", "--way", "key", "--yes", "--no-verify")
    settings = json.loads(claude.file(".claude/settings.json").read_bytes())
    assert "ANTHROPIC_AUTH_TOKEN" in settings["env"] and switched["key_id"] == told["key_id"]
    undone = claude.run.json("disconnect", "claude-code")
    assert undone["failed"] == [] and undone["applied"] is True
    assert claude.file(".claude/settings.json").read_text() == SETTINGS["claude-code"]["{home}/settings.json"]


def test_nobody_at_the_keyboard_agrees_to_nothing(claude: Desk) -> None:
    done = program(claude.run.home, "connect", "claude-code", environ=claude.environ)
    assert done.code == 2 and "`--yes` does it" in done.err and "+++" in done.out
    assert claude.keys("claude-code") == 0


def test_what_is_written_in_between_stays(claude: Desk) -> None:
    claude.run.ok("connect", "claude-code", "--yes", "--no-verify")
    path = claude.file(".claude/settings.json")
    settings = json.loads(path.read_bytes())
    settings["theme"] = "dark"
    path.write_text(json.dumps(settings))
    done = claude.run.ok("disconnect", "claude-code")
    assert "those changes are kept" in done.err
    left = json.loads(path.read_bytes())
    assert left["theme"] == "dark" and left["env"] == {"EDITOR": "vi"}


def test_what_cannot_be_put_back_is_said_and_kept(claude: Desk) -> None:
    claude.run.ok("connect", "claude-code", "--yes", "--no-verify")
    path = claude.file(".claude/settings.json")
    good = path.read_bytes()
    path.write_bytes(good + b"}")
    done = claude.run("disconnect", "claude-code")
    assert done.code == 1 and "cannot be put right: line" in done.err
    assert claude.keys("claude-code") == 1
    path.write_bytes(good)
    claude.run.ok("disconnect", "claude-code")


@pytest.mark.parametrize(
    "arguments, code, why",
    [
        (("cursor",), 6, "its requests come from Cursor's own servers"),
        (("chatgpt",), 6, "no setting gives them another address"),
        (("aider", "--way", "login"), 6, "has no way by its own login"),
        (("codex",), 1, "did you mean codex-cli?"),
        (("nothing-like-it",), 1, "no application 'nothing-like-it' is known"),
    ],
)
def test_what_is_refused_says_why(claude: Desk, arguments: tuple[str, ...], code: int, why: str) -> None:
    done = claude.run("connect", *arguments, "--yes")
    assert done.code == code and why in done.err and "hint: " in done.err and done.out == ""


def test_where_no_file_can_be_written_the_steps_are_told(claude: Desk) -> None:
    dry = claude.run.ok("connect", "jetbrains-ai", "--dry-run")
    assert dry.out == ""
    done = claude.run.ok("connect", "jetbrains-ai", "--yes")
    assert f"API Key {claude.key('jetbrains-ai')}" in done.out and "http://127.0.0.1:" in done.out
    assert claude.keys("jetbrains-ai") == 1
    claude.run.ok("disconnect", "jetbrains-ai")
    assert claude.keys("jetbrains-ai") == 0
    done = claude.run("disconnect", "jetbrains-ai")
    assert done.code == 1 and "is not connected" in done.err


def test_models_are_those_of_the_gateway(tmp_path: Path, terminal: Terminal) -> None:
    desk = Desk(tmp_path, terminal, ["opencode"])
    desk.run.ok("connect", "opencode", "--yes", "--no-verify", "--model", "scripted/scripted-model")
    text = desk.file(".config/opencode/opencode.jsonc").read_text()
    listed = re.findall(r'"([^"]+)": \{\s*"name": "\1"', text)
    assert listed[0] == "scripted/scripted-model" or "scripted/scripted-model" in listed
    assert "// the one that we pay for" in text and '"model": "llm-gateway/scripted/scripted-model"' in text
    desk.run.ok("disconnect", "--all")
    assert (
        desk.file(".config/opencode/opencode.jsonc").read_text()
        == SETTINGS["opencode"]["{home}/opencode.jsonc"]
    )


def test_a_shell_reads_the_key_from_a_file_of_its_own(tmp_path: Path, terminal: Terminal) -> None:
    desk = Desk(tmp_path, terminal, ["github-copilot"])
    profile = desk.file(".bashrc")
    before = profile.read_bytes() if profile.exists() else None
    desk.run.ok("connect", "github-copilot", "--yes", "--no-verify")
    key = desk.key("github-copilot")
    exports = desk.run.home / "connections" / "github-copilot.sh"
    assert key not in profile.read_text() and str(exports) in profile.read_text()
    assert stat.S_IMODE(exports.stat().st_mode) == 0o600 and key in exports.read_text()
    desk.run.ok("disconnect", "github-copilot")
    assert (profile.read_bytes() if profile.exists() else None) == before and not exports.exists()


def test_a_part_of_another_is_connected_with_it(tmp_path: Path, terminal: Terminal) -> None:
    desk = Desk(tmp_path, terminal, ["codex-cli"])
    done = desk.run.ok("connect", "codex-desktop", "--yes", "--no-verify", "--telemetry")
    assert "has its settings from Codex CLI" in done.err
    text = desk.file(".codex/config.toml").read_text()
    assert text.startswith('# Codex\nmodel = "gpt-5.5"\n') and "[model_providers.llm-gateway]" in text
    assert "[otel]" in text or "[otel.exporter]" in text
    assert desk.key("codex-cli") in desk.file(".codex/.env").read_text()
    desk.run.ok("disconnect", "codex-ide")
    assert desk.file(".codex/config.toml").read_text() == SETTINGS["codex-cli"]["{home}/config.toml"]
    assert not desk.file(".codex/.env").exists()


def test_without_a_gateway_what_needs_none_is_done(tmp_path: Path, stopped: Terminal) -> None:
    desk = Desk(tmp_path, stopped, ["claude-code"])
    done = desk.run("connect", "claude-code", "--yes")
    assert done.code == 5 and "server.port = 0" in done.err
    desk.environ["LLM_GATEWAY_SERVER__PORT"] = "18787"
    desk.run.ok("connect", "claude-code", "--yes")
    settings = json.loads(desk.file(".claude/settings.json").read_bytes())
    assert settings["env"]["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:18787"
    needs = desk.run("connect", "opencode", "--yes")
    assert needs.code == 5 and "which models there are" in needs.err
    asked = desk.run("connect", "claude-code", "--yes", "--verify")
    assert asked.code == 3 and "no gateway runs" in asked.err
    desk.run.ok("disconnect", "--all")
    assert desk.keys("claude-code") == 0


def test_one_or_all_has_to_be_said(claude: Desk) -> None:
    assert claude.run("disconnect").code == 2
    assert claude.run("disconnect", "claude-code", "--all").code == 2
    assert "nothing is connected" in claude.run.ok("disconnect", "--all").err
