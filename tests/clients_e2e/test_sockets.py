"""Clients that speak Responses over a WebSocket: one connection for the whole turn, nothing posted."""

import pytest

from clients_e2e.checks import accounted, ended_well, used_its_tool
from clients_e2e.pairs import pairs
from clients_e2e.rows import CODEX_SOCKET, COPILOT_SOCKET, Client
from clients_e2e.stage import Stage

pytestmark = pytest.mark.real_clients


@pairs(CODEX_SOCKET, COPILOT_SOCKET)
def test_tool_turn(stage: Stage, client: Client) -> None:
    played = stage.play(client, "tool")
    ended_well(played, answered_with=(101,))
    used_its_tool(played)
    accounted(stage, client, played)
    assert played.asked == ("GET /v1/responses HTTP/1.1",), played
