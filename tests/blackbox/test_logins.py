"""A subscriber's own login from the outside: it goes to its vendor untouched, and nowhere else."""

import json
from collections.abc import Iterator

import pytest

from gateway_process import GatewayProcess, configuration
from rawhttp import Reply, request
from scripted import ScriptedUpstream, Send, messages, responses, wording
from server_stage import home_files

CANARY = "sk-ant-oat01-canary-of-a-login"
TOKEN = "eyJhbGciOiJub25lIn0.canary.of-a-login"
CLAUDE_CODE = "claude-cli/2.1.330 (external, sdk-cli)"
CODEX = "codex_exec/0.169.0 (Debian 12.0.0; x86_64)"
BODY = b'{"model":"claude-opus-4-5","max_tokens":5 ,"messages":[{"role":"user","content":"hi"}],"x_new":[1]}'
QUOTA = (
    ("anthropic-ratelimit-unified-5h-utilization", "0.42"),
    ("anthropic-ratelimit-unified-status", "allowed"),
)
LOGINS = """
[[providers]]
name = "claude-login"
base_url = "{url}"

[[providers]]
name = "chatgpt-login"
base_url = "{url}"

[aliases]
mine = ["scripted/m"]
"""


@pytest.fixture(scope="module")
def vendor() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as vendor:
        yield vendor


@pytest.fixture(scope="module")
def other() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as other:
        yield other


@pytest.fixture(scope="module")
def gateway(
    vendor: ScriptedUpstream, other: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    config = configuration(other.url, models=["m"], more=LOGINS.format(url=vendor.url))
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), config) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _forgotten(vendor: ScriptedUpstream, other: ScriptedUpstream) -> None:
    vendor.forget()
    other.forget()


def ask(gateway: GatewayProcess, target: str, body: bytes, *headers: tuple[str, str]) -> Reply:
    """Ask with the gateway's key in its own header."""
    with gateway.client() as client:
        method = "POST" if body else "GET"
        own = ("x-llm-gateway-key", gateway.key)
        client.send(request(method, target, body=body, headers=(own, *headers)))
        return client.read_reply()


def as_claude(gateway: GatewayProcess, body: bytes = BODY, agent: str = CLAUDE_CODE) -> Reply:
    login = ("Authorization", f"Bearer {CANARY}")
    return ask(gateway, "/v1/messages?beta=true", body, login, ("User-Agent", agent))


def as_codex(gateway: GatewayProcess, path: str, body: bytes = b"") -> Reply:
    login = (("Authorization", f"Bearer {TOKEN}"), ("chatgpt-account-id", "acct-1"))
    return ask(gateway, f"/backend-api/codex/{path}", body, *login, ("User-Agent", CODEX))


def test_a_login_goes_to_its_vendor_untouched(gateway: GatewayProcess, vendor: ScriptedUpstream) -> None:
    vendor.queue((Send(wording.response(200, messages.message("claude-opus-4-5"), QUOTA)),))
    reply = as_claude(gateway)
    assert (reply.status, reply.header("x-llm-gateway-provider")) == (200, "claude-login")
    (asked,) = vendor.asked()
    assert (asked.target, asked.body) == ("/v1/messages?beta=true", BODY)
    assert asked.header("authorization") == f"Bearer {CANARY}"
    assert asked.header("user-agent") == CLAUDE_CODE
    assert gateway.key.encode() not in asked.raw
    assert reply.header(QUOTA[0][0]) == "0.42"
    row = gateway.row(reply.header("x-llm-gateway-request-id"))
    assert (row["provider"], row["client"], row["status"]) == ("claude-login", "claude-code", "ok")
    assert row["cost_usd"] is None, "a subscription is paid for anyway"
    told = json.dumps(gateway.dashboard("subscriptions"))
    assert '"provider": "claude-login"' in told and '"used": 0.42' in told and '"status": "allowed"' in told


def test_codex_keeps_its_own_login_too(gateway: GatewayProcess, vendor: ScriptedUpstream) -> None:
    body = b'{"model":"gpt-5.5","input":"hi","store":false}'
    vendor.queue(responses.plain("gpt-5.5"))
    reply = as_codex(gateway, "responses", body)
    assert (reply.status, reply.header("x-llm-gateway-provider")) == (200, "chatgpt-login")
    (asked,) = vendor.asked()
    assert (asked.target, asked.body) == ("/backend-api/codex/responses", body)
    assert asked.header("authorization") == f"Bearer {TOKEN}"
    assert asked.header("chatgpt-account-id") == "acct-1"


