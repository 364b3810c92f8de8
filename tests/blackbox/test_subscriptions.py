"""Subscriptions from the outside: one account for two callers, what it is worth, and after a restart."""

import json
import time
from collections.abc import Iterator

import msgspec
import pytest

from gateway_process import GatewayProcess, configuration
from llm_gateway.server.account_views import AccountView, SwitchView
from rawhttp import request
from scripted import ScriptedUpstream, Send, messages, responses, wording
from server_stage import home_files
from terminal import program

CLAUDE_CODE = "claude-cli/2.1.330 (external, sdk-cli)"
CODEX = "codex_exec/0.169.0 (Debian 12.0.0; x86_64)"
ORG, ACCOUNT = "8e0a2fd1-3b0c-4f7e-9a51-0d6f6f0a7c11", "5c0f3a52-1111-4222-8333-944445555666"
ADA, BOB = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-9999-aaaaaaaaaaaa"
RESETS = int(time.time()) + 3600
CONFIG = """
[[providers]]
name = "claude-login"
base_url = "{url}"

[[providers]]
name = "chatgpt-login"
base_url = "{url}"

[[subscriptions]]
name = "my-max"
draws = ["claude", "claude-login"]
plan = "Max 20x"
price_usd = 200
owner = "ada"
"""


@pytest.fixture
def vendor() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as vendor:
        yield vendor


@pytest.fixture
def gateway(vendor: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    config = configuration("http://127.0.0.1:9", more=CONFIG.format(url=vendor.url))
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), config) as gateway:
        yield gateway


def another_key(gateway: GatewayProcess, name: str) -> str:
    """Return a key of somebody else's."""
    return program(gateway.home / "gateway", "keys", "create", name).out.strip().splitlines()[-1].strip()


def ask_claude(gateway: GatewayProcess, vendor: ScriptedUpstream, used: float, **whose: str) -> None:
    """Let Claude Code ask with somebody's login, and its vendor say how much of the window is used."""
    quota = (
        ("anthropic-ratelimit-unified-5h-utilization", str(used)),
        ("anthropic-ratelimit-unified-5h-reset", str(RESETS)),
        ("anthropic-ratelimit-unified-5h-status", "allowed"),
        ("anthropic-ratelimit-unified-status", "allowed"),
        ("anthropic-organization-id", ORG),
    )
    vendor.queue((Send(wording.response(200, messages.message("claude-opus-4-5"), quota)),))
    user = f'{{"device_id":"d","account_uuid":"{whose.get("person", ADA)}","session_id":"s"}}'
    body = msgspec.json.encode(
        {
            "model": "claude-opus-4-5",
            "max_tokens": 5,
            "metadata": {"user_id": user},
            "messages": [{"role": "user", "content": "hi"}],
        }
    )
    headers = (
        ("x-llm-gateway-key", whose.get("key", gateway.key)),
        ("Authorization", "Bearer sk-ant-oat01-canary"),
        ("User-Agent", CLAUDE_CODE),
    )
    with gateway.client() as client:
        client.send(request("POST", "/v1/messages?beta=true", body=body, headers=headers))
        assert client.read_reply().status == 200


def ask_codex(gateway: GatewayProcess, vendor: ScriptedUpstream) -> None:
    """Let Codex ask with somebody's login."""
    quota = (
        ("x-codex-primary-used-percent", "37.5"),
        ("x-codex-primary-window-minutes", "300"),
        ("x-codex-primary-reset-at", str(RESETS)),
        ("x-codex-secondary-used-percent", "12"),
        ("x-codex-secondary-window-minutes", "10080"),
    )
    vendor.queue((Send(wording.response(200, json.dumps(responses.completed("gpt-5.5")).encode(), quota)),))
    headers = (
        ("x-llm-gateway-key", gateway.key),
        ("Authorization", "Bearer eyJhbGciOiJub25lIn0.canary.of-a-login"),
        ("chatgpt-account-id", ACCOUNT),
        ("User-Agent", CODEX),
    )
    body = b'{"model":"gpt-5.5","input":"hi","store":false}'
    with gateway.client() as client:
        client.send(request("POST", "/backend-api/codex/responses", body=body, headers=headers))
        assert client.read_reply().status == 200


def shown(gateway: GatewayProcess) -> tuple[dict[str, AccountView], list[SwitchView]]:
    told = gateway.dashboard("subscriptions")
    views = msgspec.convert(told["subscriptions"], list[AccountView])
    return {each.name: each for each in views}, msgspec.convert(told["switches"], list[SwitchView])


def test_an_account_is_one_subscription_whoever_draws_on_it(
    gateway: GatewayProcess, vendor: ScriptedUpstream
) -> None:
    laptop = another_key(gateway, "laptop")
    ask_claude(gateway, vendor, 0.40)
    ask_claude(gateway, vendor, 0.45, key=laptop)
    ask_codex(gateway, vendor)
    views, switches = shown(gateway)
    assert (sorted(views), switches) == (["chatgpt-login/bootstrap", "my-max"], [])
    ours, codex = views["my-max"], views["chatgpt-login/bootstrap"]
    assert sorted(draw.caller for draw in ours.draws if draw.route == "login") == ["bootstrap", "laptop"]
    assert [(each.name, each.used, each.status) for each in ours.windows] == [("5 hours", 0.45, "allowed")]
    assert (ours.plan, ours.paid_usd_month, ours.worth.requests) == ("Max 20x", 200.0, 2)
    assert ours.worth.value_usd_month > 0 and sum(each.share for each in ours.worth.clients) == 1
    assert [(each.name, each.used) for each in codex.windows] == [("5 hours", 0.375), ("7 days", 0.12)]


def test_two_people_of_one_organization_are_two(gateway: GatewayProcess, vendor: ScriptedUpstream) -> None:
    ask_claude(gateway, vendor, 0.40)
    ask_claude(gateway, vendor, 0.90, key=another_key(gateway, "bob"), person=BOB)
    views, _ = shown(gateway)
    assert {name: each.windows[0].used for name, each in views.items()} == {
        "my-max": 0.90,
        "claude-login/bootstrap": 0.40,
    }


def test_what_was_told_outlives_a_restart_and_names_nobody(
    gateway: GatewayProcess, vendor: ScriptedUpstream
) -> None:
    ask_claude(gateway, vendor, 0.40)
    ask_codex(gateway, vendor)
    gateway.restart()
    views, _ = shown(gateway)
    assert [(each.name, each.used) for each in views["my-max"].windows] == [("5 hours", 0.40)]
    assert [each.used for each in views["chatgpt-login/bootstrap"].windows] == [0.375, 0.12]
    ask_claude(gateway, vendor, 0.41)
    views, _ = shown(gateway)
    assert [(each.name, each.used) for each in views["my-max"].windows] == [("5 hours", 0.41)]
    gateway.stop()
    kept = home_files(gateway.home / "gateway")
    for secret in (ORG, ACCOUNT, ADA, "canary"):
        assert secret.encode() not in kept, "no id and no login of anybody is kept"


def test_what_does_not_draw_is_refused_at_the_start_and_at_a_reload(gateway: GatewayProcess) -> None:
    config = gateway.home / "gateway.toml"
    config.write_text(config.read_text().replace('"claude-login"]', '"claud-login"]'))
    deadline = time.monotonic() + 10
    while not gateway.dashboard("health")["configuration"]:
        assert time.monotonic() < deadline
    told = str(gateway.dashboard("health")["configuration"])
    assert "subscriptions.my-max.draws" in told and "did you mean claude-login?" in told
