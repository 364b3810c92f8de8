"""Pictures and sound are told by their first bytes."""

import base64

import pytest

from llm_gateway.canonical.parts import Audio, Image, Inline
from llm_gateway.dialects.ollama.media import plain_base64, read_media


@pytest.mark.parametrize(
    ("beginning", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM\x46\0", "image/bmp"),
        (b"II*\0", "image/tiff"),
        (b"\0\0\0\x20ftypavif", "image/avif"),
        (b"\0\0\0\x20ftypheic", "image/heic"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"RIFF\x10\0\0\0AVI LIST", "application/octet-stream"),
        (b"\0\0\0\x20ftypmp42", "application/octet-stream"),
        (b"%PDF-1.7", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_beginning_tells(beginning: bytes, media_type: str) -> None:
    data = base64.b64encode(beginning + bytes(40) if beginning else b"").decode()
    media = read_media(data)
    assert media.source == Inline(data, media_type)
    assert isinstance(media, Audio if media_type.startswith("audio/") else Image)


@pytest.mark.parametrize("data", ["no base64!", "é", "A"])
def test_what_is_no_base64_is_the_upstreams_to_refuse(data: str) -> None:
    assert read_media(data) == Image(Inline(data, "application/octet-stream"))


def test_a_url_of_data_is_its_data() -> None:
    assert read_media("data:image/x;base64,iVBORw0KGgo=") == Image(Inline("iVBORw0KGgo=", "image/png"))


def test_base64_becomes_what_go_reads() -> None:
    assert plain_base64("-_-_") == "+/+/"
    assert plain_base64("-_8") == "+/8="
    assert plain_base64("QUJD") == "QUJD"
    assert plain_base64("QQ") == "QQ=="
