"""Conversations: who said what, and which result belongs to which call."""

import json

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Audio, Image, Part, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.ollama.decode_messages import read_images, read_messages
from llm_gateway.errors import MalformedRequest

PNG, WAV = "iVBORw0KGgoAAAANSUhEUg==", "UklGRiQAAABXQVZFZm10IBAAAAA="


def read(*messages: object) -> tuple[tuple[Message, ...], list[str]]:
    losses = Losses()
    return read_messages(Raw(json.dumps(messages).encode()), losses), [loss.what for loss in losses.found()]


def call(name: str, call_id: str = "", **arguments: object) -> dict[str, object]:
    told: dict[str, object] = {"function": {"name": name, "arguments": arguments}}
    return {"id": call_id, **told} if call_id else told


def parts_of(*messages: object) -> tuple[Part, ...]:
    return read(*messages)[0][-1].parts


def test_everybody_is_heard_in_order() -> None:
    messages, losses = read(
        {"role": "system", "content": "s"},
        {"role": "User", "content": "u", "images": [PNG]},
        {"role": "assistant", "content": "a", "thinking": "t", "tool_calls": [call("f", x=1)]},
        {"role": "tool", "content": "r", "tool_name": "f"},
        {"role": "developer", "content": None},
    )
    assert [message.role for message in messages] == ["system", "user", "assistant", "user", "system"]
    assert isinstance(messages[1].parts[0], Image) and messages[1].parts[1:] == (Text("u"),)
    assert messages[2].parts == (Thinking("t"), Text("a"), ToolCall("call_0", "f", '{"x": 1}'))
    assert messages[3].parts == (ToolResult("call_0", (Text("r"),), "f"),)
    assert messages[4].parts == (Text(""),)
    assert losses == []


def test_calls_are_numbered_through_the_conversation() -> None:
    asking = {"role": "assistant", "content": "", "tool_calls": [call("f"), call("f")]}
    answers = [{"role": "tool", "content": word} for word in ("one", "two")]
    messages, _ = read(asking, *answers, asking, *answers)
    ids = [part.id for message in messages for part in message.parts if isinstance(part, ToolCall)]
    assert ids == ["call_0", "call_1", "call_2", "call_3"]
    results = [part for message in messages for part in message.parts if isinstance(part, ToolResult)]
    assert [result.call_id for result in results] == ids
    assert [message.role for message in messages] == ["assistant", "user", "assistant", "user"]


def test_a_result_names_its_call_or_its_tool() -> None:
    asking = {"role": "assistant", "tool_calls": [call("f", "c1"), call("g"), call("f")]}
    assert parts_of(
        asking,
        {"role": "tool", "content": "2", "name": "g"},
        {"role": "tool", "content": "1", "tool_call_id": "c1", "tool_name": "anything"},
        {"role": "tool", "content": "3", "tool_name": "f", "images": [PNG]},
    ) == (
        ToolResult("call_1", (Text("2"),), "g"),
        ToolResult("c1", (Text("1"),), "f"),
        ToolResult("call_2", (read_images(Raw(json.dumps([PNG]).encode()), "")[0], Text("3")), "f"),  # type: ignore[arg-type]  # a picture
    )


def test_a_result_of_a_call_that_was_cut_off_keeps_its_id() -> None:
    assert parts_of({"role": "tool", "content": "x", "tool_call_id": "c9", "tool_name": "f"}) == (
        ToolResult("c9", (Text("x"),), "f"),
    )


@pytest.mark.parametrize(
    ("message", "where"),
    [
        ({"content": "x"}, "messages[0].role"),
        ({"role": 5}, "messages[0].role"),
        ({"role": "user", "content": [{"type": "text", "text": "x"}]}, "messages[0].content"),
        ({"role": "user", "content": "x", "images": [5]}, "messages[0].images"),
        ({"role": "tool", "content": "x"}, "messages[0]"),
        ({"role": "tool", "content": "x", "tool_name": "f"}, "messages[0]"),
        ({"role": "assistant", "tool_calls": [{"function": {}}]}, "messages[0].tool_calls[0].function.name"),
        ("x", "messages[0]"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(message: object, where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(message)
    assert caught.value.param == where


def test_arguments_of_no_encoding_are_refused() -> None:
    body = b'[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"\xff"}}]}]'
    with pytest.raises(MalformedRequest, match=r"function.arguments` must be an object"):
        read_messages(Raw(body), Losses())


def test_what_is_not_known_is_lost() -> None:
    _, losses = read(
        {"role": "control", "content": "thinking"},
        {"role": "user", "content": "x", "name": "ann"},
        {
            "role": "assistant",
            "refusal": "y",
            "tool_calls": [
                {"type": "function", "extra": 1, "function": {"name": "f", "index": 0, "more": 1}}
            ],
        },
        {"role": "tool", "content": "x", "images": [WAV], "is_error": True},
    )
    assert losses == [
        "messages.role",
        "messages.name",
        "messages.refusal",
        "messages.tool_calls.extra",
        "messages.tool_calls.function.more",
        "messages.is_error",
        "messages.tool.images",
    ]


def test_sound_is_told_from_pictures() -> None:
    found = read_images(Raw(json.dumps([PNG, WAV]).encode()), "images")
    assert [type(each) for each in found] == [Image, Audio]
    assert read_images(None, "images") == []
