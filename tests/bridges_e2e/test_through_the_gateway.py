"""Three vendors' real programs behind a gateway that runs, asked in three clients' languages."""

import json
import shlex
import shutil
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import NamedTuple

import pytest

from bridges.copilot.github import MODEL as COPILOTS
from bridges.copilot.github import GitHub, github
from bridges_e2e.stage import environ, failing, provider
from bridges_e2e.test_codex import asking
from clients_e2e.running import RefusingProxy
from gateway_process import GatewayProcess
from real_clients import Installation
from scripted import ScriptedUpstream, Send, chat, messages, responses
from scripted.wording import response

pytestmark = pytest.mark.real_clients

MODELS = {"codex": "gpt-6.1-sol", "claude": "claude-sonnet-5-5", "github-copilot": COPILOTS}
SPEAKS = {"codex": "responses", "claude": "messages", "github-copilot": "chat"}
"""The language in which each program asks its provider."""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
BRIDGES = tuple(MODELS)


class Running(NamedTuple):
    """A gateway with all three bridges, and what their programs ask."""

    gateway: GatewayProcess
    scripted: ScriptedUpstream
    hub: GitHub

    def provider(self, bridge: str) -> ScriptedUpstream:
        """Return the provider that a bridge's program asks."""
        return self.hub.upstream if bridge == "github-copilot" else self.scripted


