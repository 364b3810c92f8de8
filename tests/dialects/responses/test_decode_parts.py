"""Content parts read: each as its kind, what has no kind elsewhere reported."""

import pytest

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Audio, Document, FileId, Image, Inline, Link, Part, Refusal, Text
from llm_gateway.dialects.responses.decode_parts import decode_content, decode_output
from llm_gateway.errors import MalformedRequest

PNG = "data:image/png;base64,iVBORw0="


def read(*parts: object) -> tuple[tuple[Part, ...], list[str]]:
    losses = Losses()
    found = decode_content(list(parts), "content", losses)
    return found, [loss.what for loss in losses.found()]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "input_text", "text": "a"}, Text("a")),
        ({"type": "output_text", "text": "a", "annotations": [], "logprobs": [{"token": "a"}]}, Text("a")),
        ("a", Text("a")),
        ({"type": "refusal", "refusal": "no"}, Refusal("no")),
        ({"type": "input_image", "image_url": PNG}, Image(Inline("iVBORw0=", "image/png"))),
        (
            {"type": "input_image", "image_url": "https://a/b.jpg", "detail": "high", "file_id": None},
            Image(Link("https://a/b.jpg"), "high"),
        ),
        ({"type": "input_image", "image_url": "data:,text"}, Image(Link("data:,text"))),
        ({"type": "input_image", "image_url": "data:;base64,aa"}, Image(Inline("aa", "image/png"))),
        ({"type": "input_image", "file_id": "file-1"}, Image(FileId("file-1"))),
        (
            {"type": "input_file", "file_data": "JVBERi0=", "filename": "a.pdf"},
            Document(Inline("JVBERi0=", "application/pdf"), "a.pdf"),
        ),
        (
            {"type": "input_file", "file_data": "data:text/csv;base64,YQ==", "filename": "a"},
            Document(Inline("YQ==", "text/csv"), "a"),
        ),
        (
            {"type": "input_file", "file_data": "YQ==", "filename": "a.MD"},
            Document(Inline("YQ==", "text/markdown"), "a.MD"),
        ),
        (
            {"type": "input_file", "file_data": "YQ==", "filename": "a.bin"},
            Document(Inline("YQ==", "application/octet-stream"), "a.bin"),
        ),
        ({"type": "input_file", "file_url": "https://a/b.pdf"}, Document(Link("https://a/b.pdf"))),
        ({"type": "input_file", "file_id": "file-1", "detail": "auto"}, Document(FileId("file-1"))),
        (
            {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
            Audio(Inline("UklG", "audio/wav")),
        ),
    ],
)
def test_a_part_is_read_without_loss(part: object, expected: Part) -> None:
    assert read(part) == ((expected,), [])


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (
            {"type": "output_text", "text": "a", "annotations": [{"type": "url_citation"}]},
            "input.annotations",
        ),
        (
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
            "input.prompt_cache_breakpoint",
        ),
        ({"type": "input_text", "text": "a", "new": 1}, "input.text.new"),
        ({"type": "input_image", "image_url": PNG, "detail": "original"}, "input.input_image.detail"),
        ({"type": "input_image", "image_url": PNG, "new": 1}, "input.input_image.new"),
        ({"type": "input_file", "file_id": "f", "detail": "high"}, "input.input_file.detail"),
        ({"type": "input_file", "file_id": "f", "new": 1}, "input.input_file.new"),
        (
            {"type": "input_audio", "input_audio": {"data": "", "format": "mp3"}, "new": 1},
            "input.input_audio.new",
        ),
        ({"type": "refusal", "refusal": "no", "new": 1}, "input.refusal.new"),
    ],
)
def test_what_a_part_says_beyond_is_reported(part: object, lost: str) -> None:
    found, losses = read(part)
    assert len(found) == 1 and losses == [lost]


def test_a_part_of_no_known_kind_is_lost_by_its_name() -> None:
    assert read({"type": "input_hologram"}, {"type": "not a word"}) == (
        (),
        ["input.input_hologram", "input.unknown"],
    )


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (7, "content"),
        ([7], "content[0]"),
        ([{}], "content[0].type"),
        ([{"type": "input_text", "text": 7}], "content[0].text"),
        ([{"type": "input_image"}], "content[0].file_id"),
        ([{"type": "input_audio", "input_audio": {"data": 7}}], "content[0].input_audio"),
    ],
)
def test_what_is_no_content_is_refused_with_its_place(content: object, where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        decode_content(content, "content", Losses())
    assert caught.value.param == where


def test_nothing_is_no_content() -> None:
    nothing: tuple[object, ...] = (None, "", [])
    for content in nothing:
        assert decode_content(content, "content", Losses()) == ()
    assert decode_content("a", "content", Losses()) == (Text("a"),)


def test_the_output_of_a_tool_may_hold_pictures_and_files() -> None:
    losses = Losses()
    parts = [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PNG}]
    assert decode_output(parts, "output", losses) == (
        (Text("a"), Image(Inline("iVBORw0=", "image/png"))),
        False,
    )
    assert decode_output("a", "output", losses) == ((Text("a"),), False)
    assert decode_output({"content": "a", "success": False}, "output", losses) == ((Text("a"),), True)
    assert not losses.found()
    assert decode_output([{"type": "refusal", "refusal": "no"}], "output", losses) == ((), False)
    assert [loss.what for loss in losses.found()] == ["input.tool_output.content"]
