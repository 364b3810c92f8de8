"""Which application sent a request, by what it says of itself."""

import pytest
from msgspec import Raw

from llm_gateway.clients.fingerprints import (
    SMOKE_CLIENT,
    UNKNOWN_CLIENT,
    Said,
    background,
    declared_name,
    identify,
)
from llm_gateway.wire.headers import Headers


@pytest.mark.parametrize(
    ("agent", "client"),
    [
        (b"claude-cli/2.1.34 (external, cli)", "claude-code"),
        (b"claude-code/2.0", "claude-code"),
        (b"codex_cli_rs/0.50.0 (Ubuntu 24.4.0; x86_64) xterm", "codex-cli"),
        (b"codex_exec/0.160.0", "codex-cli"),
        (b"codex-tui/1.0", "codex-cli"),
        (b"Codex Desktop/1.2 (Mac OS)", "codex-desktop"),
        (b"codex_vscode/0.5", "codex-ide"),
        (b"GitHubCopilotChat/0.30.1", "copilot-vscode"),
        (b"copilot/0.0.354", "github-copilot"),
        (b"GeminiCLI/0.9/gemini-3 (linux; x64)", "gemini-cli"),
        (b"opencode/1.0.2", "opencode"),
        (b"QwenCode/0.0.14", "qwen-code"),
        (b"aider/0.86", "aider"),
        (b"llm-gateway-smoke/0.1.0", SMOKE_CLIENT),
        (b"OpenAI/Python 2.6.1", UNKNOWN_CLIENT),
        (b"curl/8.5.0", UNKNOWN_CLIENT),
        (b"my claude-cli/2", UNKNOWN_CLIENT),
        (b"", UNKNOWN_CLIENT),
        (b"\xff\xfe", UNKNOWN_CLIENT),
        (b"codex_" + b"x" * 100_000, "codex-cli"),
    ],
)
def test_clients_are_told_by_their_user_agent(agent: bytes, client: str) -> None:
    for spelling in (agent, agent.upper(), agent.lower()):
        said = identify([(b"host", b"x"), (b"user-agent", spelling), (b"accept", b"*/*")])
        assert (said.client, said.told_by) == (client, "" if client == UNKNOWN_CLIENT else "agent")


def test_without_a_word_it_is_some_program() -> None:
    assert identify([]) == identify([(b"accept", b"*/*")]) == Said(UNKNOWN_CLIENT)


def test_a_declared_name_wins_wherever_it_stands() -> None:
    agent, declared = (b"user-agent", b"claude-cli/2"), (b"x-llm-gateway-client", b"my-script")
    assert identify([agent, declared]) == identify([declared, agent]) == Said("my-script", "declared")
    assert identify([(b"x-llm-gateway-client", b""), agent]).client == "claude-code"


def test_the_key_that_an_application_was_given_says_most() -> None:
    headers: Headers = [(b"user-agent", b"OpenAI/JS 5"), (b"x-llm-gateway-client", b"my-script")]
    assert identify(headers, "github-copilot") == Said("github-copilot", "key")


def test_parts_of_a_program_that_share_a_key_are_told_apart() -> None:
    assert identify([(b"user-agent", b"codex_vscode/0.1")], "codex-cli") == Said("codex-ide", "key")
    assert identify([(b"user-agent", b"aider/0.1")], "codex-cli") == Said("codex-cli", "key")


@pytest.mark.parametrize(
    ("headers", "session"),
    [
        ([(b"x-claude-code-session-id", b"a")], "a"),
        ([(b"thread-id", b"b"), (b"session-id", b"a")], "a"),
        ([(b"x-session-affinity", b"a")], "a"),
        ([(b"session-id", b"")], ""),
        ([(b"session-id", b"\xff\n" + b"x" * 100)], "??" + "x" * 62),
        ([(b"x-other", b"a")], ""),
    ],
)
def test_a_conversation_is_named(headers: Headers, session: str) -> None:
    assert identify(headers).session == session


def test_a_sub_agent_is_told() -> None:
    assert identify([(b"x-claude-code-parent-agent-id", b"1")]).label == "sub-agent"
    assert identify([(b"x-claude-code-session-id", b"1")]).label == ""


TITLE = {"tools": Raw(b"[]"), "output_config": Raw(b'{"format":{"properties":{"title":{}}}}')}


@pytest.mark.parametrize(
    ("client", "operation", "fields", "label"),
    [
        ("claude-code", "messages", TITLE, "title"),
        ("claude-code", "messages", {**TITLE, "tools": Raw(b"[{}]")}, ""),
        ("claude-code", "messages", {"output_config": Raw(b'{"effort":"high"}')}, ""),
        ("claude-desktop", "messages", TITLE, ""),
        ("codex-cli", "responses", {"generate": Raw(b"false")}, "warm-up"),
        ("codex-cli", "responses", {"generate": Raw(b"true")}, ""),
        ("codex-cli", "responses", {}, ""),
        ("gemini-cli", "generateContent", {"generationConfig": Raw(b'{"responseJsonSchema":{}}')}, "router"),
        ("gemini-cli", "streamGenerateContent", {"generationConfig": Raw(b'{"responseJsonSchema":{}}')}, ""),
        ("opencode", "chat/completions", {}, "title"),
        ("opencode", "chat/completions", {"tools": Raw(b"[{}]")}, ""),
        ("my-script", "chat/completions", {}, ""),
    ],
)
def test_what_an_application_asks_for_itself_is_told(
    client: str, operation: str, fields: dict[str, Raw], label: str
) -> None:
    assert background(client, operation, stream=True, fields=fields) == label


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"nightly build", "nightly build"),
        (b"a\tb\x1b[31m", "a?b?[31m"),
        (b"caf\xc3\xa9", "caf??"),
        (b"x" * 65, "x" * 64),
        (b"", ""),
    ],
)
def test_a_declared_name_is_bounded_and_printable(value: bytes, shown: str) -> None:
    assert declared_name(value) == shown
