"""What has to be true of a turn that a real client has played, said once for all tests."""

import json

from clients_e2e import scripted_model
from clients_e2e.rows import Client
from clients_e2e.speech import SPEECHES
from clients_e2e.speech.turns import CACHED, INPUT, OUTPUT
from clients_e2e.stage import Played, Stage

__all__ = ["accounted", "ended_well", "used_its_tool"]

_TOLD = ("client", "dialect", "provider", "model", "model_asked", "status", "http_status")
_LONG = 5_000
_KEPT = 0.9


def ended_well(played: Played) -> None:
    """Check that the client came to its end by itself, with the model's words."""
    assert not any(heard.refused for heard in played.heard), played
    assert played.outcome.code == 0, played
    # Some print JSON, and some of those escape what is not ASCII.
    words = scripted_model.spoken(played.name)
    assert words in played.outcome.stdout or json.dumps(words)[1:-1] in played.outcome.stdout, played


def used_its_tool(played: Played) -> None:
    """Check that the client ran its shell tool once, and that the model saw what it printed."""
    assert len(played.requests) == 2, played
    asked, told = played.heard
    assert asked.tools and not asked.results, played
    assert len(told.results) == 1 and scripted_model.result(played.name) in told.results[0], played
    assert {tool.name for tool in told.tools} == {tool.name for tool in asked.tools}, played
    assert told.thinks == asked.thinks, f"the thinking ended in the middle of the turn\n{played}"


def accounted(stage: Stage, client: Client, played: Played) -> None:
    """Check what reached the upstream, and that the ledger has a right row for each request."""
    assert len(played.rows) == len(played.requests), played
    cached = 0 if stage.dialect == "ollama" else CACHED
    for request, row, detail in zip(played.requests, played.rows, played.details, strict=True):
        assert stage.gateway.key.encode() not in request.raw, "the gateway's key left the gateway"
        size = detail["request_bytes"]
        assert isinstance(size, int)
        # Words and tools are nearly all of a long request: what is much shorter has lost some.
        assert size < _LONG or len(request.body) > _KEPT * size, played
        assert {name: row[name] for name in _TOLD} == {
            "client": client.identity,
            "dialect": client.dialect,
            "provider": "scripted",
            "model": SPEECHES[stage.dialect].model,
            "model_asked": client.model,
            "status": "ok",
            "http_status": 200,
        }, played
        counted = (row["tokens_in"], row["tokens_out"], row["tokens_cached"] or 0, row["estimated"])
        assert counted == (INPUT, OUTPUT, cached, False), played
