"""Codex's log: records where there are any, else the last counts, never their sum; forks; other programs."""

from pathlib import Path

import pytest

from clients.logs.written import SESSION, lines, stamp
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.logs.codex import codex
from llm_gateway.clients.logs.reading import Log
from llm_gateway.ledger.sightings import Sighting

COUNTS = {
    "input_tokens": 40,
    "cached_input_tokens": 8,
    "cache_write_input_tokens": 2,
    "output_tokens": 12,
    "reasoning_output_tokens": 5,
    "total_tokens": 52,
}


def meta(**more: object) -> dict[str, object]:
    payload = {
        "id": SESSION,
        "originator": "codex_exec",
        "cli_version": "0.169.0",
        "model_provider": "openai",
    }
    return {"timestamp": stamp(0), "type": "session_meta", "payload": {**payload, **more}}


def context(model: str) -> dict[str, object]:
    return {"timestamp": stamp(0), "type": "turn_context", "payload": {"model": model}}


def record(answer: str, total: int, session: str = SESSION) -> dict[str, object]:
    payload = {
        "session_id": session,
        "response_id": answer,
        "usage": COUNTS,
        "thread_token_usage": {**COUNTS, "total_tokens": total},
    }
    return {"timestamp": stamp(1), "type": "token_usage_record", "payload": payload}


def event(total: int, last: object = COUNTS) -> dict[str, object]:
    info = {"total_token_usage": {**COUNTS, "total_tokens": total}, "last_token_usage": last}
    return {"timestamp": stamp(2), "type": "event_msg", "payload": {"type": "token_count", "info": info}}


def read(tmp_path: Path, *values: object) -> list[Sighting]:
    path = tmp_path / f"rollout-{SESSION}.jsonl"
    path.write_bytes(lines(*values))
    told = codex(Log(path, "codex-cli", "m", 5), "")
    assert not told.problems
    return told.sightings


def test_a_record_is_an_answer(tmp_path: Path) -> None:
    (answer,) = read(tmp_path, meta(), context("gpt-5.5"), record("resp_1", 52), event(52))
    assert answer.usage == Usage(30, 8, 2, 12, 5)
    assert (answer.answer_id, answer.session, answer.model) == ("resp_1", SESSION, "gpt-5.5")
    assert (answer.asked, answer.version, answer.label) == ("openai", "0.169.0", "")


def test_the_model_of_an_answer_is_that_of_its_turn(tmp_path: Path) -> None:
    told = read(
        tmp_path, meta(), context("one"), record("a", 52), context("two"), record("b", 104), record("c", 156)
    )
    assert [each.model for each in told] == ["one", "two", "two"]


def test_without_records_the_last_counts_are_answers_and_are_told_once(tmp_path: Path) -> None:
    nothing = {"timestamp": stamp(1), "type": "event_msg", "payload": {"type": "token_count", "info": None}}
    told = read(tmp_path, meta(), nothing, event(52), event(52), event(104), event(104), event(156))
    assert [each.usage.total for each in told] == [52, 52, 52], "never the sum"
    assert len({each.mark for each in told}) == 3


def test_a_conversation_that_a_newer_version_goes_on_with(tmp_path: Path) -> None:
    told = read(tmp_path, meta(), event(52), record("a", 104), event(104), record("b", 156), event(156))
    assert [each.answer_id for each in told] == ["", "a", "b"]


def test_what_a_fork_takes_along_has_the_same_marks(tmp_path: Path) -> None:
    first = read(tmp_path, meta(), record("a", 52))
    fork = read(tmp_path, meta(id="fork"), meta(), record("a", 52), record("b", 104, "fork"))
    assert fork[0].mark == first[0].mark
    assert [each.session for each in fork] == [SESSION, "fork"]


def test_answers_with_the_same_id_are_told_apart(tmp_path: Path) -> None:
    assert len({each.mark for each in read(tmp_path, meta(), record("x", 52), record("x", 104))}) == 2


@pytest.mark.parametrize(
    "more", [{"thread_source": "subagent"}, {"source": {"subagent": {"kind": "review"}}}]
)
def test_sub_agents_are_labelled(tmp_path: Path, more: dict[str, object]) -> None:
    assert [each.label for each in read(tmp_path, meta(**more), record("a", 52))] == ["sub-agent"]


@pytest.mark.parametrize("row", [row for row in catalog().values() if row.vendor == "OpenAI" and row.agents])
def test_the_programs_with_the_same_engine_are_told_by_the_names_they_give(
    tmp_path: Path, row: object
) -> None:
    match row:
        case object(id=str(client), agents=tuple(agents)):
            name = str(agents[0]).rstrip("/")
            (answer,) = read(tmp_path, meta(originator=name), record("a", 52))
            assert answer.client == client


def test_what_is_missing_is_nothing(tmp_path: Path) -> None:
    (answer,) = read(tmp_path, {"type": "token_usage_record", "payload": {"usage": {}}})
    assert answer == Sighting("codex-cli", "m", "log", "::0", 5)
