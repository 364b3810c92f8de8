"""Calls of tools in a message: functions, free text, and the call of old."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal, ToolCall
from llm_gateway.dialects.chat.calls import read_calls, read_old_call, write_call
from llm_gateway.errors import MalformedRequest

FUNCTION = {"name": "add", "arguments": '{"a": 1}'}


# JSON as a client sends it: of any shape.
def read(value: Any) -> tuple[list[ToolCall], list[str]]:
    losses = Losses()
    return read_calls(value, "messages[1].tool_calls", losses), [loss.what for loss in losses.found()]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"id": "c", "type": "function", "function": FUNCTION}, ToolCall("c", "add", '{"a": 1}')),
        ({"id": "c", "function": FUNCTION, "index": 0}, ToolCall("c", "add", '{"a": 1}')),
        ({"id": "c", "function": FUNCTION, "custom": None}, ToolCall("c", "add", '{"a": 1}')),
        ({"function": FUNCTION}, ToolCall("", "add", '{"a": 1}')),
        ({"id": "c", "function": {"name": "add", "arguments": {"a": 1}}}, ToolCall("c", "add", '{"a":1}')),
        ({"id": "c", "function": {"name": "add"}}, ToolCall("c", "add", "{}")),
        ({"id": "c", "function": {"name": "add", "arguments": ""}}, ToolCall("c", "add", "")),
        (
            {"id": "c", "type": "custom", "custom": {"name": "patch", "input": "*** x"}},
            ToolCall("c", "patch", "*** x", custom=True),
        ),
        (
            {"id": "c", "function": FUNCTION, "extra_content": {"google": {"thought_signature": "g"}}},
            ToolCall("c", "add", '{"a": 1}', seal=Seal("gemini", "g")),
        ),
    ],
)
def test_a_call_is_read(call: object, expected: ToolCall) -> None:
    assert read([call]) == ([expected], [])


def test_null_is_no_call() -> None:
    assert read(None) == ([], [])
    assert read_old_call(None, "x", "call_1", Losses()) == []


@pytest.mark.parametrize(
    ("call", "lost"),
    [
        ({"id": "c", "function": {**FUNCTION, "extra": 1}}, "messages.tool_calls.extra"),
        ({"id": "c", "custom": {"name": "a", "input": "", "extra": 1}}, "messages.tool_calls.extra"),
        ({"id": "c", "function": FUNCTION, "extra": 1}, "messages.tool_calls.extra"),
        ({"id": "c", "type": "builtin_search"}, "messages.tool_calls.builtin_search"),
    ],
)
def test_what_has_no_place_is_reported(call: object, lost: str) -> None:
    assert read([call])[1] == [lost]


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ("x", "messages[1].tool_calls"),
        ([7], "messages[1].tool_calls[0]"),
        ([{"id": "c", "type": "function"}], "messages[1].tool_calls[0]"),
        ([{"id": "c", "function": {"arguments": "{}"}}], "messages[1].tool_calls[0].function.name"),
        ([{"id": "c", "custom": {"name": "a", "input": 7}}], "messages[1].tool_calls[0].custom.input"),
        ([{"id": 7, "function": FUNCTION}], "messages[1].tool_calls[0].id"),
    ],
)
def test_what_is_no_call_is_refused_with_its_place(value: object, param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(value)
    assert caught.value.param == param


def test_a_seal_without_an_envelope_is_the_owners() -> None:
    call = {"id": "c", "function": FUNCTION, "extra_content": {"google": {"thought_signature": "g"}}}
    (told,) = read_calls([call], "x", Losses(), "chat")
    assert told.seal == Seal("chat", "g")


def test_a_call_of_old_gets_an_id() -> None:
    assert read_old_call(FUNCTION, "x", "call_1", Losses()) == [ToolCall("call_1", "add", '{"a": 1}')]
    with pytest.raises(MalformedRequest, match="an object with a `name`"):
        read_old_call("x", "messages[0].function_call", "call_1", Losses())


calls = st.builds(
    ToolCall,
    st.text(max_size=9),
    st.text(min_size=1, max_size=9),
    st.text(max_size=9),
    st.booleans(),
    st.none() | st.builds(Seal, st.just("gemini"), st.text("abc", min_size=1)),
)


@given(call=calls)
def test_what_is_written_is_read_back(call: ToolCall) -> None:
    assert read([write_call(call, call.seal)]) == ([call], [])


def test_a_seal_is_written_only_when_it_is_to_be_told() -> None:
    call = ToolCall("c", "add", "{}", seal=Seal("gemini", "g"))
    assert "extra_content" not in write_call(call, None)