def test_codex_is_told_its_vendors_models(gateway: GatewayProcess, vendor: ScriptedUpstream) -> None:
    vendor.queue()
    reply = as_codex(gateway, "models?client_version=0.169.0")
    asked = vendor.requests[-1]
    assert (asked.method, asked.target) == ("GET", "/backend-api/codex/models?client_version=0.169.0")
    assert asked.header("authorization") == f"Bearer {TOKEN}" and reply.header("x-llm-gateway-provider")


def test_without_a_login_codexs_path_is_an_address_like_any_other(
    gateway: GatewayProcess, vendor: ScriptedUpstream
) -> None:
    own = ("Authorization", f"Bearer {gateway.key}")
    assert ask(gateway, "/backend-api/codex/models?client_version=0.169.0", b"", own).json()["models"]
    assert ask(gateway, "/backend-api/codex/wham/usage", b"", own).status == 404
    body = b'{"model":"demo/echo","input":"hi","store":false}'
    assert ask(gateway, "/backend-api/codex/responses", body, own).status == 200
    assert vendor.requests == []


def test_a_login_goes_nowhere_else(
    gateway: GatewayProcess, vendor: ScriptedUpstream, other: ScriptedUpstream
) -> None:
    for name in ("mine", "scripted/m"):
        reply = as_claude(gateway, BODY.replace(b"claude-opus-4-5", name.encode()))
        assert (reply.status, reply.header("x-llm-gateway-provider")) == (200, "scripted")
    assert vendor.asked() == [] and len(other.asked()) == 2
    assert all(CANARY.encode() not in asked.raw for asked in other.requests)
    assert all(asked.header("authorization") for asked in other.asked()), "with our own credential"


def test_nobody_else_uses_it(gateway: GatewayProcess, vendor: ScriptedUpstream) -> None:
    vendor.queue(messages.plain("claude-opus-4-5"))
    assert as_claude(gateway).status == 200
    vendor.forget()
    for name in ("claude-opus-4-5", "claude-login/claude-opus-4-5", "chatgpt-login/gpt-5.5"):
        assert gateway.chat(name).status == 404
    assert vendor.asked() == []


@pytest.mark.parametrize("agent", ["opencode/1.2", "curl/8", "claude-cli/2.1 (external, claude-desktop-3p)"])
def test_whom_its_vendor_does_not_let_is_refused(
    gateway: GatewayProcess, vendor: ScriptedUpstream, other: ScriptedUpstream, agent: str
) -> None:
    reply = as_claude(gateway, agent=agent)
    error = reply.json()["error"]
    assert reply.status == 403 and isinstance(error, dict)
    assert "Anthropic lets a Claude login be used by Claude Code" in str(error["message"])
    assert vendor.requests == [] == other.asked()


def test_a_login_is_never_translated(gateway: GatewayProcess, vendor: ScriptedUpstream) -> None:
    login = (("Authorization", f"Bearer {CANARY}"), ("User-Agent", CLAUDE_CODE))
    body = b'{"model":"claude-opus-4-5","messages":[{"role":"user","content":"hi"}]}'
    reply = ask(gateway, "/v1/chat/completions", body, *login)
    assert reply.status == 403 and "speaks `messages`" in str(reply.error()["message"])
    assert vendor.asked() == []


def test_what_the_vendor_says_of_a_login_is_the_clients_alone(
    gateway: GatewayProcess, vendor: ScriptedUpstream
) -> None:
    """One subscriber's quota says nothing about the next one's: nobody is held back by it."""
    for status in (401, 429, 403):
        vendor.queue(messages.failing(status, "rate_limit_error", "said by the vendor"))
        reply = as_claude(gateway)
        assert reply.status == status and b"said by the vendor" in reply.body
    vendor.queue(messages.plain("claude-opus-4-5"))
    assert as_claude(gateway).status == 200


def test_no_login_is_kept_anywhere(gateway: GatewayProcess, vendor: ScriptedUpstream) -> None:
    vendor.queue(messages.plain("claude-opus-4-5"), responses.plain("gpt-5.5"))
    assert as_claude(gateway).status == 200
    assert as_codex(gateway, "responses", b'{"model":"gpt-5.5","input":"hi","store":false}').status == 200
    assert as_claude(gateway, agent="opencode/1.2").status == 403
    names = ("requests", "clients", "subscriptions", "providers")
    told = json.dumps([gateway.dashboard(name) for name in names])
    gateway.restart()
    kept = home_files(gateway.home) + gateway.stderr().encode() + told.encode()
    for secret in (CANARY, TOKEN):
        assert secret.encode() not in kept