@pytest.fixture(scope="module")
def running(
    installation: Installation, proxy: RefusingProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Return a gateway, all programs logged in."""
    home = tmp_path_factory.mktemp("machine")
    (home / "codex").mkdir()
    real = shutil.which("claude", path=installation.path)
    assert real is not None
    with provider() as scripted, github(tmp_path_factory.mktemp("github")) as hub:
        (home / "codex" / "config.toml").write_text(asking(scripted.url))
        claude = home / "claude"
        claude.write_text(
            f"#!/bin/sh\nexport ANTHROPIC_BASE_URL={scripted.url} CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-no\n"
            f'exec {shlex.quote(real)} "$@"\n'
        )
        claude.chmod(0o755)
        config = (
            f'[[bridges]]\nname = "codex"\nhome = "{home / "codex"}"\n'
            f'[[bridges]]\nname = "claude"\nprogram = "{claude}"\n'
            '[[bridges]]\nname = "github-copilot"\n'
        )
        variables = {**environ(installation, home, proxy), **hub.environ()}
        with GatewayProcess(home, config, environ=variables) as gateway:
            yield Running(gateway, scripted, hub)


def body(bridge: str, dialect: str, *, stream: bool = False, tool: bool = False) -> dict[str, object]:
    """Return a request with a system text and a conversation."""
    model = f"{bridge}/{MODELS[bridge]}"
    said = [("user", "u1"), ("assistant", "a1"), ("user", "What now?")]
    talk: list[dict[str, object]] = [{"role": role, "content": text} for role, text in said]
    match dialect:
        case "chat":
            function = {"name": "lookup", "parameters": SCHEMA}
            tools: list[dict[str, object]] = [{"type": "function", "function": function}]
            asked: dict[str, object] = {"messages": [{"role": "system", "content": "Be brief."}, *talk]}
        case "messages":
            tools = [{"name": "lookup", "input_schema": SCHEMA}]
            asked = {"system": "Be brief.", "messages": talk, "max_tokens": 1000}
        case _:
            tools = [{"type": "function", "name": "lookup", "parameters": SCHEMA}]
            asked = {"instructions": "Be brief.", "input": talk}
    return {"model": model, "stream": stream, **asked, **({"tools": tools} if tool else {})}


class Reply(NamedTuple):
    """An answer that was read to its end, or only to its head."""

    status: int
    request_id: str
    text: str


def ask(running: Running, dialect: str, request: dict[str, object], *, leave: bool = False) -> Reply:
    connection = HTTPConnection("127.0.0.1", running.gateway.port, timeout=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {running.gateway.key}"}
    try:
        connection.request("POST", PATHS[dialect], json.dumps(request), headers)
        with connection.getresponse() as reply:
            text = "" if leave else reply.read().decode()
            return Reply(reply.status, reply.headers["x-llm-gateway-request-id"], text)
    finally:
        connection.close()


def row_of(running: Running, reply: Reply) -> dict[str, object]:
    """Return an answer's row in the ledger."""
    found = running.gateway.dashboard(f"requests/{reply.request_id}")["request"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("bridge", BRIDGES)
def test_answers_streams_and_calls_of_tools(running: Running, bridge: str, dialect: str) -> None:
    script = {"chat": chat, "messages": messages, "responses": responses}[SPEAKS[bridge]]
    whole = ask(running, dialect, body(bridge, dialect))
    assert (whole.status, script.TEXT.strip() in whole.text) == (200, True), whole.text
    row = row_of(running, whole)
    assert (row["provider"], row["status"], row["dialect"]) == (bridge, "ok", dialect)
    assert (row["tokens_in"], row["tokens_out"]) == (40, 12), "what the provider counted"
    assert any("Be brief." in json.dumps(each.json()) for each in running.provider(bridge).asked())
    streamed = ask(running, dialect, body(bridge, dialect, stream=True))
    ends = {
        "chat": "data: [DONE]",
        "messages": "event: message_stop",
        "responses": "event: response.completed",
    }
    assert streamed.status == 200 and ends[dialect] in streamed.text
    if bridge == "codex":  # the others' providers call the first tool by themselves
        call = responses.function_call("lookup", {"city": "Köln"})
        running.scripted.queue(responses.stream(responses.events(MODELS[bridge], [call])))
    called = ask(running, dialect, body(bridge, dialect, tool=True))
    assert called.status == 200 and "lookup" in called.text and "city" in called.text, called.text
    kinds = {"chat": '"finish_reason":"tool_calls"', "messages": '"stop_reason":"tool_use"'}
    assert kinds.get(dialect, '"type":"function_call"') in called.text.replace(" ", "")


@pytest.mark.parametrize("bridge", BRIDGES)
def test_a_client_that_leaves_is_accounted_for(running: Running, bridge: str) -> None:
    left = ask(running, "chat", body(bridge, "chat", stream=True), leave=True)
    assert row_of(running, left)["status"] in ("running", "cancelled", "ok")


@pytest.mark.parametrize("bridge", BRIDGES)
def test_refusals_reach_every_client(running: Running, bridge: str) -> None:
    for status, kind, dialect in ((401, "auth_required", "messages"), (429, "rate_limited", "responses")):
        running.provider(bridge).queue(*[failing(status, SPEAKS[bridge])] * 4)
        refused = ask(running, dialect, body(bridge, dialect))
        assert (refused.status, kind in refused.text) == (status, True), refused.text
        running.provider(bridge).forget()


def test_what_claude_code_is_told_of_the_quota_is_a_window(running: Running) -> None:
    resets = int(time.time()) + 3600
    quota = (
        ("anthropic-ratelimit-unified-status", "allowed"),
        ("anthropic-ratelimit-unified-5h-utilization", "0.25"),
        ("anthropic-ratelimit-unified-5h-reset", str(resets)),
        ("anthropic-ratelimit-unified-5h-status", "allowed"),
        ("anthropic-ratelimit-unified-7d-utilization", "0.5"),
        ("anthropic-ratelimit-unified-7d-reset", str(resets + 86_400)),
    )
    said = b"".join(messages.events(MODELS["claude"]))
    running.scripted.queue((Send(response(200, said, quota, "text/event-stream")),))
    assert ask(running, "messages", body("claude", "messages")).status == 200
    assert running.gateway.get("/livez").status == 200
    (view,) = windows_of(running, "claude")
    told = {each["name"]: (each["used"], each["resets_at"] is not None) for each in view}
    assert told == {"5 hours": (0.25, True), "7 days": (0.5, True)}


def windows_of(running: Running, bridge: str) -> list[list[dict[str, object]]]:
    """Return the windows of the subscriptions that a bridge draws on."""
    running.gateway.dashboard("bridges?fresh=1")
    found = running.gateway.dashboard("subscriptions")["subscriptions"]
    assert isinstance(found, list)
    return [each["windows"] for each in found if bridge in [draw["provider"] for draw in each["draws"]]]
