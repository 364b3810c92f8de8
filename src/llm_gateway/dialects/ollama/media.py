"""Pictures and sound: base64 text without a media type, which is told by the first bytes.

Ollama does the same (`llm/media.go`): what begins as WAV or MP3 is sound. Nothing but that is decoded.
"""

import base64
import binascii

from llm_gateway.canonical.parts import Audio, Image, Inline

__all__ = ["plain_base64", "read_media"]

_UNKNOWN = "application/octet-stream"
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"ID3", "audio/mpeg"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif"}
_NEEDED = 24  # of base64: enough for every beginning above


def read_media(data: str) -> Image | Audio:
    """Return what a member of `images` holds."""
    if data.startswith("data:"):  # a URL; Ollama itself refuses it, servers that speak like it do not
        data = data.partition(",")[2]
    media_type = _media_type(data)
    source = Inline(data, media_type)
    return Audio(source) if media_type.startswith("audio/") else Image(source)


def plain_base64(data: str) -> str:
    """Return base64 in the alphabet and with the padding that Go's decoder demands."""
    if "-" in data or "_" in data:
        data = data.replace("-", "+").replace("_", "/")
    return data + "=" * (-len(data) % 4) if len(data) % 4 else data


def _media_type(data: str) -> str:
    try:
        begin = base64.b64decode(plain_base64(data[:_NEEDED]))
    except (binascii.Error, ValueError):
        return _UNKNOWN
    for beginning, media_type in _BEGINNINGS:
        if begin.startswith(beginning):
            return media_type
    if begin[:4] == b"RIFF":
        return _RIFF.get(begin[8:12], _UNKNOWN)
    if begin[4:8] == b"ftyp":
        return _BRANDS.get(begin[8:12], _UNKNOWN)
    if len(begin) > 1 and begin[0] == 0xFF and begin[1] & 0xE0 == 0xE0:  # the frame of an MPEG stream
        return "audio/mpeg"
    return _UNKNOWN
