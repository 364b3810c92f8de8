"""The conversation: who said what, results with their calls, and forms of old with ids of ours."""

import json
from typing import Any

import pytest

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Image, Link, Refusal, Seal, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.chat.history import read_messages
from llm_gateway.errors import MalformedRequest
from llm_gateway.wire.jsonedit import Document


# JSON as a client sends it: of any shape.
def read(*messages: Any) -> tuple[tuple[Message, ...], list[str]]:
    losses = Losses()
    fields = Document.parse(json.dumps({"messages": messages}).encode()).fields
    return read_messages(fields, losses), [loss.what for loss in losses.found()]


def said(message: dict[str, Any]) -> tuple[object, ...]:
    (told,), lost = read(message)
    assert not lost
    return told.parts


def test_roles_are_told_apart_where_they_stand() -> None:
    told = [{"role": role, "content": role} for role in ("developer", "user", "system", "assistant")]
    assert read(*told) == (
        (
            Message("system", (Text("developer"),)),
            Message("user", (Text("user"),)),
            Message("system", (Text("system"),)),
            Message("assistant", (Text("assistant"),)),
        ),
        [],
    )


CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": None, "refusal": None, "tool_calls": [CALL]}, (ToolCall("c1", "add", "{}"),)),
        ({"content": "", "refusal": "no"}, (Refusal("no"),)),
        ({"content": "a", "reasoning_content": "t"}, (Thinking("t"), Text("a"))),
        ({"content": "a", "reasoning": "t", "tool_calls": None}, (Thinking("t"), Text("a"))),
        (
            {"content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "a"}]},
            (Thinking("t"), Text("a")),
        ),
        (
            {
                "reasoning_content": "t",
                "content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "a"}],
            },
            (Thinking("t"), Text("a")),
        ),
        (
            {"content": "a", "extra_content": {"google": {"thought_signature": "g"}}},
            (Thinking("", Seal("gemini", "g")), Text("a")),
        ),
        ({"content": "a", "annotations": [], "audio": None, "function_call": None}, (Text("a"),)),
        ({}, ()),
    ],
)
def test_the_assistants_parts_are_read(message: dict[str, Any], parts: tuple[object, ...]) -> None:
    assert said({"role": "assistant", **message}) == parts


def test_results_that_follow_each_other_are_one_message() -> None:
    messages, lost = read(
        {"role": "assistant", "tool_calls": [CALL, {"id": "c2", "custom": {"name": "sh", "input": "ls"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "3"},
        {"role": "tool", "tool_call_id": "c2", "name": "sh", "content": [{"type": "text", "text": "x"}]},
        {"role": "user", "content": "thanks"},
        {"role": "tool", "tool_call_id": "c3", "content": None},
    )
    assert not lost
    assert messages[1:] == (
        Message(
            "user",
            (ToolResult("c1", (Text("3"),)), ToolResult("c2", (Text("x"),), "sh", custom=True)),
        ),
        Message("user", (Text("thanks"),)),
        Message("user", (ToolResult("c3", ()),)),
    )


def test_a_result_may_hold_a_picture() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x"}}
    messages, lost = read({"role": "tool", "tool_call_id": "c1", "content": [picture]})
    assert messages == (Message("user", (ToolResult("c1", (Image(Link("https://x")),)),)),)
    assert not lost


def test_calls_of_old_are_tied_to_their_results() -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "add", "arguments": "{}"}}
    result = {"role": "function", "name": "add", "content": "3"}
    messages, lost = read({"role": "user", "content": "a"}, call, result, call, result)
    assert not lost
    assert messages[1:] == (
        Message("assistant", (ToolCall("call_1", "add", "{}"),)),
        Message("user", (ToolResult("call_1", (Text("3"),), "add"),)),
        Message("assistant", (ToolCall("call_3", "add", "{}"),)),
        Message("user", (ToolResult("call_3", (Text("3"),), "add"),)),
    )


@pytest.mark.parametrize(
    ("message", "lost"),
    [
        ({"role": "user", "content": "a", "name": "kim"}, "messages.name"),
        (
            {"role": "system", "content": "a", "cache_control": {"type": "ephemeral"}},
            "messages.cache_control",
        ),
        ({"role": "assistant", "content": "a", "audio": {"id": "audio_1"}}, "messages.audio"),
        ({"role": "assistant", "content": "a", "annotations": [{"type": "url"}]}, "messages.annotations"),
        ({"role": "assistant", "content": "a", "prefix": True}, "messages.prefix"),
        ({"role": "tool", "tool_call_id": "c", "content": "a", "is_error": True}, "messages.is_error"),
        (
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "refusal", "refusal": "no"}]},
            "messages.tool.content",
        ),
    ],
)
def test_what_has_no_place_is_reported(message: dict[str, Any], lost: str) -> None:
    assert read(message)[1] == [lost]


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (({"role": "user", "content": "a"}, {"content": "a"}), "messages[1].role"),
        (({"role": "robot", "content": "a"},), "messages[0].role"),
        (({"role": "user", "content": 7},), "messages[0].content"),
        (({"role": "assistant", "refusal": 7},), "messages[0].refusal"),
        (({"role": "assistant", "tool_calls": "x"},), "messages[0].tool_calls"),
        (({"role": "assistant", "function_call": "x"},), "messages[0].function_call"),
        (({"role": "tool", "content": "3"},), "messages[0].tool_call_id"),
        (({"role": "function", "name": "add", "content": "3"},), "messages[0].tool_call_id"),
        (("x",), "messages"),
        ((), "messages"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(messages: tuple[Any, ...], param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(*messages)
    assert caught.value.param == param


def test_a_request_says_something() -> None:
    with pytest.raises(MalformedRequest, match="`messages` is missing or empty"):
        read_messages({}, Losses())
