"""Codex's telemetry: the end of an answer's stream, with counts that may be texts; which of its programs."""

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.otlp.batches import Batch, Record, Value
from llm_gateway.clients.otlp.codex import codex

AT_US = 1_795_161_600_000_000
TOLD: dict[str, Value] = {
    "conversation.id": "c",
    "event.kind": "response.completed",
    "input_token_count": "83",
    "cached_token_count": 16,
    "cache_write_token_count": 3,
    "output_token_count": "9",
    "reasoning_token_count": 5,
    "model": "gpt-5.5",
}


def completed(at_us: int = AT_US, **told: Value) -> Record:
    return Record(at_us, {**TOLD, **told}, "codex.sse_event")


def batch(*records: Record, service: str = "codex_exec") -> Batch:
    return Batch(service, "0.169.0", "codex_otel.log_only", records)


def test_the_end_of_a_stream_is_an_answer() -> None:
    (answer,) = codex(batch(completed()))
    assert answer.usage == Usage(uncached=64, cache_read=16, cache_write=3, output=9, reasoning=5)
    assert (answer.session, answer.model, answer.version) == ("c", "gpt-5.5", "0.169.0")
    assert (answer.answer_id, answer.request_id, answer.label) == ("", "", "")


@pytest.mark.parametrize("count", ["", "-1", "9.5", "٣", "9" * 40, True, float("nan")])
def test_a_count_that_is_none_is_nothing(count: Value) -> None:
    (answer,) = codex(batch(completed(input_token_count=count, output_token_count=count)))
    assert answer.usage == Usage()


def test_other_events_are_no_answers() -> None:
    others = (
        Record(AT_US, {**TOLD, "event.kind": "response.created"}, "codex.sse_event"),
        Record(AT_US, TOLD, "codex.websocket_event"),
        Record(AT_US, {"conversation.id": "c", "event.kind": "response.completed"}, "codex.sse_event"),
    )
    assert list(codex(batch(*others))) == []


def test_the_moment_tells_answers_of_a_conversation_apart() -> None:
    first, second, again = codex(batch(completed(), completed(AT_US + 1), completed()))
    assert first.mark == again.mark != second.mark
    stamp = "2026-11-20T08:00:00.250Z"
    stamped = Record(0, {**TOLD, "event.timestamp": stamp}, "codex.sse_event")
    assert [each.mark for each in codex(batch(stamped))] == ["c:1795161600250000"]


def test_whom_a_conversation_asks_is_told_at_its_beginning() -> None:
    began = Record(AT_US, {"conversation.id": "c", "provider_name": "OpenAI"}, "codex.conversation_starts")
    assert [each.asked for each in codex(batch(began, completed()))] == ["OpenAI"]
    other = Record(AT_US, {**TOLD, "conversation.id": "d"}, "codex.sse_event")
    assert [each.asked for each in codex(batch(began, other))] == [""]


@pytest.mark.parametrize(
    ("service", "originator", "client"),
    [
        ("codex_exec", "codex_exec", "codex-cli"),
        ("codex_vscode", "codex_vscode", "codex-ide"),
        ("Codex Desktop", "Codex Desktop", "codex-desktop"),
        ("renamed", "codex_vscode", "codex-ide"),
        ("Codex Desktop", "", "codex-desktop"),
        ("my_front_end", "my_front_end", "codex-cli"),
    ],
)
def test_which_of_its_programs(service: str, originator: str, client: str) -> None:
    (answer,) = codex(batch(completed(originator=originator), service=service))
    assert answer.client == client
