"""Conversations written: one text a message, pictures before it, results with the names of their tools."""

import base64

import msgspec
import pytest

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Audio,
    Document,
    FileId,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    Role,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.ollama.encode_messages import Written, write_messages

PICTURE = Image(Inline("iVBO-w", "image/png"))
NOTE = Document(Inline(base64.b64encode("grüße".encode()).decode(), "text/plain"), "note.txt")


def written(*messages: Message) -> tuple[list[Written], list[str]]:
    losses = Losses()
    return write_messages(messages, losses), [loss.what for loss in losses.found()]


def said(role: Role, *parts: Part) -> list[object]:
    out, losses = written(Message(role, parts))
    assert losses == []
    return [msgspec.json.decode(msgspec.json.encode(message)) for message in out]


def test_texts_of_one_message_are_joined() -> None:
    assert said("system", Text("a"), Text(""), Text("b")) == [{"role": "system", "content": "a\n\nb"}]
    assert said("user") == [{"role": "user", "content": ""}]


def test_pictures_stand_before_the_text_and_the_order_stays() -> None:
    assert said("user", PICTURE, Text("a"), NOTE, PICTURE, Audio(Inline("UklG", "audio/wav"))) == [
        {"role": "user", "content": "a\n\nnote.txt:\ngrüße", "images": ["iVBO+w=="]},
        {"role": "user", "content": "", "images": ["iVBO+w==", "UklG"]},
    ]


def test_thinking_comes_before_the_text_it_led_to() -> None:
    calls = ToolCall("c1", "f", "{}"), ToolCall("c2", "g", '{"a":1}')
    assert said("assistant", Thinking("t"), Thinking("u"), Text("a"), Thinking("v"), *calls) == [
        {"role": "assistant", "content": "a", "thinking": "t\n\nu"},
        {
            "role": "assistant",
            "content": "",
            "thinking": "v",
            "tool_calls": [
                {"id": "c1", "function": {"name": "f", "arguments": {}}},
                {"id": "c2", "function": {"name": "g", "arguments": {"a": 1}}},
            ],
        },
    ]


def test_results_are_messages_with_the_names_of_their_tools() -> None:
    out, losses = written(
        Message("assistant", (ToolCall("c1", "f", "{}"), ToolCall("c2", "g", "{}"))),
        Message(
            "user",
            (
                ToolResult("c2", (Text("a"), Text("b"), PICTURE), is_error=True),
                ToolResult("c1", (), "named"),
                ToolResult("c9", (NOTE,)),
                Text("go on"),
            ),
        ),
    )
    assert losses == []
    assert out[1:] == [
        Written(
            "tool",
            "The tool failed.\n\na\n\nb",
            images=["iVBO+w=="],
            tool_name="g",
            tool_call_id="c2",
        ),
        Written("tool", "", tool_name="named", tool_call_id="c1"),
        Written("tool", "note.txt:\ngrüße", tool_call_id="c9"),
        Written("user", "go on"),
    ]


@pytest.mark.parametrize(
    ("part", "content", "losses"),
    [
        (Refusal("no"), "no", ["messages.refusal"]),
        (Image(Link("https://x")), "", ["messages.image.url"]),
        (Image(FileId("f")), "", ["messages.image.file_id"]),
        (Image(Inline("QUJD", "image/png"), "high"), "", ["messages.image.detail"]),
        (Audio(Inline("QUJD", "audio/flac")), "", ["messages.audio"]),
        (Document(Inline("QUJD", "application/pdf")), "", ["messages.document"]),
        (Document(Link("https://x")), "", ["messages.document"]),
        (Document(Inline("/w==", "text/plain")), "", ["messages.document"]),
        (Document(Inline("A", "text/plain")), "", ["messages.document"]),
        (Thinking("", Seal("messages", "s"), redacted=True), "", ["messages.thinking.signature"]),
        (ToolCall("c", "f", "[]"), "", ["messages.tool_calls.arguments"]),
        (ToolResult("c", (Image(Link("u")),)), "", ["messages.image.url"]),
    ],
)
def test_what_has_no_place_is_lost_and_the_message_is_not(
    part: Part, content: str, losses: list[str]
) -> None:
    out, found = written(Message("user", (part,)))
    assert found == losses
    assert [message.content for message in out] == [content]


def test_what_is_said_after_a_call_loses_its_place() -> None:
    parts = (ToolCall("c", "f", "{}"), Text("a"), Thinking("t"), PICTURE)
    out, losses = written(Message("assistant", parts))
    assert losses == ["messages.content.order"]
    assert [(m.content, m.thinking, len(m.images), len(m.tool_calls)) for m in out] == [("a", "t", 1, 1)]
