"""Content blocks, one kind after the other."""

from base64 import b64decode

import pytest

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Document,
    Image,
    Inline,
    Link,
    Part,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.dialects.messages.read_blocks import BlockReader
from llm_gateway.errors import MalformedRequest

B64 = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
MARK = {"cache_control": {"type": "ephemeral"}}


def read(*blocks: object) -> tuple[list[Part], list[str]]:
    losses = Losses()
    parts = BlockReader(losses).read(list(blocks), "messages[0].content")
    return parts, [loss.what for loss in losses.found()]


def result(content: object, **more: object) -> dict[str, object]:
    return {"type": "tool_result", "tool_use_id": "t1", "content": content, **more}


def test_a_string_is_one_text() -> None:
    reader = BlockReader(Losses())
    assert reader.read("a", "x") == [Text("a")]
    assert reader.read("", "x") == []


@pytest.mark.parametrize(
    ("block", "parts", "lost"),
    [
        ({"type": "text", "text": "a"}, [Text("a")], []),
        ({"type": "text", "text": ""}, [], []),
        ({"type": "text", "text": "a", **MARK}, [Text("a")], ["cache_control"]),
        ({"type": "text", "text": "a", "citations": None}, [Text("a")], []),
        ({"type": "text", "text": "a", "citations": [{"type": "x"}]}, [Text("a")], ["messages.citations"]),
        ({"type": "text", "text": "a", "x_new": 1}, [Text("a")], ["messages.text.x_new"]),
        ({"type": "image", "source": B64}, [Image(Inline("AAAA", "image/png"))], []),
        ({"type": "image", "source": {"type": "url", "url": "u"}}, [Image(Link("u"))], []),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, [], ["messages.image.file_id"]),
        ({"type": "image", "source": {"type": "newer"}}, [], ["messages.source.newer"]),
        (
            {"type": "image", "source": B64, "transformations": {"a": "b"}},
            [Image(Inline("AAAA", "image/png"))],
            ["messages.image.transformations"],
        ),
        (
            {"type": "document", "source": {**B64, "media_type": "application/pdf"}, "title": "t"},
            [Document(Inline("AAAA", "application/pdf"), "t")],
            [],
        ),
        ({"type": "document", "source": {"type": "url", "url": "u"}}, [Document(Link("u"))], []),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, [], ["messages.document.file_id"]),
        (
            {"type": "document", "source": {"type": "content", "content": "x"}, "context": "c"},
            [Text("c"), Document(Inline("eA==", "text/plain"))],
            [],
        ),
        (
            {
                "type": "document",
                "source": {"type": "content", "content": [{"type": "image", "source": B64}]},
            },
            [Image(Inline("AAAA", "image/png"))],
            [],
        ),
        (
            {"type": "document", "source": {"type": "url", "url": "u"}, "citations": {"enabled": True}},
            [Document(Link("u"))],
            ["messages.document.citations"],
        ),
        (
            {
                "type": "search_result",
                "title": "t",
                "source": "s",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": ""}],
                "citations": {"enabled": True},
            },
            [Text("t\ns\na")],
            ["messages.search_result.citations"],
        ),
        ({"type": "thinking", "thinking": "a", "signature": "s"}, [Thinking("a", Seal("messages", "s"))], []),
        ({"type": "thinking", "thinking": "a", "signature": ""}, [Thinking("a")], []),
        ({"type": "thinking", "signature": "lgw1.chat.c"}, [Thinking("", Seal("chat", "c"))], []),
        (
            {"type": "redacted_thinking", "data": "lgw1.responses.r"},
            [Thinking("", Seal("responses", "r"), redacted=True)],
            [],
        ),
        (
            {"type": "redacted_thinking", "data": "d"},
            [Thinking("", Seal("messages", "d"), redacted=True)],
            [],
        ),
        ({"type": "compaction", "content": "so far", "encrypted_content": "e"}, [Text("so far")], []),
        ({"type": "compaction", "content": None}, [], []),
        ({"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}, [], []),
        ({"type": "container_upload", "file_id": "f"}, [], ["messages.container_upload"]),
        ({"type": "server_tool_use", "id": "s"}, [], ["messages.server_tool_use"]),
        ({"type": "mcp_tool_listing"}, [], ["messages.mcp_tool_listing"]),
        ({"type": "newer"}, [], ["messages.newer"]),
    ],
)
def test_a_block(block: object, parts: list[Part], lost: list[str]) -> None:
    assert read(block) == (parts, lost)


def test_text_files_are_utf_8() -> None:
    (part,), _ = read({"type": "document", "source": {"type": "text", "data": "grüße"}})
    assert isinstance(part, Document) and isinstance(part.source, Inline)
    assert b64decode(part.source.data).decode() == "grüße"


