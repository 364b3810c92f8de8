"""Answers: one of ours of as many as the program needs, calls by the client's names, forms, usage."""

import msgspec

from bridges.claude.claude_stage import Json, calls, made, says, stops
from llm_gateway.bridges.claude.answer import Answer
from llm_gateway.canonical.events import Finished, Measured, Started, TextDelta
from llm_gateway.canonical.parts import Text, ToolCall
from llm_gateway.canonical.request import CustomTool, Format, FunctionTool, Request
from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.dialects.bridge.stream import Lost, Said

PLAIN = Request(())
TOOLS = Request((), (FunctionTool("weather"), CustomTool("patch")))
FORM = Request((), format=Format("json"))


def fed(answer: Answer, *frames: Json) -> list[Said]:
    return [said for frame in frames for said in answer.feed(msgspec.json.encode(frame["event"]))]


def over(answer: Answer) -> Finished | None:
    return answer.over


def midway(answer: Answer) -> bool:
    return answer.midway


def test_text_passes_and_the_end_is_kept() -> None:
    answer = Answer(PLAIN, {})
    said = fed(answer, *says("Hello.", ""))
    assert midway(answer)
    said += fed(answer, *stops("end_turn"))
    assert not midway(answer)
    assert said == [
        Started("msg_1", "claude-x"),
        Measured(Usage(12, 8, output=1)),
        TextDelta("Hello.", new=True),
        Measured(Usage(12, 8, output=5)),
    ]
    assert answer.over == Finished("stop", native="end_turn")
    assert answer.folding.response().parts == (Text("Hello."),)


def test_calls_have_the_clients_names() -> None:
    answer = Answer(TOOLS, {"shortened": "a much longer name"})
    said = fed(
        answer,
        *says("Well.", ""),
        *calls(
            ("toolu_1", "mcp__c__weather", '{"city":"Bonn"}'),
            ("toolu_2", "Bash", '{"command":"ls"}'),
            ("toolu_3", "mcp__c__shortened", "{}"),
            ("toolu_4", "mcp__c__patch", '{"input":"*** Begin"}'),
            begins=False,
        ),
    )
    assert answer.over is not None
    assert answer.over.reason == "tool_calls"
    assert answer.calls == {"toolu_1", "toolu_3", "toolu_4"}
    assert made(said).parts == (
        Text("Well."),
        ToolCall("toolu_1", "weather", '{"city":"Bonn"}'),
        ToolCall("toolu_3", "a much longer name", "{}"),
        ToolCall("toolu_4", "patch", "*** Begin", custom=True),
    )


def test_a_call_that_is_nobodys_is_the_programs_own_affair() -> None:
    answer = Answer(PLAIN, {})
    said = fed(answer, *calls(("toolu_1", "Bash", '{"command":"ls"}')))
    assert over(answer) is None
    said += fed(answer, *says("There is no such tool."))
    assert over(answer) == Finished("stop", native="end_turn")
    assert [type(each) for each in said].count(Started) == 1
    assert made(said).parts == (Text("There is no such tool."),)
    assert made(said).usage == Usage(24, 16, output=10), "both were asked for"


def test_an_answer_in_form_comes_at_the_end_alone() -> None:
    answer = Answer(FORM, {})
    said = fed(answer, *says("Well, "), *calls(("toolu_1", "StructuredOutput", '{"a":1}')))
    assert over(answer) is None
    assert not any(isinstance(each, TextDelta) for each in said)
    assert list(answer.end(b'{"a":1}')) == [
        Lost("response.text", "what was said beside the answer in form"),
        TextDelta('{"a":1}', new=True),
    ]
    assert answer.over == Finished("stop", native="end_turn")


def test_a_call_comes_before_the_form() -> None:
    answer = Answer(msgspec.structs.replace(TOOLS, format=Format("json")), {})
    said = fed(answer, *says("First, ", ""), *calls(("toolu_1", "mcp__c__weather", "{}"), begins=False))
    assert answer.over is not None
    assert made(said).parts == (Text("First, "), ToolCall("toolu_1", "weather", "{}"))


def test_what_other_dialects_cannot_say_is_lost_aloud() -> None:
    answer = Answer(PLAIN, {})
    block = {"type": "container_upload"}
    odd = {"event": {"type": "content_block_start", "index": 1, "content_block": block}}
    said = fed(answer, *says("Hello.", ""), odd, *stops("end_turn"))
    assert any(isinstance(each, Lost) and "container_upload" in each.what for each in said)


def test_a_refusal_and_a_limit_are_ends_like_any() -> None:
    for word, reason in (("refusal", "refusal"), ("max_tokens", "length")):
        answer = Answer(PLAIN, {})
        fed(answer, *says("No", word))
        assert answer.over is not None
        assert answer.over.reason == reason


def test_several_answers_of_the_api_are_one_usage_with_all_its_parts() -> None:
    """Lifetimes of caches and searches are added up, too: 4 + 4 for an hour, 1 + 1 searches."""
    usage = {
        "input_tokens": 12,
        "cache_creation_input_tokens": 9,
        "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 4},
        "output_tokens": 1,
        "server_tool_use": {"web_search_requests": 1},
        "service_tier": "priority",
    }
    start = {"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "usage": usage}}
    answer = Answer(FORM, {})
    said: list[Said] = []
    for _ in range(2):
        said += answer.feed(msgspec.json.encode(start))
        said += fed(answer, *stops("end_turn"))
    told = [each for each in said if isinstance(each, Measured)][-1]
    assert told.tier == "priority"
    assert told.usage.cache_write_1h == 8
    assert told.usage.special == Special(searches=2)
    assert (told.usage.uncached, told.usage.cache_write) == (24, 18)
