"""Cline's documents: answers, which way input was counted, members of a team, sums that are not counted."""

import json
from pathlib import Path

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.cline import cline
from llm_gateway.clients.logs.reading import Log, Read


def said(key: str, /, **metrics: object) -> dict[str, object]:
    model = {"id": "m", "provider": "anthropic"}
    return {"id": key, "role": "assistant", "ts": 1795161600000, "modelInfo": model, "metrics": metrics}


def read(tmp_path: Path, *messages: object, **more: object) -> Read:
    path = tmp_path / "1.messages.json"
    document = {"version": 1, "agent": "lead", "sessionId": "1", "origin": {"version": "3.0.65"}}
    path.write_text(json.dumps({**document, "messages": messages, **more}))
    return cline(Log(path, "cline", "m", 5), "")


def test_answers(tmp_path: Path) -> None:
    told = read(
        tmp_path,
        {"id": "u", "role": "user", "content": []},
        said("a", inputTokens=40, outputTokens=12, cacheReadTokens=8),
        said("b", inputTokens=3, outputTokens=12, cacheReadTokens=800, cacheWriteTokens=5),
        {"id": "c", "role": "assistant"},
    )
    assert [(each.mark, each.usage) for each in told.sightings] == [
        ("1:a", Usage(32, 8, 0, 12)),
        ("1:b", Usage(3, 800, 5, 12)),
    ]
    first = told.sightings[0]
    assert (first.at_us, first.session, first.model) == (1_795_161_600_000_000, "1", "m")
    assert (first.asked, first.version, first.label) == ("anthropic", "3.0.65", "")


def test_a_member_of_a_team(tmp_path: Path) -> None:
    assert [each.label for each in read(tmp_path, said("a"), agent="reviewer").sightings] == ["sub-agent"]


def test_a_newer_form_is_said_and_read(tmp_path: Path) -> None:
    told = read(tmp_path, said("a"), version=9)
    assert (len(told.sightings), len(told.problems)) == (1, 1)


@pytest.mark.parametrize("more", [{"origin": None}, {"sessionId": None}, {"agent": None}])
def test_what_is_missing_is_nothing(tmp_path: Path, more: dict[str, object]) -> None:
    told = read(tmp_path, {"role": "assistant", "metrics": {}}, **more)
    assert [each.usage for each in told.sightings] == [Usage()]


def test_the_document_of_sums_has_no_answers(tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    path.write_text(json.dumps({"version": 1, "session_id": "1", "metadata": {"usage": {"inputTokens": 40}}}))
    assert cline(Log(path, "cline", "m", 5), "").sightings == []
