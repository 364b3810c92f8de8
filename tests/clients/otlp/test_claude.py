"""Claude Code's telemetry: an event is an answer; what asked, whom, and what tells it from the next."""

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.otlp.batches import Batch, Record, Value
from llm_gateway.clients.otlp.claude import READS, claude
from llm_gateway.ledger.sightings import Sighting

SCOPE = "com.anthropic.claude_code.events"
TOLD: dict[str, Value] = {"request_id": "req_1", "session.id": "s", "input_tokens": 5, "output_tokens": 2}


def read(told: dict[str, Value], *, scope: str = SCOPE, service: str = "claude-code") -> list[Sighting]:
    record = Record(1_795_161_600_000_000, {**TOLD, **told}, "api_request")
    return list(claude(Batch(service, "2.1.330", scope, (record, Record(1, {}, "user_prompt")))))


def test_an_event_is_an_answer() -> None:
    (answer,) = read({"cache_read_tokens": 100, "cache_creation_tokens": 7, "model": "claude-opus-5-5"})
    assert answer.usage == Usage(uncached=5, cache_read=100, cache_write=7, output=2)
    assert (answer.client, answer.request_id, answer.mark) == ("claude-code", "req_1", "req_1")
    assert (answer.session, answer.model, answer.version) == ("s", "claude-opus-5-5", "2.1.330")


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("sdk", ""),
        ("repl_main_thread", ""),
        ("generate_session_title", "title"),
        ("compact", "compaction"),
        ("agent:custom:secret-project", "sub-agent"),
        ("something new", ""),
    ],
)
def test_what_it_asked_for_itself_is_labelled(source: str, label: str) -> None:
    (answer,) = read({"query_source": source})
    assert answer.label == label


def test_whom_it_asked() -> None:
    assert [each.asked for each in read({"anthropic.provider": "bedrock"})] == ["bedrock"]
    told: dict[str, Value] = {"anthropic.provider": "firstParty", "anthropic.custom_base_url": True}
    assert [each.asked for each in read(told)] == ["custom"]
    told["anthropic.custom_base_url"] = False
    assert [each.asked for each in read(told)] == ["firstParty"]


def test_without_an_id_an_answer_is_told_by_its_place() -> None:
    marks = set()
    for sequence in (6, 7):
        for stamp in ("2026-11-20T08:00:00.250Z", "2026-11-20T09:00:00.250Z"):
            told: dict[str, Value] = {"request_id": "", "event.sequence": sequence, "event.timestamp": stamp}
            (answer,) = read(told)
            marks.add(answer.mark)
    assert len(marks) == 4


def test_a_renamed_service_is_known_by_its_scope_and_a_like_event_of_others_is_not() -> None:
    assert [each.client for each in read({}, service="team-assistant")] == ["claude-code"]
    assert read({}, scope="somebody.else") == []


def test_what_started_it_is_a_program_of_its_own() -> None:
    for entrypoint, client in (
        ("claude-desktop", "claude-desktop"),
        ("sdk-cli", "claude-code"),
        ("", "claude-code"),
    ):
        assert [each.client for each in read({"app.entrypoint": entrypoint})] == [client]


def test_every_attribute_that_is_read_is_declared() -> None:
    assert {"request_id", "session.id", "anthropic.custom_base_url"} <= READS
