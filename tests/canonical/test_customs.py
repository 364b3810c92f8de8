"""Tools that take free text, as functions and back, whole and in a stream."""

import json

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.customs import CustomCalls, function_of, unwrapped, with_customs, wrapped
from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Event,
    Finished,
    Measured,
    Started,
    TextDelta,
)
from llm_gateway.canonical.parts import Text, ToolCall
from llm_gateway.canonical.request import CustomTool
from llm_gateway.canonical.response import Response, fold, unfold
from llm_gateway.canonical.usage import Usage


def test_a_function_with_one_string_stands_for_a_custom_tool() -> None:
    function = function_of(CustomTool("sh", "Run it."))
    assert (function.name, function.description, function.strict) == ("sh", "Run it.", None)
    schema = json.loads(bytes(function.schema or b""))
    assert schema["required"] == ["input"] and schema["properties"]["input"]["type"] == "string"


def test_a_grammar_is_told_to_the_model() -> None:
    function = function_of(CustomTool("sh", "Run it.", "lark", "start: x"))
    assert function.description == "Run it.\n\n`input` must match this lark grammar:\nstart: x"
    assert function_of(CustomTool("sh", "", "regex", "a+")).description.startswith("`input` must match")


@given(text=st.text())
def test_free_text_comes_back_as_it_was(text: str) -> None:
    call = ToolCall("c", "sh", text, custom=True)
    told = wrapped(call)
    assert not told.custom and json.loads(told.arguments) == {"input": text}
    assert unwrapped(told.arguments) == text


def test_arguments_of_another_form_stay() -> None:
    for arguments in ("", "{", "[]", '{"inputs":"a"}', '{"input":7}', "ls"):
        assert unwrapped(arguments) == arguments


def test_only_calls_of_custom_tools_are_turned_back() -> None:
    inside = '{"input":"ls"}'
    response = Response(
        parts=(
            Text("a"),
            ToolCall("1", "sh", inside),
            ToolCall("2", "add", inside),
            ToolCall("3", "sh", inside, custom=True),
        )
    )
    assert with_customs(response, frozenset()) is response
    assert with_customs(response, frozenset(("sh",))).parts == (
        Text("a"),
        ToolCall("1", "sh", "ls", custom=True),
        ToolCall("2", "add", inside),
        ToolCall("3", "sh", inside, custom=True),
    )


def passed(events: list[Event], *names: str) -> list[Event]:
    customs = CustomCalls(names)
    return [told for event in events for told in customs.feed(event)]


def test_the_arguments_of_such_a_call_wait_until_they_are_whole() -> None:
    events: list[Event] = [
        Started("x"),
        CallStarted(0, "1", "sh"),
        CallDelta(0, '{"input":"l'),
        Measured(Usage(1)),
        CallStarted(1, "2", "add"),
        CallDelta(1, "{"),
        CallDelta(0, 's"}'),
        CallDelta(1, "}"),
        Finished("tool_calls"),
    ]
    assert passed(events, "sh") == [
        Started("x"),
        CallStarted(0, "1", "sh", custom=True),
        Measured(Usage(1)),
        CallStarted(1, "2", "add"),
        CallDelta(1, "{"),
        CallDelta(1, "}"),
        CallDelta(0, "ls"),
        Finished("tool_calls"),
    ]
    assert passed(events, "other") == events


def test_the_next_call_lets_go_of_the_one_before() -> None:
    events: list[Event] = [
        CallStarted(0, "1", "sh"),
        CallDelta(0, '{"input":"ls"}'),
        CallStarted(1, "2", "sh"),
        CallDelta(1, "not JSON"),
        Finished("tool_calls"),
    ]
    assert passed(events, "sh") == [
        CallStarted(0, "1", "sh", custom=True),
        CallDelta(0, "ls"),
        CallStarted(1, "2", "sh", custom=True),
        CallDelta(1, "not JSON"),
        Finished("tool_calls"),
    ]


def test_calls_that_come_in_turns_are_kept_apart() -> None:
    events: list[Event] = [
        CallStarted(0, "1", "sh"),
        CallDelta(0, '{"input":'),
        CallDelta(0, '"ls"}'),
        TextDelta("a"),
        CallStarted(1, "2", "sh", custom=True),
        CallDelta(1, "pwd"),
        Measured(Usage(1)),
        Finished("tool_calls"),
    ]
    assert passed(events, "sh") == [
        CallStarted(0, "1", "sh", custom=True),
        CallDelta(0, "ls"),
        TextDelta("a"),
        CallStarted(1, "2", "sh", custom=True),
        CallDelta(1, "pwd"),
        Measured(Usage(1)),
        Finished("tool_calls"),
    ]


calls = st.builds(
    ToolCall, st.text(max_size=3), st.sampled_from(("sh", "add")), st.text(max_size=9), st.booleans()
)


@given(parts=st.lists(calls | st.builds(Text, st.text(max_size=3)), max_size=5))
def test_a_stream_and_a_whole_answer_are_turned_back_alike(parts: list[Text | ToolCall]) -> None:
    told = tuple(wrapped(part) if isinstance(part, ToolCall) and part.custom else part for part in parts)
    response = Response(parts=told)
    streamed = fold(passed(list(unfold(response)), "sh"))
    assert streamed == with_customs(response, frozenset(("sh",)))
