"""Every client's turns, plain and with a tool, through the gateway to an upstream of every dialect.

What is looked at: what the client printed, what the upstream was sent, and what the ledger says.
"""

import pytest

from clients_e2e import scripted_model
from clients_e2e.rows import CLIENTS, Client
from clients_e2e.speech import SPEECHES
from clients_e2e.speech.turns import CACHED, INPUT, OUTPUT
from clients_e2e.stage import Played, Stage

pytestmark = pytest.mark.real_clients

_TOLD = ("client", "dialect", "provider", "model", "model_asked", "status", "http_status")

every_client = pytest.mark.parametrize("client", CLIENTS, ids=[client.name for client in CLIENTS])


@every_client
def test_plain_turn(stage: Stage, client: Client) -> None:
    played = stage.play(client, "plain")
    ended_well(played)
    assert len(played.requests) == 1, played
    assert not played.heard[0].results, played
    accounted(stage, client, played)


@every_client
def test_tool_turn(stage: Stage, client: Client) -> None:
    played = stage.play(client, "tool")
    ended_well(played)
    assert len(played.requests) == 2, played
    asked, told = played.heard
    assert asked.tools and not asked.results, played
    assert len(told.results) == 1 and scripted_model.result(played.name) in told.results[0], told.results
    assert {tool.name for tool in told.tools} == {tool.name for tool in asked.tools}
    accounted(stage, client, played)


def ended_well(played: Played) -> None:
    """Check that the client came to its end by itself, with the model's words."""
    assert played.outcome.code == 0, played
    assert scripted_model.spoken(played.name) in played.outcome.stdout, played


def accounted(stage: Stage, client: Client, played: Played) -> None:
    """Check what reached the upstream, and that the ledger has a right row for each request."""
    for request in played.requests:
        assert stage.gateway.key.encode() not in request.raw, "the gateway's key left the gateway"
    assert len(played.rows) == len(played.requests), played
    cached = None if stage.dialect == "ollama" else CACHED
    for row in played.rows:
        said = {name: row[name] for name in _TOLD}
        assert said == {
            "client": client.identity,
            "dialect": client.dialect,
            "provider": "scripted",
            "model": SPEECHES[stage.dialect].model,
            "model_asked": client.model,
            "status": "ok",
            "http_status": 200,
        }, played
        counted = (row["tokens_in"], row["tokens_out"], row["tokens_cached"] or None, row["estimated"])
        assert counted == (INPUT, OUTPUT, cached, False), played
