"""Content: a string or parts, read into what they are and written as servers take them."""

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
    Source,
    Text,
    Thinking,
    ToolCall,
)
from llm_gateway.dialects.chat.content import joined, read_content, thought_text, write_content
from llm_gateway.errors import MalformedRequest

PNG = Inline("iVBORw==", "image/png")


def read(value: object) -> tuple[list[Part], list[str]]:
    losses = Losses()
    parts: list[Part] = [*read_content(value, "messages[0].content", losses)]
    return parts, [loss.what for loss in losses.found()]


def write(*parts: Part) -> tuple[object, list[str]]:
    losses = Losses()
    return write_content(parts, losses), [loss.what for loss in losses.found()]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ("", []),
        ("hi", [Text("hi")]),
        ([], []),
        (["hi"], [Text("hi")]),
        ([{"type": "text", "text": ""}, {"type": "text", "text": "b"}], [Text(""), Text("b")]),
        ([{"type": "refusal", "refusal": "no"}], [Refusal("no")]),
        (
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw==", "detail": "low"}}],
            [Image(PNG, "low")],
        ),
        ([{"type": "image_url", "image_url": "https://x/y.png"}], [Image(Link("https://x/y.png"))]),
        (
            [{"type": "image_url", "image_url": {"url": "DATA:image/svg+xml,%3Csvg/%3E"}}],
            [Image(Inline("PHN2Zy8+", "image/svg+xml"))],
        ),
        (
            [{"type": "image_url", "image_url": {"url": "data:application/pdf;base64,JVBE"}}],
            [Document(Inline("JVBE", "application/pdf"))],
        ),
        (
            [{"type": "image_url", "image_url": {"url": "data:;base64,aGk="}}],
            [Document(Inline("aGk=", "text/plain"))],
        ),
        (
            [{"type": "image_url", "image_url": {"url": "data:audio/wav;base64,UklG"}}],
            [Audio(Inline("UklG", "audio/wav"))],
        ),
        (
            [{"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}],
            [Audio(Inline("SUQz", "audio/mpeg"))],
        ),
        (
            [
                {
                    "type": "input_audio",
                    "input_audio": {"data": "data:audio/flac;base64,Zkxh", "format": "flac"},
                }
            ],
            [Audio(Inline("Zkxh", "audio/flac"))],
        ),
        (
            [
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"},
                }
            ],
            [Document(Inline("JVBE", "application/pdf"), "a.pdf")],
        ),
        (
            [{"type": "file", "file": {"file_data": "JVBE"}}],
            [Document(Inline("JVBE", "application/pdf"))],
        ),
        (
            [{"type": "file", "file": {"file_data": "https://x/a.pdf"}}],
            [Document(Link("https://x/a.pdf"))],
        ),
        ([{"type": "file", "file": {"file_id": "file-1"}}], [Document(FileId("file-1"))]),
        (
            [
                {
                    "type": "thinking",
                    "thinking": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                }
            ],
            [Thinking("ab")],
        ),
    ],
)
def test_content_is_read(value: object, expected: list[Part]) -> None:
    assert read(value) == (expected, [])


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        ({"type": "video_url", "video_url": {"url": "x"}}, "messages.video_url"),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, "messages.cache_control"),
        ({"type": "image_url", "image_url": {"url": "x", "size": 3}}, "messages.image_url.size"),
        ({"type": "image_url", "image_url": {"url": "x"}, "cache_control": 1}, "messages.cache_control"),
        (
            {"type": "input_audio", "input_audio": {"data": "x", "format": "wav", "rate": 8}},
            "messages.input_audio.rate",
        ),
        ({"type": "file", "file": {"file_id": "x", "pages": 8}}, "messages.file.pages"),
    ],
)
def test_what_has_no_place_is_reported(part: object, lost: str) -> None:
    assert read([part])[1] == [lost]


