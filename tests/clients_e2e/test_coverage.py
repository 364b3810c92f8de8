"""Coverage is exact: routed and direct turns of real clients, counted by logs, by telemetry, and by both.

Direct turns go to a scripted vendor, past the gateway. All answers use the same tokens, so that only ids and
conversations can tell them apart; the vendor's ids are each its own, as a vendor's are.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from clients_e2e import scripted_model
from clients_e2e.rows import CLIENTS, Client
from clients_e2e.running import RefusingProxy, run
from clients_e2e.stage import keeps_no_words
from gateway_process import GatewayProcess, configuration
from real_clients import Installation
from scripted import Received, Script, ScriptedUpstream, Send
from scripted.script import Step

pytestmark = pytest.mark.real_clients

ROUTED, DIRECT = 2, 3
_SOON_S = 20.0
_BY_NAME = {client.name: client for client in CLIENTS}
# How each is made to send its usage: what its vendor documents, as the catalog has it.
TELEMETRY: dict[str, dict[str, str]] = {
    "claude-code": {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "$gateway",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-llm-gateway-key=$gateway_key",
    },
    "codex": {},
    "copilot-chat": {
        "COPILOT_OTEL_ENABLED": "true",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "$gateway",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-llm-gateway-key=$gateway_key",
    },
    "gemini-cli": {
        "GEMINI_TELEMETRY_ENABLED": "true",
        "GEMINI_TELEMETRY_TARGET": "local",
        "GEMINI_TELEMETRY_OTLP_PROTOCOL": "http",
        "GEMINI_TELEMETRY_OTLP_ENDPOINT": "$gateway",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-llm-gateway-key=$gateway_key",
    },
}
CODEX_TELEMETRY = """
[otel]
metrics_exporter = "none"

[otel.exporter.otlp-http]
endpoint = "$gateway/v1/logs"
protocol = "json"
headers = { x-llm-gateway-key = "$gateway_key" }
"""
CODEX_SILENT = """
[otel]
metrics_exporter = "none"
"""
SOURCES = {"log": (False, True), "otlp": (True, False), "both": (True, True)}


class Vendor:
    """A scripted model whose answers have ids of their own."""

    def __init__(self, dialect: str) -> None:
        self._model = scripted_model.ScriptedModel(dialect)
        self._number = itertools.count(1)

    def __call__(self, request: Received, names: Sequence[str]) -> Script | None:
        script = self._model(request, names)
        number = b"%03x" % next(self._number)
        return script if script is None else tuple(_with_id(step, number) for step in script)


def _with_id(step: Step, number: bytes) -> Step:
    """Give an answer an id of its own, as long as the one it had: bodies have told their length."""
    if not isinstance(step, Send):
        return step
    data = step.data
    for word in (b"_e2e", b"-e2e", b"e2e-response"):
        data = data.replace(word, word.replace(b"e2e", number))
    return replace(step, data=data)


@dataclass(frozen=True)
class Desk:
    """A gateway that looks after the machine on which a client runs, and the client's vendor beside it."""

    gateway: GatewayProcess
    vendor: ScriptedUpstream
    home: Path
    path: str
    proxy: RefusingProxy

    def ask(self, client: Client, name: str, *, routed: bool) -> None:
        """Let the client ask one question, through the gateway or past it."""
        words = {
            "url": self.gateway.url if routed else self.vendor.url,
            "key": self.gateway.key if routed else "sk-of-nobody",
            "prompt": scripted_model.prompt("plain", name),
            "gateway": self.gateway.url,
            "gateway_key": self.gateway.key,
        }
        outcome = run(client, self.home, words, path=self.path, proxy=self.proxy.url)
        assert outcome.code == 0, outcome

    def counted(self, identity: str) -> tuple[int, int]:
        """Return how many of the client's requests are known to be routed, and how many are known."""
        clients = self.gateway.dashboard("clients")["clients"]
        assert isinstance(clients, list)
        found = [each["coverage"] for each in clients if each["id"] == identity]
        return sum(each["routed_requests"] for each in found), sum(each["seen_requests"] for each in found)


@contextmanager
def desk(
    client: Client, home: Path, logs: bool, installation: Installation, proxy: RefusingProxy
) -> Iterator[Desk]:
    with ScriptedUpstream([client.model], [Vendor(client.dialect)]) as vendor:
        told = configuration(vendor.url, models=[client.model]).replace('["chat"]', f'["{client.dialect}"]')
        told += f"[clients]\ninterval = 1\nread_logs = {str(logs).lower()}\n"
        environ = {"LLM_GATEWAY_CLIENTS__DETECT": "true"}
        with GatewayProcess(home, told, environ=environ) as gateway:
            # The same folder by another name: what has a client's HOME is ended with it.
            (home / "person").symlink_to(home / "user")
            yield Desk(gateway, vendor, home / "person", installation.path, proxy)
            keeps_no_words(gateway)


def told_by(client: Client, otlp: bool) -> Client:
    """Return the client with its telemetry on or off."""
    files = dict(client.files)
    if client.name == "codex":
        name = ".codex/config.toml"
        files[name] = files[name].replace(CODEX_SILENT, CODEX_TELEMETRY if otlp else CODEX_SILENT)
        assert ("otlp-http" in files[name]) is otlp
    environ = {**client.environ, **(TELEMETRY[client.name] if otlp else {})}
    return replace(client, environ=environ, files=files)


@pytest.mark.parametrize(
    "source", ["both", *(pytest.param(name, marks=pytest.mark.grown) for name in ("log", "otlp"))]
)
@pytest.mark.parametrize("name", TELEMETRY)
def test_what_is_routed_and_what_is_seen_equals_the_truth(
    name: str,
    source: str,
    tmp_path: Path,
    installation: Installation,
    proxy: RefusingProxy,
    report: Callable[[str], None],
) -> None:
    otlp, logs = SOURCES[source]
    client = told_by(_BY_NAME[name], otlp)
    with desk(client, tmp_path, logs, installation, proxy) as here:
        for number in range(ROUTED + DIRECT):
            here.ask(client, f"{source}{number}", routed=number % 2 == 1 and number // 2 < ROUTED)
        truth = (ROUTED, ROUTED + DIRECT)
        until = time.monotonic() + _SOON_S
        while (counted := here.counted(client.identity)) != truth and time.monotonic() < until:
            time.sleep(0.5)
        time.sleep(2.5)  # two more looks: nothing may be counted twice
        report(f"{client.identity} by {source}: routed {counted[0]} of {counted[1]} seen, in truth {truth}")
        assert (counted, here.counted(client.identity)) == (truth, truth)
