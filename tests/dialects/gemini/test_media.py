"""Pictures, sound and files, read and written."""

import pytest

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Audio, Document, FileId, Image, Inline, Link
from llm_gateway.dialects.gemini.media import read_media, write_media
from llm_gateway.errors import MalformedRequest

WHERE = "contents[0].parts[0]"


def read(key: str, **told: object) -> tuple[object, list[str]]:
    losses = Losses()
    return read_media(key, told, WHERE, losses), [loss.what for loss in losses.found()]


@pytest.mark.parametrize(
    ("told", "part"),
    [
        ({"mimeType": "image/PNG", "data": "AA=="}, Image(Inline("AA==", "image/png"))),
        ({"mimeType": "audio/wav", "data": "AA=="}, Audio(Inline("AA==", "audio/wav"))),
        (
            {"mimeType": "application/pdf", "data": "AA==", "displayName": "a.pdf"},
            Document(Inline("AA==", "application/pdf"), "a.pdf"),
        ),
        ({"mimeType": "text/plain", "data": "AA=="}, Document(Inline("AA==", "text/plain"))),
    ],
)
def test_media_in_the_request(told: dict[str, object], part: object) -> None:
    assert read("inlineData", **told) == (part, [])


@pytest.mark.parametrize(
    ("told", "part"),
    [
        ({"fileUri": "https://x.org/a.PNG?b=c.d"}, Image(Link("https://x.org/a.PNG?b=c.d", "image/png"))),
        (
            {"fileUri": "https://x.org/a", "mimeType": "image/jpeg"},
            Image(Link("https://x.org/a", "image/jpeg")),
        ),
        ({"fileUri": "https://x.org/a.pdf"}, Document(Link("https://x.org/a.pdf", "application/pdf"))),
        ({"fileUri": "https://x.org/a"}, Document(Link("https://x.org/a"))),
    ],
)
def test_media_by_address(told: dict[str, object], part: object) -> None:
    assert read("fileData", **told) == (part, [])


@pytest.mark.parametrize(
    ("key", "told", "lost"),
    [
        ("inlineData", {"mimeType": "video/mp4", "data": "AA=="}, "contents.parts.inlineData"),
        ("fileData", {"fileUri": "https://x.org/a", "mimeType": "audio/wav"}, "contents.parts.fileData"),
        ("fileData", {"fileUri": "gs://bucket/a"}, "contents.parts.fileData"),
        ("fileData", {"fileUri": "https://www.youtube.com/watch?v=1"}, "contents.parts.fileData"),
        (
            "fileData",
            {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"},
            "contents.parts.fileData",
        ),
    ],
)
def test_what_nobody_else_sees_is_lost(key: str, told: dict[str, object], lost: str) -> None:
    assert read(key, **told) == (None, [lost])


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("inlineData", {"data": "AA=="}),
        ("inlineData", {"mimeType": "image/png"}),
        ("inlineData", {"mimeType": 5, "data": "AA=="}),
        ("fileData", {}),
    ],
)
def test_what_is_no_media_is_refused(key: str, told: dict[str, object]) -> None:
    with pytest.raises(MalformedRequest, match=r"contents\[0\]"):
        read(key, **told)


def test_members_that_are_not_known_are_lost() -> None:
    assert read("inlineData", mimeType="image/png", data="AA==", new=1)[1] == [
        "contents.parts.inlineData.new"
    ]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (Image(Inline("AA==", "image/png")), [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]),
        (Audio(Inline("AA==", "audio/wav")), [{"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}]),
        (
            Image(Link("https://x.org/a.png")),
            [{"fileData": {"fileUri": "https://x.org/a.png", "mimeType": "image/png"}}],
        ),
        (Image(Link("https://x.org/a")), [{"fileData": {"fileUri": "https://x.org/a"}}]),
        (
            Document(Inline("AA==", "application/pdf"), "a.pdf"),
            [{"text": "a.pdf:"}, {"inlineData": {"mimeType": "application/pdf", "data": "AA=="}}],
        ),
    ],
)
def test_writing(part: Image | Document | Audio, told: object) -> None:
    losses = Losses()
    assert write_media(part, losses) == told and not losses.found()


def test_what_cannot_be_written_is_lost() -> None:
    losses = Losses()
    assert write_media(Document(FileId("file-1"), "a.pdf"), losses) == []
    write_media(Image(Link("https://x.org/a.png"), "high"), losses)
    write_media(Image(Link("https://x.org/a.png"), "auto"), losses)
    assert [loss.what for loss in losses.found()] == ["messages.file_id", "messages.image.detail"]
