"""What clients make of an upstream that refuses, and of an answer that breaks off.

A client may try again or give up; what it must never do is take half an answer for a whole one.
"""

import pytest

from clients_e2e import scripted_model
from clients_e2e.checks import identity, kept_in, told_of
from clients_e2e.pairs import pairs
from clients_e2e.rows import CLIENTS, Client
from clients_e2e.stage import Stage

pytestmark = pytest.mark.real_clients

_PLAYED = ("claude-code", "codex", "gemini-cli", "llm", "pi-messages", "pi-gemini")
every_kind = pairs(*(client for client in CLIENTS if client.name in _PLAYED))

# Codex takes a 403 for something that passes, and asks again so often before it gives up.
_TRIES = {"codex": 6}


@every_kind
def test_a_refusal_is_told(stage: Stage, client: Client) -> None:
    played = stage.play(client, "refused")
    kept_in(stage, played)
    assert played.outcome.code > 0, played
    said = played.outcome.stdout + played.outcome.stderr
    assert scripted_model.refusal(played.name) in said, played
    assert played.statuses == {403}, played
    assert len(played.rows) == len(played.requests) == _TRIES.get(client.name, 1), played
    for row in played.rows:
        assert told_of(row) == identity(stage, client), played
        assert (row["status"], row["http_status"], row["error"]) == ("error", 403, "upstream_status"), played
        assert (row["tokens_in"], row["tokens_out"]) == (None, None), played


@every_kind
def test_half_an_answer_is_not_a_whole_one(stage: Stage, client: Client) -> None:
    played = stage.play(client, "broken")
    kept_in(stage, played)
    assert played.heard[0].stream, played
    assert not any(heard.refused for heard in played.heard), played
    assert len(played.rows) == len(played.requests), played
    assert all(told_of(row) == identity(stage, client) for row in played.rows), played
    first, *others = played.rows
    assert (first["status"], first["error"]) == ("truncated", "upstream_truncated"), played
    if others:
        assert played.outcome.code == 0, played
        assert scripted_model.spoken(played.name) in played.outcome.stdout, played
        assert [row["status"] for row in others] == ["ok"], played
    else:
        assert played.outcome.code > 0, played
