"""Claude Code's log: an answer on several lines, sub-agents, calls of the program's own, made-up answers."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from clients.logs.written import SESSION, lines, stamp
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.logs.claude import claude
from llm_gateway.clients.logs.reading import Log, Read
from llm_gateway.ledger.sightings import Sighting

LATER = 4_000_000_000_000_000


def line(
    answer: str, output: object = 5, stop: str | None = "end_turn", /, **more: object
) -> dict[str, object]:
    usage: Mapping[str, object] = {
        "input_tokens": 3,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 50,
        "output_tokens": output,
    }
    return {
        "type": "assistant",
        "message": {"id": answer, "model": "claude-opus-4-5", "stop_reason": stop, "usage": usage},
        "requestId": f"req_{answer}",
        "sessionId": SESSION,
        "timestamp": stamp(1),
        "version": "2.1.330",
        **more,
    }


def read(path: Path, *values: object, now_us: int = LATER) -> Read:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(lines(*values))
    told = claude(Log(path, "claude-code", "m", now_us), "")
    assert not told.problems
    return told


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / f"{SESSION}.jsonl"


def outputs(told: Read) -> list[tuple[str, int]]:
    return [(each.answer_id, each.usage.output) for each in told.sightings]


def test_an_answer_is_told_once_with_its_last_counts(log: Path) -> None:
    told = read(log, line("a", 1, None), line("a", 40), line("a", 40))
    assert outputs(told) == [("a", 40)]
    (answer,) = told.sightings
    assert (answer.usage.uncached, answer.usage.cache_read, answer.usage.cache_write) == (3, 200, 50)
    assert (answer.mark, answer.request_id, answer.session) == ("a:req_a", "req_a", SESSION)
    assert (answer.model, answer.version, answer.label) == ("claude-opus-4-5", "2.1.330", "")


def test_the_last_line_counts_where_no_line_is_said_to_be_the_last(log: Path) -> None:
    told = read(log, line("a", 1, None), line("a", 7, None), line("b", 2, None), line("b", 9, None))
    assert outputs(told) == [("a", 7), ("b", 9)]
    assert outputs(read(log, line("a", 1, None), line("a", 7, None), line("b", 2, None), now_us=0)) == [
        ("a", 7)
    ]


def test_blocks_of_one_answer_may_have_results_between_them(log: Path) -> None:
    result = {"type": "user", "message": {"content": "text"}, "toolUseResult": {"usage": {"input_tokens": 9}}}
    assert outputs(read(log, line("a", 1, None), result, line("a", 8, None), result, line("a", 9))) == [
        ("a", 9)
    ]


def test_sub_agents_in_the_same_file_do_not_end_each_other(log: Path) -> None:
    told = read(
        log,
        line("a", 1, None, isSidechain=True),
        line("b", 2, None, isSidechain=True),
        line("a", 10, None, isSidechain=True),
        line("m", 4),
        line("b", 20, None, isSidechain=True),
    )
    assert sorted(outputs(told)) == [("a", 10), ("b", 20), ("m", 4)]
    assert {each.answer_id: each.label for each in told.sightings} == {
        "a": "sub-agent",
        "b": "sub-agent",
        "m": "",
    }


def test_what_is_never_finished_is_bounded(log: Path) -> None:
    told = read(log, *(line(f"{n}", n, None, isSidechain=True) for n in range(100)), now_us=0)
    assert len(told.sightings) == 100 - 32
    assert len(told.state) < 20_000


def test_a_sub_agents_own_file(tmp_path: Path) -> None:
    told = read(tmp_path / "subagents" / "agent-1.jsonl", line("a", 1, None), line("a", 3, None), line("b"))
    assert outputs(told) == [("a", 3), ("b", 5)]
    assert {each.label for each in told.sightings} == {"sub-agent"}


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("sdk", ""),
        ("repl_main_thread", ""),
        ("generate_session_title", "title"),
        ("extract_memories", "memory"),
        ("compact", "compaction"),
        ("agent:custom", "sub-agent"),
    ],
)
def test_a_call_of_the_programs_own_is_labelled(log: Path, source: str, label: str) -> None:
    call = {"type": "api-request", "id": "ref", "querySource": source, "params": {"model": "m"}}
    assert [each.label for each in read(log, call, line("a", requestRef="ref")).sightings] == [label]


def test_a_label_is_remembered_from_one_reading_to_the_next(log: Path) -> None:
    first = read(log, {"type": "api-request", "id": "ref", "querySource": "compact"})
    with log.open("ab") as file:
        file.write(lines(line("a", requestRef="ref")))
    told = claude(Log(log, "claude-code", "m", LATER), first.state)
    assert [each.label for each in told.sightings] == ["compaction"]


def test_calls_without_an_answer_are_forgotten(log: Path) -> None:
    calls = [{"type": "api-request", "id": f"r{n}", "querySource": "compact"} for n in range(500)]
    assert len(read(log, *calls).state) < 3000


def test_an_error_that_the_program_wrote_itself_is_no_answer(log: Path) -> None:
    error = line("a", 0, isApiErrorMessage=True)
    message = error["message"]
    assert isinstance(message, dict)
    message["model"] = "<synthetic>"
    assert read(log, error).sightings == []


@pytest.mark.parametrize("row", [row for row in catalog().values() if row.vendor == "Anthropic"])
def test_the_vendors_other_programs_are_told_by_the_names_they_give(log: Path, row: object) -> None:
    match row:
        case object(id=str(client)):
            told = read(log, line("a", entrypoint=client), line("b", entrypoint="sdk-cli"), line("c"))
            assert [each.client for each in told.sightings] == [client, "claude-code", "claude-code"]


def test_what_is_missing_is_nothing(log: Path) -> None:
    told = read(log, {"type": "assistant", "message": {"usage": {}}})
    (answer,) = told.sightings
    assert answer == Sighting("claude-code", "m", "log", f"{LATER}", LATER)
    nameless = [{"type": "assistant", "uuid": f"u{n}", "message": {"usage": {}}} for n in range(3)]
    assert [each.mark for each in read(log, *nameless).sightings] == ["u0", "u1", "u2"]


def test_how_long_a_cache_is_kept_is_told_with_what_was_written(log: Path) -> None:
    usage = {
        "input_tokens": 3,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 50,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
        "output_tokens": 5,
    }
    message = {"id": "a", "model": "m", "stop_reason": "end_turn", "usage": usage}
    (answer,) = read(log, line("a", message=message)).sightings
    assert answer.usage == Usage(3, 200, 50, 5, cache_write_1h=30)
