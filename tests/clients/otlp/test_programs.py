"""Which application a program is: by its service's name, as the catalog has it, or as a part of another."""

import pytest

from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.otlp.programs import client_of, family_of


@pytest.mark.parametrize(
    ("service", "client"),
    [
        ("claude-code", "claude-code"),
        ("codex_exec", "codex-cli"),
        ("codex_vscode", "codex-ide"),
        ("Codex Desktop", "codex-desktop"),
        ("codex desktop", "codex-desktop"),
        ("github-copilot", "github-copilot"),
        ("gemini-cli", "gemini-cli"),
        ("somebody's tool", "openai-compatible"),
        ("", "openai-compatible"),
    ],
)
def test_a_program_is_known_by_its_service(service: str, client: str) -> None:
    assert client_of(service) == client


def test_editors_copilot_is_in_the_catalog() -> None:
    assert client_of("copilot-chat") in catalog()


def test_a_name_that_no_row_has_is_that_of_the_program_it_is_told_by() -> None:
    assert client_of("my_front_end", "codex-cli") == "codex-cli"
    assert client_of("codex_something_new", "codex-cli") == "codex-cli"
    assert client_of("renamed", "claude-code") == "claude-code"


def test_parts_share_their_telemetry_with_the_whole() -> None:
    assert family_of("codex-desktop") == family_of("codex-ide") == family_of("codex-cli") == "codex-cli"
    assert family_of("openai-compatible") == "openai-compatible"
