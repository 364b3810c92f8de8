"""What clients make of an upstream that refuses, and of an answer that breaks off, in every pair of dialects.

A client may try again or give up; what it must never do is take half an answer for a whole one.
"""

import pytest

from clients_e2e import scripted_model
from clients_e2e.rows import BY_NAME
from clients_e2e.stage import Stage

pytestmark = pytest.mark.real_clients


@pytest.mark.parametrize("name", ["claude-code", "codex", "gemini-cli", "llm", "pi-messages", "pi-gemini"])
def test_a_refusal_is_told(stage: Stage, name: str) -> None:
    played = stage.play(BY_NAME[name], "refused")
    assert played.outcome.code != 0, played
    said = played.outcome.stdout + played.outcome.stderr
    assert scripted_model.refusal(played.name) in said, played
    assert len(played.requests) == 1, played
    (row,) = played.rows
    assert (row["status"], row["http_status"], row["error"]) == ("error", 403, "upstream_status"), played
    assert (row["tokens_in"], row["tokens_out"]) == (None, None), played


@pytest.mark.parametrize("name", ["claude-code", "codex", "gemini-cli", "llm", "pi-messages", "pi-gemini"])
def test_half_an_answer_is_not_a_whole_one(stage: Stage, name: str) -> None:
    played = stage.play(BY_NAME[name], "broken")
    assert played.heard[0].stream, played
    first, *others = played.rows
    assert (first["status"], first["error"]) == ("truncated", "upstream_truncated"), played
    if others:
        assert played.outcome.code == 0, played
        assert scripted_model.spoken(played.name) in played.outcome.stdout, played
        assert [row["status"] for row in others] == ["ok"], played
    else:
        assert played.outcome.code != 0, played
