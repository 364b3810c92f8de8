"""What has to be true of a turn that a real client has played, said once for all tests."""

import json
from collections.abc import Mapping

from clients_e2e import scripted_model
from clients_e2e.rows import Client
from clients_e2e.speech import SPEECHES
from clients_e2e.speech.turns import CACHED, INPUT, OUTPUT
from clients_e2e.stage import Played, Stage

__all__ = ["accounted", "ended_well", "identity", "kept_in", "told_of", "used_its_tool"]

_LONG = 5_000
_KEPT = 0.9


def ended_well(played: Played, *, answered_with: tuple[int, ...] = (200,)) -> None:
    """Check that nothing was refused, and that the client came by itself to the model's last words."""
    assert not any(heard.refused for heard in played.heard), played
    assert played.statuses and played.statuses <= set(answered_with), played
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
    kept_in(stage, played)
    assert len(played.rows) == len(played.requests), played
    cached = 0 if stage.dialect == "ollama" else CACHED
    for request, row, detail in zip(played.requests, played.rows, played.details, strict=True):
        size = detail["request_bytes"]
        assert isinstance(size, int)
        # Words and tools are nearly all of a long request: what is much shorter has lost some.
        assert size < _LONG or len(request.body) > _KEPT * size, played
        assert told_of(row) == identity(stage, client), played
        assert (row["status"], row["http_status"], row["error"]) == ("ok", 200, None), played
        counted = (row["tokens_in"], row["tokens_out"], row["tokens_cached"] or 0, row["estimated"])
        assert counted == (INPUT, OUTPUT, cached, False), played


def kept_in(stage: Stage, played: Played) -> None:
    """Check that the gateway's key went no further than the gateway, and that nothing asked to leave."""
    key = stage.gateway.key.encode()
    assert key in played.sent, "the client did not send the key that it was given"
    assert not any(key in request.raw for request in played.passed_on), "the gateway's key left the gateway"
    assert not played.outside, played


def identity(stage: Stage, client: Client) -> Mapping[str, object]:
    """Return what the ledger has to say of who asked whom."""
    return {
        "client": client.identity,
        "dialect": client.dialect,
        "provider": "scripted",
        "model": SPEECHES[stage.dialect].model,
        "model_asked": client.model,
    }


def told_of(row: Mapping[str, object]) -> Mapping[str, object]:
    """Return what a row of the ledger says of who asked whom."""
    return {name: row[name] for name in ("client", "dialect", "provider", "model", "model_asked")}
