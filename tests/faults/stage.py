"""A gateway before several upstreams: its configuration in words of a test, and what became of a request."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from faults.asking import Asking
from gateway_process import GatewayProcess
from rawhttp import Reply

__all__ = ["GATEWAY", "Stage", "Start", "Targets", "seed", "starting"]

GATEWAY = (sys.executable, "-m", "llm_gateway")
"""How a gateway is started."""


def seed() -> str:
    """Return what repeats this run's chances: LLM_GATEWAY_TEST_SEED."""
    return os.environ.get("LLM_GATEWAY_TEST_SEED", "1")


def starting(gateway: GatewayProcess, *program: str) -> tuple[int, str]:
    """Start a gateway that will not start on the home of one; return its exit code and what it says."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [*(program or GATEWAY), "up", "--port", "0", "--json"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **kept,
            "HOME": str(gateway.home / "user"),
            "LLM_GATEWAY_HOME": str(gateway.home / "gateway"),
            "LLM_GATEWAY_CONFIG": str(gateway.home / "gateway.toml"),
            "SCRIPTED_API_KEY": "sk-scripted-upstream-0123456789",
        },
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


@dataclass
class Targets:
    """The providers of a configuration, and the names that stand for several of them."""

    providers: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By name: URL and dialect."""
    aliases: dict[str, Sequence[str]] = field(default_factory=dict)

    def add(self, name: str, url: str, dialect: str = "chat") -> str:
        """Add a provider and return its only model."""
        self.providers[name] = (url, dialect)
        return f"{name}/m"

    def alias(self, name: str, *targets: str) -> str:
        """Let a name stand for targets, the first to be asked first."""
        self.aliases[name] = targets
        return name

    def configuration(self, *, server: str = "", upstream: str = "", more: str = "") -> str:
        """Return the gateway.toml; the arguments are lines of its sections."""
        rows = [
            f'[[providers]]\nname = "{name}"\nbase_url = "{url}"\ndialects = ["{dialect}"]\n'
            'api_key_env = "SCRIPTED_API_KEY"\nmodels = ["m"]\n'
            for name, (url, dialect) in self.providers.items()
        ]
        named = [f'"{name}" = {json.dumps(list(targets))}' for name, targets in self.aliases.items()]
        sections = [f"[server]\n{server}", f"[upstream]\n{upstream}", *rows, "[aliases]", *named, more]
        return "\n".join(sections) + "\n"


@dataclass(frozen=True)
class Stage:
    """A gateway that runs, before upstreams that a test has made."""

    gateway: GatewayProcess
    targets: Targets

    def ask(self, model: str, dialect: str = "chat", *, stream: bool = False, timeout: float = 30.0) -> Reply:
        """Send a small request in a dialect and return the answer, however it ends."""
        with self.gateway.client(timeout=timeout) as client:
            client.send(Asking(dialect, model, stream).request(self.gateway.key))
            return client.read_reply()

    def row(self, reply: Reply) -> dict[str, object]:
        """Return the row of a request in the ledger."""
        return self.gateway.row(reply.header("x-llm-gateway-request-id"))

    def attempts(self, reply: Reply) -> list[tuple[str, object]]:
        """Return who was asked for a request, in order, and what the ledger says of each."""
        detail = self.gateway.dashboard(f"requests/{reply.header('x-llm-gateway-request-id')}")
        attempts = detail["attempts"]
        assert isinstance(attempts, list)
        return [(str(each["provider"]), each["error"]) for each in attempts]


class Start(Protocol):
    """A way to start a gateway; it ends with the test."""

    def __call__(
        self,
        targets: Targets,
        *,
        environ: Mapping[str, str] | None = None,
        program: Sequence[str] = GATEWAY,
        **sections: str,
    ) -> Stage:
        """Start a gateway before these upstreams; `sections` are those of `Targets.configuration`."""
        ...
