"""Spans by the GenAI conventions: the innermost is the answer; older spellings; who it is, by its service."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.otlp.batches import Batch, Record, Value
from llm_gateway.clients.otlp.conventions import READS, conventions

AT_US = 1_795_161_600_000_000
INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
CHAT: dict[str, Value] = {"gen_ai.operation.name": "chat", INPUT: 83, OUTPUT: 9}


def made(own: str, parent: str = "", told: dict[str, Value] | None = None, trace: str = "t") -> Record:
    return Record(AT_US, CHAT if told is None else told, trace=trace, span=own, parent=parent)


def batch(*records: Record, service: str = "github-copilot") -> Batch:
    return Batch(service, "1.0.102", "", records)


def marks(*records: Record) -> list[str]:
    return [each.mark for each in conventions([batch(*records)])]


def test_a_call_is_an_answer() -> None:
    told: dict[str, Value] = {
        **CHAT,
        "gen_ai.usage.cache_read.input_tokens": 16,
        "gen_ai.usage.cache_creation.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "m-2026",
        "gen_ai.request.model": "m",
        "gen_ai.conversation.id": "c",
        "server.address": "127.0.0.1",
    }
    (answer,) = conventions([batch(made("1", told=told))])
    assert answer.usage == Usage(uncached=64, cache_read=16, cache_write=3, output=9, reasoning=5)
    assert (answer.answer_id, answer.model, answer.session) == ("chatcmpl-1", "m-2026", "c")
    assert (answer.asked, answer.mark, answer.version) == ("127.0.0.1", "t:1", "1.0.102")
    assert (answer.client, answer.label) == ("github-copilot", "")


def test_input_that_is_less_than_what_was_cached_was_told_without_it() -> None:
    told: dict[str, Value] = {**CHAT, INPUT: 5, "gen_ai.usage.cache_read_input_tokens": 100}
    (answer,) = conventions([batch(made("1", told=told))])
    assert answer.usage == Usage(uncached=5, cache_read=100, output=9)


def test_older_spellings_are_read() -> None:
    told: dict[str, Value] = {
        "gen_ai.usage.prompt_tokens": 83,
        "gen_ai.usage.completion_tokens": 9,
        "gen_ai.usage.reasoning_tokens": 5,
        "gen_ai.request.model": "m",
        "session.id": "s",
    }
    (answer,) = conventions([batch(made("1", told=told))])
    assert (answer.usage, answer.model, answer.session) == (Usage(83, output=9, reasoning=5), "m", "s")
    assert told.keys() <= READS


@pytest.mark.parametrize("operation", ["invoke_agent", "execute_tool", "create_agent", "invoke_workflow"])
def test_what_sums_up_calls_is_none(operation: str) -> None:
    assert marks(made("1", told={**CHAT, "gen_ai.operation.name": operation})) == []


def test_a_span_without_counts_is_none() -> None:
    assert marks(made("1", told={"gen_ai.operation.name": "chat"}), made("2", told={})) == []


def test_of_calls_in_one_another_the_innermost_counts() -> None:
    plain = made("2", "1", {})
    assert marks(made("1"), plain, made("3", "2")) == ["t:3"]
    assert marks(made("3", "2"), made("4", "2"), plain, made("1")) == ["t:3", "t:4"]
    assert marks(made("1"), made("1", trace="u"), made("3", "1", trace="u")) == ["t:1", "u:3"]
    other = batch(made("3", "1"), service="x")
    assert [each.mark for each in conventions([batch(made("1")), other])] == ["t:3"]


def test_a_sub_agent_is_labelled() -> None:
    (answer,) = conventions([batch(made("1", told={**CHAT, "github.copilot.initiator": "sub-agent"}))])
    assert answer.label == "sub-agent"


def test_a_program_that_nobody_knows_goes_by_its_name() -> None:
    (answer,) = conventions([batch(made("1"), service="Ünser Werkzeug\n" + "x" * 99)])
    assert (answer.client, answer.label) == ("openai-compatible", "")
    assert answer.version.endswith("/1.0.102") and answer.version.isascii() and len(answer.version) == 72
    (nameless,) = conventions([batch(made("1"), service="")])
    assert (nameless.client, nameless.version) == ("openai-compatible", "1.0.102")


def test_without_ids_an_answer_is_told_by_its_own_and_its_time() -> None:
    assert marks(Record(AT_US, {**CHAT, "gen_ai.response.id": "r"})) == [f"r:{AT_US}"]


SPANS = st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=9)


@given(spans=SPANS)
def test_an_answer_has_no_other_inside(spans: list[tuple[int, bool]]) -> None:
    parents = {str(own + 1): str(min(parent, own)) for own, (parent, _) in enumerate(spans)}
    calls = {str(own + 1) for own, (_, answers) in enumerate(spans) if answers}
    records = [made(own, parent.strip("0"), CHAT if own in calls else {}) for own, parent in parents.items()]
    outer = set()
    for call in calls:
        above = parents[call]
        while above != "0":
            outer.add(above)
            above = parents[above]
    assert set(marks(*reversed(records))) == {f"t:{call}" for call in calls - outer}


def test_a_span_that_is_its_own_parent_is_read_once() -> None:
    assert marks(made("1", "1")) == ["t:1"]


def test_a_long_chain_is_walked_once() -> None:
    chain = [made(str(number), str(number - 1)) for number in range(1, 20_000)]
    assert marks(*chain) == ["t:19999"]
