"""`run` and `env`: one process connected, and not a byte written into anybody's settings."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clients.homes import make_home
from gateway_process import GatewayProcess
from llm_gateway.clients.catalog import catalog
from terminal import Started, Terminal, program


@pytest.fixture
def desk(tmp_path: Path, terminal: Terminal) -> Terminal:
    machine = make_home(catalog()["claude-code"], "linux", tmp_path)
    terminal.environ.update(HOME=str(machine.home), PATH=f"{tmp_path}/bin:/usr/bin:/bin")
    (tmp_path / "bin").mkdir()
    return terminal


def command(desk: Terminal, name: str, text: str) -> None:
    path = Path(desk.environ["PATH"].partition(":")[0]) / name
    path.write_text(text)
    path.chmod(0o755)


def test_a_command_gets_what_its_name_stands_for(desk: Terminal, gateway: GatewayProcess) -> None:
    command(desk, "claude", '#!/bin/sh\necho "$ANTHROPIC_BASE_URL $1 $2"\nexit 7\n')
    settings = Path(desk.environ["HOME"], ".claude/settings.json")
    before = settings.read_bytes()
    done = program(desk.home, "run", "--", "claude", "-p", "--help", environ=desk.environ)
    assert done == (7, f"{gateway.url} -p --help\n", done.err)
    assert settings.read_bytes() == before and not (desk.home / "connections" / "claude-code.json").exists()
    desk.ok("disconnect", "claude-code")


def test_any_other_command_may_be_named(desk: Terminal, gateway: GatewayProcess) -> None:
    show = f"{sys.executable} -c \"import os; print(os.environ['OPENAI_BASE_URL'])\""
    command(desk, "mine", f"#!/bin/sh\nexec {show}\n")
    told = program(desk.home, "run", "--", "mine", environ=desk.environ)
    assert told.out == f"{gateway.url}/v1\n" and "is no application that is known" in told.err
    named = program(desk.home, "run", "--client", "qwen-code", "--", "mine", environ=desk.environ)
    assert named.out == told.out, named
    assert "is no application" not in named.err
    for client in ("openai-compatible", "qwen-code"):
        desk.ok("disconnect", client)


def test_signals_are_the_commands_own(desk: Terminal) -> None:
    command(
        desk, "claude", "#!/bin/sh\ntrap 'echo told; exit 9' TERM\necho ready\nwhile :; do sleep 0.05; done\n"
    )
    with Started(desk.home, "run", "--", "claude", environ=desk.environ) as started:
        assert started.line() == "ready\n"
        started.send(signal.SIGTERM)
        done = started.end()
    assert (done.code, done.out) == (9, "told\n")
    desk.ok("disconnect", "claude-code")


def test_what_is_not_there_cannot_be_run(desk: Terminal) -> None:
    done = program(desk.home, "run", "--client", "claude-code", "--", "no-such-command", environ=desk.environ)
    assert done.code == 1 and "no-such-command cannot be run" in done.err
    desk.ok("disconnect", "claude-code")


def test_a_shell_gets_the_variables(desk: Terminal, gateway: GatewayProcess) -> None:
    lines = desk.ok("env", "claude-code").out
    shown = 'printf \'%s|\' "$ANTHROPIC_BASE_URL" "$ANTHROPIC_AUTH_TOKEN" "$ANTHROPIC_CUSTOM_HEADERS"'
    told = subprocess.run(["sh", "-c", lines + shown], capture_output=True, text=True, check=True).stdout
    url, key, headers, _ = told.split("|")
    assert (url, headers) == (gateway.url, "x-llm-gateway-client: claude-code")
    assert gateway.get("/v1/models", key=key).status == 200
    assert desk.ok("env", "claude-code").out == lines
    assert f"set -gx ANTHROPIC_AUTH_TOKEN '{key}'" in desk.ok("env", "claude-code", "--shell", "fish").out
    assert (
        f"$env:ANTHROPIC_AUTH_TOKEN = '{key}'" in desk.ok("env", "claude-code", "--shell", "powershell").out
    )
    assert f'set "ANTHROPIC_AUTH_TOKEN={key}"' in desk.ok("env", "claude-code", "--shell", "cmd").out
    by_login = desk.ok("env", "claude-code", "--way", "login", "--telemetry").out
    assert f"x-llm-gateway-key: {key}" in by_login and "CLAUDE_CODE_ENABLE_TELEMETRY=1" in by_login
    desk.ok("disconnect", "claude-code")
    assert gateway.get("/v1/models", key=key).status == 401


def test_settings_without_variables_are_left_to_connect(desk: Terminal) -> None:
    done = desk("env", "codex-cli")
    assert (
        done.code == 1 and "pointed elsewhere by no variable" in done.err and "connect codex-cli" in done.err
    )
    assert not (desk.home / "connections" / "codex-cli.key").exists()
    desk.ok("connect", "codex-cli", "--yes", "--no-verify")
    kept = json.loads((desk.home / "connections" / "codex-cli.key").read_bytes())
    assert desk.ok("env", "codex-cli").out == f"export LLM_GATEWAY_CODEX_KEY={kept['key']}\n"
    desk.ok("disconnect", "codex-cli")
    assert os.listdir(Path(desk.environ["HOME"])) == [".claude"]
