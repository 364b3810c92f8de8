"""Blocks that servers of this dialect take."""

from base64 import b64encode

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
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.dialects.messages.write_blocks import write_block, write_blocks, write_result

PNG = Inline("AAAA", "image/png")
PNG_TOLD = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}


def text_file(text: bytes, media_type: str = "text/plain") -> Inline:
    return Inline(b64encode(text).decode(), media_type)


@pytest.mark.parametrize(
    ("part", "told", "lost"),
    [
        (Text("a"), {"type": "text", "text": "a"}, []),
        (Text(""), None, []),
        (Text(" \n"), None, []),
        (Refusal("no"), {"type": "text", "text": "no"}, []),
        (Image(PNG), PNG_TOLD, []),
        (Image(PNG, "auto"), PNG_TOLD, []),
        (Image(PNG, "high"), PNG_TOLD, ["messages.image.detail"]),
        (Image(Link("u")), {"type": "image", "source": {"type": "url", "url": "u"}}, []),
        (Image(Inline("x", "image/svg+xml")), None, ["messages.image"]),
        (Image(FileId("f")), None, ["messages.image.file_id"]),
        (
            Document(Inline("x", "application/pdf"), "t"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "x"},
                "title": "t",
            },
            [],
        ),
        (Document(Link("u")), {"type": "document", "source": {"type": "url", "url": "u"}}, []),
        (Document(FileId("f")), None, ["messages.document.file_id"]),
        (
            Document(text_file("grüße".encode(), "text/markdown")),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "grüße"}},
            [],
        ),
        (
            Document(text_file(b"{}", "application/json")),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "{}"}},
            [],
        ),
        (Document(text_file(b"")), None, []),
        (Document(text_file(b"\xff")), None, ["messages.document"]),
        (Document(Inline("?", "text/plain")), None, ["messages.document"]),
        (Document(Inline("x", "application/zip")), None, ["messages.document"]),
        (Audio(Inline("x", "audio/wav")), None, ["messages.audio"]),
        (Thinking("x"), None, ["messages.content"]),
        (ToolCall("c", "f", "{}"), None, ["messages.content"]),
        (ToolResult("c", ()), None, ["messages.content"]),
    ],
)
def test_a_part(part: Part, told: object, lost: list[str]) -> None:
    losses = Losses()
    assert write_block(part, losses) == told
    assert [loss.what for loss in losses.found()] == lost


def test_what_says_nothing_is_left_out() -> None:
    assert write_blocks((Text(""), Text("a"), Text(" ")), Losses()) == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize(
    ("result", "told", "lost"),
    [
        (ToolResult("c", ()), {}, []),
        (ToolResult("c", (Text(""),)), {}, []),
        (
            ToolResult("c", (Text("a"), Image(PNG))),
            {"content": [{"type": "text", "text": "a"}, PNG_TOLD]},
            [],
        ),
        (
            ToolResult("c", (Text("a"),), is_error=True),
            {"content": [{"type": "text", "text": "a"}], "is_error": True},
            [],
        ),
        (ToolResult("c", (), is_error=True), {"is_error": True}, []),
        (
            ToolResult("c", (Image(PNG),), is_error=True),
            {"content": [PNG_TOLD]},
            ["messages.tool_result.is_error"],
        ),
    ],
)
def test_results(result: ToolResult, told: dict[str, object], lost: list[str]) -> None:
    losses = Losses()
    assert write_result(result, "id", losses) == {"type": "tool_result", "tool_use_id": "id", **told}
    assert [loss.what for loss in losses.found()] == lost
