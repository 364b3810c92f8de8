"""Clients that speak Responses over a WebSocket: one connection for the whole turn, nothing posted."""

import pytest

from clients_e2e.checks import accounted, ended_well, used_its_tool
from clients_e2e.rows import CODEX_SOCKET, COPILOT_SOCKET, Client
from clients_e2e.stage import Stage

pytestmark = pytest.mark.real_clients


@pytest.mark.parametrize("client", [CODEX_SOCKET, COPILOT_SOCKET], ids=str)
def test_tool_turn(stage: Stage, client: Client) -> None:
    played = stage.play(client, "tool")
    ended_well(played)
    used_its_tool(played)
    accounted(stage, client, played)
    assert played.asked == ("GET /v1/responses HTTP/1.1",), played
    assert played.statuses == {101}, played
