"""Codex's other ways: a model with its tools in the conversation, and a login with compressed bodies."""

import pytest

from clients_e2e.checks import accounted, ended_well, used_its_tool
from clients_e2e.pairs import pairs
from clients_e2e.rows import CODEX_LITE, CODEX_LOGIN, Client
from clients_e2e.stage import Stage

pytestmark = pytest.mark.real_clients


@pairs(CODEX_LITE)
def test_tools_in_the_conversation(stage: Stage, client: Client) -> None:
    played = stage.play(client, "tool")
    ended_well(played)
    used_its_tool(played)
    accounted(stage, client, played)
    assert b"x-openai-internal-codex-responses-lite: true" in played.sent
    assert "exec" in {tool.name for tool in played.heard[0].tools}


@pairs(CODEX_LOGIN)
def test_login(stage: Stage, client: Client) -> None:
    """On a way that lets no WebSocket through, Codex with a login posts bodies compressed by zstd."""
    with stage.tap.without_upgrades():
        played = stage.play(client, "tool")
    # It also asks for what only its vendor has, under `/backend-api/`, and does without.
    ended_well(played, answered_with=(200, 404))
    used_its_tool(played)
    accounted(stage, client, played)
    assert b"content-encoding: zstd" in played.sent
    asked = {line.partition("?")[0] for line in played.asked if "/v1/" in line}
    assert asked == {"GET /v1/models", "POST /v1/responses HTTP/1.1"}
    # A catalog that replaced Codex's own would take this tool, and its own instructions, from its models.
    assert "apply_patch" in {tool.name for tool in played.heard[0].tools}
