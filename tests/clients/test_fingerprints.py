"""Which application sent a request, by what it says of itself."""

import pytest

from llm_gateway.clients.fingerprints import SMOKE_CLIENT, UNKNOWN_CLIENT, declared_name, identify


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
        (b"GitHubCopilotChat/0.30.1", "github-copilot"),
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
        assert identify([(b"host", b"x"), (b"user-agent", spelling), (b"accept", b"*/*")]) == client


def test_without_a_word_it_is_some_program() -> None:
    assert identify([]) == identify([(b"accept", b"*/*")]) == UNKNOWN_CLIENT


def test_a_declared_name_wins_wherever_it_stands() -> None:
    agent, declared = (b"user-agent", b"claude-cli/2"), (b"x-llm-gateway-client", b"my-script")
    assert identify([agent, declared]) == identify([declared, agent]) == "my-script"
    assert identify([(b"x-llm-gateway-client", b""), agent]) == "claude-code"


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
