"""Qwen Code's log: events, messages of versions without any, calls of the program's own, sums of answers."""

from pathlib import Path

import pytest

from clients.logs.written import SESSION, lines, stamp
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.qwen import qwen
from llm_gateway.clients.logs.reading import Log
from llm_gateway.ledger.sightings import Sighting


def event(key: str, /, **more: object) -> dict[str, object]:
    told = {
        "event.name": "qwen-code.api_response",
        "response_id": f"chatcmpl-{key}",
        "model": "m",
        "input_token_count": 40,
        "output_token_count": 12,
        "cached_content_token_count": 8,
        "thoughts_token_count": 5,
        "total_token_count": 52,
        **more,
    }
    return {
        "uuid": key,
        "sessionId": SESSION,
        "timestamp": stamp(1),
        "type": "system",
        "subtype": "ui_telemetry",
        "version": "0.24.4",
        "systemPayload": {"uiEvent": told},
    }


def message(key: str, total: int = 52) -> dict[str, object]:
    metadata = {
        "promptTokenCount": 40,
        "candidatesTokenCount": 12,
        "cachedContentTokenCount": 8,
        "thoughtsTokenCount": 5,
        "totalTokenCount": total,
    }
    return {
        "uuid": key,
        "sessionId": SESSION,
        "timestamp": stamp(1),
        "type": "assistant",
        "model": "m",
        "usageMetadata": metadata,
    }


def read(tmp_path: Path, *values: object, name: str = "log.jsonl") -> list[Sighting]:
    path = tmp_path / name
    path.write_bytes(lines(*values))
    told = qwen(Log(path, "qwen-code", "m", 5), "")
    assert not told.problems
    return told.sightings


def test_an_event_is_an_answer_and_its_message_is_the_same(tmp_path: Path) -> None:
    (answer,) = read(tmp_path, event("a"), message("b"))
    assert answer.usage == Usage(32, 8, 0, 12, 5)
    assert (answer.answer_id, answer.session, answer.version) == ("chatcmpl-a", SESSION, "0.24.4")


def test_without_events_messages_are_answers(tmp_path: Path) -> None:
    told = read(tmp_path, message("a"), message("b"), {**message("c"), "usageMetadata": None})
    assert [(each.mark, each.usage) for each in told] == [
        ("a", Usage(32, 8, 0, 12, 5)),
        ("b", Usage(32, 8, 0, 12, 5)),
    ]


def test_thoughts_are_where_the_total_says(tmp_path: Path) -> None:
    told = read(tmp_path, event("a", total_token_count=57), message("b"))
    assert [each.usage for each in told] == [Usage(32, 8, 0, 17, 5)]
    assert [each.usage.output for each in read(tmp_path, message("a", 57))] == [17]


@pytest.mark.parametrize(
    ("agent", "label"),
    [(None, ""), ("managed-auto-memory-extractor", "memory"), ("general-purpose", "sub-agent")],
)
def test_who_asked_by_itself_is_labelled(tmp_path: Path, agent: str | None, label: str) -> None:
    assert [each.label for each in read(tmp_path, event("a", subagent_name=agent))] == [label]


def test_other_events_and_sums_are_no_answers(tmp_path: Path) -> None:
    sums = {"version": 1, "sessionId": SESSION, "models": {"m": {"requests": 2, "inputTokens": 80}}}
    tool = event("a", **{"event.name": "qwen-code.tool_call", "function_name": "qwen-code.api_response"})
    assert read(tmp_path, sums, sums, name="usage_record.jsonl") == []
    assert read(tmp_path, tool) == []
