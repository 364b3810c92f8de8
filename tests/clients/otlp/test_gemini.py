"""Gemini CLI's telemetry: two events of one answer, one with the counts and one with the id."""

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.otlp.batches import Batch, Record, Value
from llm_gateway.clients.otlp.gemini import gemini

AT_US = 1_795_161_600_250_000
STAMP = "2026-11-20T08:00:00.250Z"


def response(**told: Value) -> Record:
    counts: dict[str, Value] = {
        "session.id": "s",
        "event.timestamp": STAMP,
        "model": "gemini-2.5-flash",
        "input_token_count": 83,
        "cached_content_token_count": 16,
        "output_token_count": 4,
        "thoughts_token_count": 7,
        "tool_token_count": 2,
        "role": "main",
    }
    return Record(AT_US + 900, {**counts, **told}, "gemini_cli.api_response")


def details(answer_id: str, sent: int = 83, stamp: str = STAMP) -> Record:
    told: dict[str, Value] = {
        "session.id": "s",
        "event.timestamp": stamp,
        "gen_ai.response.id": answer_id,
        "gen_ai.usage.input_tokens": sent,
        "gen_ai.usage.output_tokens": 4,
    }
    return Record(AT_US, told, "gen_ai.client.inference.operation.details")


def batch(*records: Record) -> Batch:
    return Batch("gemini-cli", "v22", "gemini-cli", records)


def test_thoughts_and_what_tools_brought_are_counted_beside() -> None:
    (answer,) = gemini(batch(response()))
    assert answer.usage == Usage(uncached=69, cache_read=16, output=11, reasoning=7)
    assert (answer.client, answer.session, answer.model) == ("gemini-cli", "s", "gemini-2.5-flash")
    assert (answer.at_us, answer.asked, answer.version) == (AT_US, "", "")


def test_the_id_is_that_of_the_other_event_of_the_same_answer() -> None:
    two = [response(), response(input_token_count=90)]
    told = list(gemini(batch(details("b", 90), *two, details("a"))))
    assert [each.answer_id for each in told] == ["a", "b"]
    late = details("a", stamp="2026-11-20T08:00:00.251Z")
    assert [each.answer_id for each in gemini(batch(response(), late))] == [""]


def test_the_mark_is_the_same_with_and_without_the_id() -> None:
    (with_id,) = gemini(batch(response(), details("a")))
    (without,) = gemini(batch(response()))
    assert with_id.answer_id and with_id.mark == without.mark


def test_an_id_is_given_once() -> None:
    assert [each.answer_id for each in gemini(batch(response(), response(), details("a")))] == ["a", ""]


@pytest.mark.parametrize(
    ("role", "label"),
    [
        ("main", ""),
        ("utility_router", "router"),
        ("utility_compressor", "compaction"),
        ("utility_next_speaker", "utility"),
        ("subagent", "sub-agent"),
        ("subagent_codebase_investigator", "sub-agent"),
        ("", ""),
    ],
)
def test_what_it_asked_for_itself_is_labelled(role: str, label: str) -> None:
    (answer,) = gemini(batch(response(role=role)))
    assert answer.label == label
