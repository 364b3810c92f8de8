"""Claude Code and Codex with their users' own logins: counted, and passed on to their vendors untouched."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients_e2e import scripted_model
from clients_e2e.checks import ended_well, used_its_tool
from clients_e2e.rows import CODEX_LOGIN, Client
from clients_e2e.running import RefusingProxy
from clients_e2e.stage import Played, Stage
from clients_e2e.tap import Tap
from gateway_process import GatewayProcess, configuration
from real_clients import Installation
from scripted import ScriptedUpstream
from server_stage import home_files

pytestmark = pytest.mark.real_clients

OAUTH = "sk-ant-oat01-nobodys-login-for-a-test"
CLAUDE_CODE = Client(
    name="claude-login",
    dialect="messages",
    identity="claude-code",
    model="claude-opus-4-5",
    foreign=(),
    command=("claude", "-p", "$prompt", "--output-format", "json", "--allowedTools", "Bash(echo:*)"),
    environ={
        "ANTHROPIC_BASE_URL": "$url",
        "CLAUDE_CODE_OAUTH_TOKEN": OAUTH,
        "ANTHROPIC_CUSTOM_HEADERS": "x-llm-gateway-key: $key",
        "ANTHROPIC_MODEL": "$model",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    },
)
_LOGIN = json.loads(CODEX_LOGIN.files[".codex/auth.json"])
# The access token is the login here, and no gateway key: as `codex login` leaves it.
_LOGIN["tokens"]["access_token"] = _LOGIN["tokens"]["id_token"]
TOKEN = str(_LOGIN["tokens"]["access_token"])
CODEX = Client(
    name="chatgpt-login",
    dialect="responses",
    identity="codex-cli",
    model="gpt-5.5",
    foreign=(),
    command=CODEX_LOGIN.command,
    files={
        ".codex/auth.json": json.dumps(_LOGIN),
        ".codex/config.toml": """
model = "$model"
model_provider = "gateway"
check_for_update_on_startup = false

[analytics]
enabled = false

[otel]
metrics_exporter = "none"

[features]
plugins = false

[model_providers.gateway]
name = "LLM Gateway"
base_url = "$url/backend-api/codex"
wire_api = "responses"
requires_openai_auth = true
supports_websockets = false
http_headers = { x-llm-gateway-key = "$key" }
""",
    },
)


@contextmanager
def subscribed(
    client: Client, home: Path, installation: Installation, proxy: RefusingProxy
) -> Iterator[Stage]:
    """Start a vendor that answers logins, and a gateway before it that has no key for anybody."""
    model = scripted_model.ScriptedModel(client.dialect)
    with ScriptedUpstream([client.model], [model]) as vendor, Tap() as tap:
        login = f'[[providers]]\nname = "{client.name}"\nbase_url = "{vendor.url}"\n'
        told = configuration("http://127.0.0.1:9", server=f'hosts = ["{tap.name}"]', more=login)
        with GatewayProcess(home, told) as gateway:
            tap.behind = gateway.port
            yield Stage(client.dialect, home, gateway, vendor, tap, installation.path, proxy)


@pytest.mark.parametrize(("client", "login"), [(CLAUDE_CODE, OAUTH), (CODEX, TOKEN)], ids=["claude", "codex"])
def test_a_login_is_passed_on_and_counted(
    client: Client, login: str, tmp_path: Path, installation: Installation, proxy: RefusingProxy
) -> None:
    with subscribed(client, tmp_path, installation, proxy) as stage:
        played = stage.play(client, "tool")
        ended_well(played, answered_with=(200, 404))
        used_its_tool(played)
        _went_to_its_vendor(client, login, played)
        told = json.dumps(stage.gateway.dashboard("subscriptions")) + stage.gateway.stderr()
        stage.gateway.restart()
        assert login not in told and login.encode() not in home_files(tmp_path / "gateway")


def _went_to_its_vendor(client: Client, login: str, played: Played) -> None:
    """Look at what the vendor was asked, and at the ledger."""
    for request in played.requests:
        assert request.header("authorization") == f"Bearer {login}", played
        assert request.header("x-llm-gateway-key") is None
        assert request.body in played.sent, "the body is the client's, byte for byte"
    turns = [row for row in played.rows if row["tokens_in"] is not None]
    assert {(row["client"], row["provider"], row["status"]) for row in turns} == {
        (client.identity, client.name, "ok")
    }, played
    assert not played.losses
