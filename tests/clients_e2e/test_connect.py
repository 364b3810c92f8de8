"""Real clients, connected by the command as a person would: each is asked, comes through, and is put back."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from clients_e2e.running import RefusingProxy
from gateway_process import GatewayProcess
from llm_gateway.vault import looks_like_key
from real_clients import Installation
from terminal import Done, program

pytestmark = pytest.mark.real_clients

MODEL = "gpt-5.5"
_ALIASES = f"""
[aliases]
"{MODEL}" = ["demo/echo"]
"claude-opus-4-5" = ["demo/echo"]
"""

# What is in its home before: settings that its user has made, to be found again afterwards.
HOMES: Mapping[str, Mapping[str, str]] = {
    "aider": {".aider.conf.yml": "# mine\ndark-mode: true\n"},
    "claude-code": {".claude/settings.json": '{\n  "model": "claude-opus-4-5",\n  "env": {}\n}\n'},
    "codex-cli": {".codex/config.toml": f'# mine\nmodel = "{MODEL}"\n\n[history]\npersistence = "none"\n'},
    "gemini-cli": {".gemini/.env": "# mine\nNO_COLOR=1\n"},
    "github-copilot": {".bashrc": "# mine\n"},
    "llm": {".config/io.datasette.llm/keys.json": '{"mine": "sk-of-nobody"}'},
    "opencode": {
        ".config/opencode/opencode.json": (
            '{\n  "$schema": "https://opencode.ai/config.json",\n  // mine\n  "theme": "system"\n}\n'
        )
    },
    "pi": {".pi/agent/models.json": '{"providers": {}}\n'},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("connect"), _ALIASES) as gateway:
        yield gateway


@pytest.mark.parametrize("client", HOMES)
def test_it_is_connected_asked_and_put_back(
    client: str,
    gateway: GatewayProcess,
    installation: Installation,
    proxy: RefusingProxy,
    tmp_path: Path,
) -> None:
    for name, text in HOMES[client].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    environ = {
        "HOME": str(tmp_path),
        "SHELL": "/bin/bash",
        "PATH": installation.path,
        "TERM": "dumb",
        "LLM_GATEWAY_CONFIG": str(gateway.home / "gateway.toml"),
        **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), proxy.url),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
    }

    def command(*arguments: str) -> Done:
        return program(gateway.home / "gateway", *arguments, environ=environ)

    done = command("connect", client, "--yes", "--verify", "--json", "--model", MODEL)
    assert done.code == 0, done
    told = json.loads(done.out)
    assert told["verified"]["captured"], told
    row = gateway.row(told["verified"]["request_id"])
    assert (row["client"], row["status"], row["provider"]) == (client, "ok", "demo"), row
    assert str(row["caller"]).startswith(f"{client}@")
    assert any(looks_like_key(word) for path in tmp_path.rglob("*") for word in _words(path)) or (
        client == "github-copilot"
    )
    undone = command("disconnect", client)
    assert undone.code == 0, undone
    for name, text in HOMES[client].items():
        assert _same(name, (tmp_path / name).read_text(), text), undone
    # Its own logs and caches may stay; nothing with a key of ours in it does.
    assert not any(looks_like_key(word) for path in tmp_path.rglob("*") for word in _words(path))


def _words(path: Path) -> list[str]:
    if not path.is_file() or path.is_symlink() or path.stat().st_size > 1_000_000:
        return []
    text = path.read_text("utf-8", "replace")
    for mark in "\"'=:,":
        text = text.replace(mark, " ")
    return text.split()


def _same(name: str, now: str, before: str) -> bool:
    """Return whether a file is as it was, or, where its application wrote it since, says the same."""
    if now == before:
        return True
    if not name.endswith(".json"):
        return before.strip() in now
    left, was = json.loads(now), json.loads(before)
    return all(left.get(key) == value or value == {} for key, value in was.items())
