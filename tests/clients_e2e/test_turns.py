"""Every client's turns, plain and with a tool, to upstreams of its own dialect and others.

What is looked at: what the client printed, what the upstream was sent, and what the ledger says.
"""

from collections.abc import Callable

import pytest

from clients_e2e.checks import accounted, ended_well, used_its_tool
from clients_e2e.pairs import pairs
from clients_e2e.rows import CLIENTS, Client
from clients_e2e.stage import Stage

pytestmark = pytest.mark.real_clients


@pairs(*CLIENTS)
def test_plain_turn(stage: Stage, client: Client) -> None:
    played = stage.play(client, "plain")
    ended_well(played)
    assert len(played.requests) == 1, played
    accounted(stage, client, played)


@pairs(*CLIENTS)
def test_tool_turn(stage: Stage, client: Client, report: Callable[[str], None]) -> None:
    played = stage.play(client, "tool")
    ended_well(played)
    used_its_tool(played)
    accounted(stage, client, played)
    if stage.dialect == client.dialect:
        assert not played.losses, played.losses
    report(f"{client.name} to {stage.dialect}: {'; '.join(played.losses) or 'nothing lost'}")
