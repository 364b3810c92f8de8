"""Messages written as items: in their order, ids legal, thinking only where OpenAI can read it."""

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
from llm_gateway.dialects.responses.encode_items import encode_items, leading_text


def write(role: Role, *parts: Part) -> tuple[list[dict[str, object]], list[str]]:
    losses = Losses()
    items = encode_items([Message(role, parts)], losses)
    return items, [loss.what for loss in losses.found()]


def test_the_first_systems_are_the_instructions() -> None:
    first, second = Message("system", (Text("a"), Text("b"))), Message("system", (Text("c"),))
    user = Message("user", (Text("d"),))
    assert leading_text([first, second, user, first]) == ("a\n\nb\n\nc", [user, first])
    assert leading_text([first]) == ("a\n\nb", ())
    assert leading_text([user]) == ("", [user])
    picture = Message("system", (Image(Link("https://a/b")),))
    assert leading_text([first, picture]) == ("a\n\nb", [picture])


def test_later_systems_are_developers() -> None:
    assert write("system", Text("a")) == (
        [{"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "a"}]}],
        [],
    )


def test_parts_keep_their_order_between_items() -> None:
    own = Seal("responses", "rs_1.gA=")
    items, lost = write(
        "assistant",
        Thinking("hm", own),
        Text("a"),
        Refusal("no"),
        ToolCall("c1", "f", '{"x":1}'),
        Text("b"),
        ToolCall("c2", "g", "free", custom=True),
    )
    assert lost == []
    assert items == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "gA=",
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x":1}'},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "free"},
    ]


def test_a_call_without_arguments_has_empty_ones() -> None:
    assert write("assistant", ToolCall("c", "f", ""))[0][0]["arguments"] == "{}"


@pytest.mark.parametrize("seal", [None, Seal("messages", "s")])
def test_thinking_of_others_is_reported(seal: Seal | None) -> None:
    assert write("assistant", Thinking("hm", seal)) == ([], ["messages.thinking"])


def test_a_seal_without_an_id_goes_without() -> None:
    items, _ = write("assistant", Thinking("", Seal("responses", "gA=")))
    assert items == [{"type": "reasoning", "summary": [], "encrypted_content": "gA="}]


def test_the_seal_of_anothers_call_is_reported() -> None:
    items, lost = write("assistant", ToolCall("c", "f", "{}", seal=Seal("gemini", "s")))
    assert len(items) == 1 and lost == ["messages.seal"]


def test_results_are_of_the_kind_of_their_call() -> None:
    losses = Losses()
    messages = [
        Message("assistant", (ToolCall("c1", "f", "{}"), ToolCall("c2", "g", "x", custom=True))),
        Message("user", (ToolResult("c2", (Text("b"),)), ToolResult("c1", (Text("a"),), custom=True))),
        Message("user", (ToolResult("c3", (), custom=True), Text("go on"))),
    ]
    items = encode_items(messages, losses)
    assert items[2:] == [
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "b"},
        {"type": "function_call_output", "call_id": "c1", "output": "a"},
        {"type": "custom_tool_call_output", "call_id": "c3", "output": ""},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go on"}]},
    ]


def test_ids_of_calls_and_results_stay_together() -> None:
    long = "toolu/" + "x" * 80
    items, _ = write("user", ToolResult(long, (Text("a"),)))
    call, _ = write("assistant", ToolCall(long, "f", "{}"))
    assert items[0]["call_id"] == call[0]["call_id"] != long


def test_a_result_that_failed_says_so() -> None:
    items, lost = write("user", ToolResult("c", (Text("no such file"),), is_error=True))
    assert items[0]["output"] == "The tool failed.\nno such file"
    assert lost == ["messages.tool_result.is_error"]


def test_results_may_hold_pictures() -> None:
    items, lost = write("user", ToolResult("c", (Text("a"), Image(Inline("iVBO", "image/png")))))
    assert items[0]["output"] == [
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "auto"},
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (
            Image(Link("https://a/b.png"), "low"),
            {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"},
        ),
        (Image(FileId("file-1")), {"type": "input_image", "file_id": "file-1", "detail": "auto"}),
        (
            Document(Inline("JVBE", "application/pdf")),
            {"type": "input_file", "filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBE"},
        ),
        (
            Document(Inline("YQ==", "text/plain"), "notes"),
            {"type": "input_file", "filename": "notes", "file_data": "data:text/plain;base64,YQ=="},
        ),
        (Document(Link("https://a/b.pdf")), {"type": "input_file", "file_url": "https://a/b.pdf"}),
        (Document(FileId("file-1")), {"type": "input_file", "file_id": "file-1"}),
        (
            Audio(Inline("SUQz", "audio/mpeg")),
            {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
        ),
        (Refusal("no"), {"type": "input_text", "text": "no"}),
    ],
)
def test_media(part: Part, written: dict[str, object]) -> None:
    items, lost = write("user", part)
    assert items == [{"type": "message", "role": "user", "content": [written]}] and lost == []


@pytest.mark.parametrize("source", [Link("https://a/b.pdf"), FileId("file-1")])
def test_a_file_that_is_elsewhere_has_its_own_name(source: Link | FileId) -> None:
    _, lost = write("user", Document(source, "a.pdf"))
    assert lost == ["messages.document.name"]


def test_an_assistant_shows_no_pictures() -> None:
    assert write("assistant", Image(Link("https://a/b.png"))) == ([], ["messages.assistant.media"])
