"""The gateways that are looked at: `empty` has just been started, `small` is in use, `large` for long.

Small has a client that is captured and one that passes it by; a provider that answers and one that is away;
answers that went well, and that failed. Large has as many turns as LLM_GATEWAY_TEST_TURNS says, by default
20,000; LLM_GATEWAY_TEST_LEDGER may name a home that has them already.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import dashboard_ledger
from dashboard_e2e.stage import Site
from gateway_process import GatewayProcess
from rawhttp import request

__all__ = ["SITES", "TURNS", "Made", "running"]

SITES = ("empty", "small", "large")
TURNS = int(os.environ.get("LLM_GATEWAY_TEST_TURNS", "20000"))
_LEDGER = "LLM_GATEWAY_TEST_LEDGER"
_CLIENTS = '[clients]\ninterval = 1\nmachine = "laptop"\n'
_SETTINGS = """
[[providers]]
name = "away"
base_url = "http://127.0.0.1:9"
dialects = ["chat"]
models = ["away-model"]

[aliases]
fast = ["demo/echo", "away/away-model"]
"claude-opus-4-5" = ["demo/echo"]
broken = ["demo/error-429"]
"""
_SMALL = _CLIENTS + _SETTINGS
# What is measured here is not disturbed by looking for applications every second.
_LARGE = '[clients]\nmachine = "laptop"\n' + _SETTINGS
_AGENTS = (
    "claude-cli/2.1.330 (external, cli)",
    "codex_cli_rs/0.61.0 (Debian 12; x86_64)",
    "OpenAI/Python 2.8.1",
)


class Made:
    """The gateways, each made when it is asked for first; they end together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sites: dict[str, Site] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def site(self, name: str) -> Site:
        """Return a gateway by its name."""
        if name not in self._sites:
            make: Callable[[ExitStack, Path], Site] = {"empty": _empty, "small": _small, "large": _large}[
                name
            ]
            self._sites[name] = make(self._stack, self._folder / name)
        return self._sites[name]

    def fresh(self, name: str) -> Site:
        """Return a gateway in use of its own, for a test that changes it."""
        return _small(self._stack, self._folder / name)


def _started(stack: ExitStack, home: Path, config: str) -> Site:
    environ = {
        "LLM_GATEWAY_CLIENTS__DETECT": "true",
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "OPENAI_API_KEY": "",
    }
    return Site(stack.enter_context(GatewayProcess(home, config, environ=environ)))


def _empty(stack: ExitStack, home: Path) -> Site:
    home.mkdir(parents=True)
    return _started(stack, home, _CLIENTS)


def _large(stack: ExitStack, home: Path) -> Site:
    home.mkdir(parents=True)
    there = os.environ.get(_LEDGER)
    if there:
        shutil.copytree(there, home / "gateway")
    else:
        dashboard_ledger.fill(home / "gateway", TURNS)
    return _started(stack, home, _LARGE)


def _small(stack: ExitStack, home: Path) -> Site:
    home.mkdir(parents=True)
    user = home / "user"
    (user / ".claude").mkdir(parents=True)
    (user / ".claude" / "settings.json").write_text('{\n  "env": {"EDITOR": "vi"}\n}\n')
    (user / ".codex").mkdir()
    (user / ".codex" / "config.toml").write_text('# mine\nmodel = "gpt-5.5"\n')
    site = _started(stack, home, _SMALL)
    stack.enter_context(running(home / "bin", "claude"))
    _passed_by(user)
    for number in range(12):
        _ask(site.gateway, _AGENTS[number % 3], "fast" if number % 4 else "broken", stream=number % 2 == 0)
    return site


@contextmanager
def running(folder: Path, name: str) -> Iterator[None]:
    """Let a program run that is called as an application is."""
    folder.mkdir(exist_ok=True)
    command = folder / name
    if not command.exists():
        shutil.copy(shutil.which("sleep") or "/bin/sleep", command)
    process = subprocess.Popen([command, "3600"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _passed_by(user: Path) -> None:
    """Leave what Claude Code writes down of an answer that its vendor gave it."""
    log = user / ".claude" / "projects" / "-srv-app" / "session.jsonl"
    log.parent.mkdir(parents=True)
    usage = {"input_tokens": 1200, "output_tokens": 300}
    lines = []
    for number in range(3):
        message = {
            "id": f"msg_{number}",
            "model": "claude-opus-4-5",
            "usage": usage,
            "stop_reason": "end_turn",
        }
        line = {
            "type": "assistant",
            "message": message | {"stop_reason": "end_turn"},
            "requestId": f"req_{number}",
            "sessionId": "s-1",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "version": "2.1.330",
        }
        lines.append(json.dumps(line) + "\n")
    log.write_text("".join(lines))


def _ask(gateway: GatewayProcess, agent: str, model: str, *, stream: bool) -> None:
    body = gateway.chat_body(model, stream=stream)
    with gateway.client() as client:
        headers = (("User-Agent", agent),)
        client.send(request("POST", "/v1/chat/completions", body=body, key=gateway.key, headers=headers))
        client.read_reply()


_MADE: dict[str, Callable[[ExitStack, Path], Site]] = {"empty": _empty, "small": _small, "large": _large}
