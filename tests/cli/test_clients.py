"""`clients` and the first lines of `status`: what goes through, what does not, and what helps."""

import json

import pytest

from gateway_process import GatewayProcess
from llm_gateway.cli.clients import Clients, first_line, gap_lines
from llm_gateway.clients.coverage import Known, Uses, cover_all
from llm_gateway.ledger.coverage import Use
from llm_gateway.server.client_views import client_views
from rawhttp import request
from terminal import Terminal

NOW = 1_700_000_000_000_000


@pytest.fixture(scope="module")
def asked(gateway: GatewayProcess) -> GatewayProcess:
    """Return a gateway that Codex and a script have asked."""
    body = gateway.chat_body("demo/echo")
    for agent in ("codex_exec/0.169.0", "my-own-script/1"):
        with gateway.client() as client:
            headers = (("User-Agent", agent),)
            client.send(request("POST", "/v1/chat/completions", body=body, key=gateway.key, headers=headers))
            assert client.read_reply().status == 200
    return gateway


def found() -> Clients:
    """Return what a gateway would say of one that goes through, one that does not, and one that cannot."""
    known = {
        "laptop": {
            "codex-cli": Known(installed=True, running=True),
            "claude-code": Known(installed=True, running=True, points_at="vendor"),
            "chatgpt": Known(installed=True, running=True),
        }
    }
    uses = Uses((Use("codex-cli", "laptop", NOW // 3_600_000_000, "", 2, 20, NOW, 0),))
    verdicts = cover_all("laptop", known, uses, NOW)
    return Clients(client_views(verdicts, {}), 2, 1)


def test_the_first_line_says_it_all() -> None:
    assert first_line(found()) == "1 of 2 running AI clients go through the gateway"
    assert first_line(Clients([], 0, 0)).startswith("no AI client runs here now")


def test_each_gap_has_its_command() -> None:
    (line,) = gap_lines(found().gaps)
    assert line == (
        "  Claude Code: its settings do not name this gateway; fix: llm-gateway connect claude-code"
    )


def test_clients_are_listed(asked: GatewayProcess, terminal: Terminal) -> None:
    out = terminal.ok("clients").out
    assert out.startswith("2 of 2 running AI clients go through the gateway\n")
    assert "codex-cli" in out and "captured" in out and "microsoft-copilot" not in out
    every = terminal.ok("clients", "--all").out
    assert "microsoft-copilot" in every and "cannot" in every


def test_one_client_is_shown_with_its_evidence(asked: GatewayProcess, terminal: Terminal) -> None:
    out = terminal.ok("clients", "--client", "codex-cli").out
    assert out.startswith("Codex CLI on ") and ": captured, live\n" in out
    assert "requests in the ledger, the last on" in out and "PASSED BY" in out
    assert terminal("clients", "--client", "nobody").code == 1


def test_json_has_everything(asked: GatewayProcess, terminal: Terminal) -> None:
    told = json.loads(terminal.ok("clients", "--json").out)
    assert (told["schema"], told["running"], told["captured"]) == ("llm-gateway/clients/v1", 2, 2)
    assert {"codex-cli", "openai-compatible"} <= {each["id"] for each in told["clients"]}