def test_a_document_of_blocks_is_one_file_and_its_pictures() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "image", "source": B64}, {"type": "text", "text": "b"}]
    parts, _ = read({"type": "document", "title": "t", "source": {"type": "content", "content": content}})
    assert parts == [
        Document(Inline("YQoKYg==", "text/plain"), "t"),
        Image(Inline("AAAA", "image/png")),
    ]


def test_calls_and_results_belong_together() -> None:
    losses = Losses()
    reader = BlockReader(losses)
    call = {
        "type": "tool_use",
        "id": "t1",
        "name": "f",
        "input": {"b": [1.0], "a": "ü"},
        "caller": {"type": "direct"},
    }
    assert reader.read([call], "x") == [ToolCall("t1", "f", '{"b":[1.0],"a":"ü"}')]
    assert reader.read([result("out", is_error=True)], "x") == [ToolResult("t1", (Text("out"),), "f", True)]
    assert losses.found() == ()


@pytest.mark.parametrize(
    ("told", "parts", "lost"),
    [
        (result(None), (), []),
        (result(""), (), []),
        (result([{"type": "text", "text": ""}]), (), []),
        (result([{"type": "text", "text": "a", "citations": [1]}]), (Text("a"),), ["messages.citations"]),
        (result([{"type": "image", "source": B64}]), (Image(Inline("AAAA", "image/png")),), []),
        (
            result([{"type": "tool_reference", "tool_name": "later"}]),
            (Text("The tool later can be called now."),),
            [],
        ),
        (
            result([{"type": "search_result", "title": "t", "source": "s", "content": []}]),
            (Text("t\ns"),),
            [],
        ),
        (result([{"type": "browser_state"}]), (), ["messages.tool_result.browser_state"]),
        (result([{"type": "tool_use", "id": "x", "name": "f"}]), (), ["messages.tool_result.tool_use"]),
        (result("a", toolset_name="browser"), (Text("a"),), ["messages.tool_result.toolset_name"]),
    ],
)
def test_results(told: object, parts: tuple[Part, ...], lost: list[str]) -> None:
    (part,), losses = read(told)
    assert isinstance(part, ToolResult)
    assert (part.parts, part.is_error, part.name) == (parts, False, "")
    assert losses == lost


def test_references_are_remembered() -> None:
    reader = BlockReader(Losses())
    reader.read([result([{"type": "tool_reference", "tool_name": "later"}])], "x")
    assert reader.references == {"later"}


def test_a_calls_seal_comes_before_it() -> None:
    envelope = {"type": "thinking", "thinking": "", "signature": "lgw1c.lgw1.gemini.g"}
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    other = {**call, "id": "t2"}
    parts, lost = read(envelope, call, other)
    assert parts == [ToolCall("t1", "f", "{}", seal=Seal("gemini", "g")), ToolCall("t2", "f", "{}")]
    assert lost == []


def test_a_call_from_inside_a_providers_code_is_a_loss() -> None:
    call = {
        "type": "tool_use",
        "id": "t",
        "name": "f",
        "input": {},
        "caller": {"type": "code_execution_20260120"},
    }
    assert read(call)[1] == ["messages.tool_use.caller"]


@pytest.mark.parametrize(
    ("block", "place"),
    [
        (7, ""),
        ({}, ""),
        ({"type": 7}, ""),
        ({"type": "text"}, ".text"),
        ({"type": "text", "text": 7}, ".text"),
        ({"type": "image"}, ".source"),
        ({"type": "image", "source": {"type": "base64", "data": "x"}}, ".source"),
        ({"type": "document", "source": "x"}, ".source"),
        ({"type": "search_result", "content": "x"}, ".content"),
        ({"type": "thinking", "thinking": 7}, ".thinking"),
        ({"type": "thinking", "signature": 7}, ".signature"),
        ({"type": "redacted_thinking", "data": 7}, ".data"),
        ({"type": "tool_use", "name": "f"}, ".id"),
        ({"type": "tool_use", "id": "x", "name": ""}, ".name"),
        ({"type": "tool_use", "id": "x", "name": "f", "input": "{}"}, ".input"),
        ({"type": "tool_result"}, ".tool_use_id"),
        (result(7), ".content"),
        (result([7]), ".content[0]"),
        (result("x", is_error="yes"), ".is_error"),
    ],
)
def test_what_is_wrong_is_said_by_its_place(block: object, place: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(block)
    assert caught.value.param == f"messages[0].content[0]{place}"


def test_content_is_text_or_blocks() -> None:
    with pytest.raises(MalformedRequest, match=r"`x` must be a string or a list"):
        BlockReader(Losses()).read(None, "x")