@pytest.mark.parametrize(
    ("value", "param"),
    [
        (7, "messages[0].content"),
        ({"type": "text"}, "messages[0].content"),
        ([7], "messages[0].content[0]"),
        ([{"text": "a"}], "messages[0].content[0]"),
        ([{"type": "text", "text": 7}], "messages[0].content[0].text"),
        ([{"type": "refusal", "refusal": 7}], "messages[0].content[0].refusal"),
        (["a", {"type": "image_url"}], "messages[0].content[1].image_url"),
        ([{"type": "image_url", "image_url": {"url": "data:x"}}], "messages[0].content[0].image_url.url"),
        (
            [{"type": "image_url", "image_url": {"url": "x", "detail": 1}}],
            "messages[0].content[0].image_url.detail",
        ),
        ([{"type": "input_audio", "input_audio": "x"}], "messages[0].content[0].input_audio"),
        ([{"type": "input_audio", "input_audio": {"data": "x"}}], "messages[0].content[0].input_audio"),
        ([{"type": "file", "file": "x"}], "messages[0].content[0].file"),
        ([{"type": "file", "file": {"filename": "x"}}], "messages[0].content[0].file"),
    ],
)
def test_what_is_no_content_is_refused_with_its_place(value: object, param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(value)
    assert caught.value.param == param


def test_text_alone_is_one_string() -> None:
    assert write(Text("a")) == ("a", [])
    assert write(Text("a"), Text("b")) == ("a\n\nb", [])
    assert write() == ("", [])
    assert joined([Text("a"), Refusal("x"), Text("b")], "") == "ab"


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (
            Image(PNG),
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        ),
        (
            Image(Link("https://x/y"), "high"),
            {"type": "image_url", "image_url": {"url": "https://x/y", "detail": "high"}},
        ),
        (
            Document(Inline("JVBE", "application/pdf"), "a.pdf"),
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
        ),
        (Document(FileId("file-1")), {"type": "file", "file": {"file_id": "file-1"}}),
        (
            Audio(Inline("SUQz", "audio/mpeg")),
            {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
        ),
        (
            Audio(Inline("Zkxh", "audio/flac")),
            {"type": "input_audio", "input_audio": {"data": "Zkxh", "format": "flac"}},
        ),
    ],
)
def test_media_are_written_as_parts_and_read_back(part: Part, told: object) -> None:
    assert write(Text("see"), part) == ([{"type": "text", "text": "see"}, told], [])
    assert read([told]) == ([part], [])


def test_a_file_has_a_name_without_which_openai_does_not_take_it() -> None:
    told, lost = write(Text("see"), Document(Inline("JVBE", "application/pdf")))
    file = {"filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBE"}
    assert told == [{"type": "text", "text": "see"}, {"type": "file", "file": file}] and not lost


def test_a_file_of_text_is_told_as_text() -> None:
    data = b64encode("über".encode()).decode()
    assert write(Document(Inline(data, "text/markdown"), "a.md")) == ("a.md\n\nüber", [])
    assert write(Text("q"), Document(Inline(data, "text/plain"))) == ("q\n\nüber", [])


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (Image(FileId("file-1")), "messages.image"),
        (Document(Link("https://x/a.pdf")), "messages.document"),
        (Document(Inline("!", "text/plain")), "messages.document"),
        (Document(Inline("/w==", "text/plain")), "messages.document"),
        (ToolCall("a", "b", "{}"), "messages.content"),
        (Thinking("hm"), "messages.content"),
    ],
)
def test_what_cannot_be_written_is_reported(part: Part, lost: str) -> None:
    assert write(Text("q"), part) == ("q", [lost])


@pytest.mark.parametrize("source", [PNG, Link("https://x"), FileId("f")])
def test_every_source_is_written_or_lost(source: Source) -> None:
    for part in (Image(source), Document(source)):
        content, lost = write(part)
        assert bool(content) != bool(lost)


def test_thinking_in_content_is_text_or_parts_of_it() -> None:
    assert thought_text("a") == "a"
    assert thought_text([{"text": "a"}, "x", {"text": [{"text": "b"}]}]) == "ab"
    assert thought_text(7) == ""
