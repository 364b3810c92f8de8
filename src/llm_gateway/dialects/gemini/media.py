"""Pictures, sound and files: `inlineData` and `fileData`, read and written.

Files that were uploaded to Google nobody else can fetch; video is Google's alone.
"""

from typing import assert_never

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Audio, Document, FileId, Image, Inline, Link, Source
from llm_gateway.dialects.gemini.members import Json, lose_unknown, text_of, wrong

__all__ = ["read_media", "write_media"]

_INLINE = frozenset(("mimeType", "data", "displayName"))
_FILE = frozenset(("mimeType", "fileUri", "displayName"))
_FETCHED = ("http://", "https://")
_GOOGLES = ("https://generativelanguage.googleapis.com/", "https://www.youtube.com/", "https://youtu.be/")
_SUFFIXES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".html": "text/html",
}


def read_media(key: str, told: Json, where: str, losses: Losses) -> Image | Document | Audio | None:
    """Read `inlineData` or `fileData`; None where it is lost."""
    media_type = text_of(told.get("mimeType"), f"{where}.mimeType").lower()
    name = text_of(told.get("displayName"), f"{where}.displayName")
    source: Inline | Link
    if key == "inlineData":
        lose_unknown(told, _INLINE, "contents.parts.inlineData.", losses)
        data = text_of(told.get("data"), f"{where}.data")
        if not media_type or not data:
            raise wrong(where, "an object with `mimeType` and `data`")
        source = Inline(data, media_type)
    else:
        lose_unknown(told, _FILE, "contents.parts.fileData.", losses)
        url = text_of(told.get("fileUri"), f"{where}.fileUri")
        if not url:
            raise wrong(f"{where}.fileUri", "the address of a file")
        if not url.startswith(_FETCHED) or url.startswith(_GOOGLES):
            losses.add(f"contents.parts.{key}", "a file kept by Google, which nobody else can fetch")
            return None
        media_type = media_type or _by_suffix(url)
        source = Link(url, media_type)
    return _of_kind(key, media_type, source, name, losses)


def _of_kind(
    key: str, media_type: str, source: Inline | Link, name: str, losses: Losses
) -> Image | Document | Audio | None:
    match media_type.partition("/")[0]:
        case "image":
            return Image(source)
        case "audio" if isinstance(source, Inline):
            return Audio(source)
        case "audio":
            losses.add(f"contents.parts.{key}", "other dialects take sound only as it is, not its address")
            return None
        case "video":
            losses.add(f"contents.parts.{key}", "other dialects do not see video")
            return None
    return Document(source, name)


def _by_suffix(url: str) -> str:
    path = url.partition("?")[0].rpartition("/")[2]
    dot = path.rfind(".")
    return _SUFFIXES.get(path[dot:].lower(), "") if dot >= 0 else ""


def write_media(part: Image | Document | Audio, losses: Losses) -> list[Json]:
    """Write one piece of media; the name of a file, which has no place of its own, as text before it."""
    match part:
        case Image(source, detail):
            if detail in ("low", "high"):
                losses.add(
                    "messages.image.detail", "how closely a picture is looked at is the model's choice"
                )
            return _write(source, losses)
        case Document(source, name):
            told = _write(source, losses)
            return [{"text": f"{name}:"}, *told] if name and told else told
        case Audio(source):
            return _write(source, losses)
        case _:
            assert_never(part)


def _write(source: Source, losses: Losses) -> list[Json]:
    match source:
        case Inline(data, media_type):
            return [{"inlineData": {"mimeType": media_type, "data": data}}]
        case Link(url, media_type):
            told = {"fileUri": url}
            if kind := media_type or _by_suffix(url):
                told["mimeType"] = kind
            return [{"fileData": told}]
        case FileId():
            losses.add("messages.file_id", "a file that was uploaded to another provider")
            return []
        case _:
            assert_never(source)
