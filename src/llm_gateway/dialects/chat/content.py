"""What stands in the `content` of a message: text, pictures, sound and files, read and written.

Not calls of tools and not reasoning, which have places of their own in a message. Media in `data:` URLs
become bytes of their own kind; other URLs stay links, which nobody here follows.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import assert_never
from urllib.parse import unquote_to_bytes

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
    ToolResult,
)
from llm_gateway.dialects.chat.members import Json, lose, lose_unknown, text_of, wrong

__all__ = ["joined", "kind_of", "read_content", "thought_text", "write_content"]

_Piece = Text | Refusal | Image | Document | Audio | Thinking

_SOUND = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_FORMATS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}
_TYPED = frozenset(("type", "text"))
_PICTURE = frozenset(("url", "detail"))
_RECORDING = frozenset(("data", "format"))
_FILE = frozenset(("file_data", "file_id", "filename"))
_MEDIA = {
    "image_url": frozenset(("type", "image_url")),
    "input_audio": frozenset(("type", "input_audio")),
    "file": frozenset(("type", "file")),
    "refusal": frozenset(("type", "refusal")),
    "thinking": frozenset(("type", "thinking", "closed")),
}


def read_content(value: object, where: str, losses: Losses) -> list[_Piece]:
    """Read a `content`: a string or a list of parts; nothing when it is null."""
    if isinstance(value, str):
        return [Text(value)] if value else []
    if value is None:
        return []
    if not isinstance(value, list):
        raise wrong(where, "a string or a list of parts")
    pieces: list[_Piece] = []
    for index, part in enumerate(value):
        place = f"{where}[{index}]"
        match part:
            case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
                pieces.append(Text(text))
                lose_unknown(part, _TYPED, "messages.", losses)
            case str():
                pieces.append(Text(part))
            case {"type": str(kind)}:
                if (piece := _read_media(kind, part, place, losses)) is not None:
                    pieces.append(piece)
            case _:
                raise wrong(place, "an object with a `type`")
    return pieces


def kind_of(media: Image | Document | Audio) -> str:
    """Return the type of part that media stand in."""
    match media:
        case Image():
            return "image_url"
        case Document():
            return "file"
        case Audio():
            return "input_audio"
    assert_never(media)


def _read_media(kind: str, part: Json, place: str, losses: Losses) -> _Piece | None:
    known = _MEDIA.get(kind)
    if known is None:
        if kind in ("text", "input_text", "output_text"):
            raise wrong(f"{place}.text", "a string")
        lose(losses, "messages.", kind, "no other dialect has content of this type")
        return None
    lose_unknown(part, known, "messages.", losses)
    value = part.get(kind)
    match kind:
        case "image_url":
            return _read_picture(value, place, losses)
        case "input_audio":
            return _read_sound(value, place, losses)
        case "file":
            return _read_file(value, place, losses)
        case "thinking":
            return Thinking(thought_text(value))
        case _:
            return Refusal(text_of(value, f"{place}.refusal"))


def thought_text(value: object) -> str:
    """Return the text of a `thinking` part, which Mistral's API makes of parts of text."""
    if isinstance(value, list):
        return "".join(thought_text(part.get("text")) for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else ""


def _read_picture(value: object, place: str, losses: Losses) -> _Piece:
    detail = ""
    url = value  # a bare string is what a few local clients send
    if isinstance(value, dict):
        url = value.get("url")
        detail = text_of(value.get("detail"), f"{place}.image_url.detail")
        lose_unknown(value, _PICTURE, "messages.image_url.", losses)
    if not isinstance(url, str):
        raise wrong(f"{place}.image_url", "an object with a `url`")
    source = _source(url, f"{place}.image_url.url")
    kind = source.media_type
    if isinstance(source, Inline) and kind.startswith("audio/"):
        return Audio(source)
    if kind == "application/pdf" or kind.startswith("text/"):
        return Document(source)
    return Image(source, detail)


def _source(url: str, place: str) -> Inline | Link:
    """Take a URL apart when it holds the media itself (RFC 2397)."""
    if url[:5].lower() != "data:":
        return Link(url)
    head, comma, data = url[5:].partition(",")
    if not comma:
        raise wrong(place, "a URL; a `data:` URL has a comma before its data")
    media_type, *parameters = head.split(";")
    if "base64" in parameters:
        return Inline(data, media_type or "text/plain")
    return Inline(b64encode(unquote_to_bytes(data)).decode(), media_type or "text/plain")


def _read_sound(value: object, place: str, losses: Losses) -> _Piece:
    if not isinstance(value, dict):
        raise wrong(f"{place}.input_audio", "an object")
    lose_unknown(value, _RECORDING, "messages.input_audio.", losses)
    data = text_of(value.get("data"), f"{place}.input_audio.data")
    form = text_of(value.get("format"), f"{place}.input_audio.format")
    if not data or not form:
        raise wrong(f"{place}.input_audio", "an object with `data` and `format`")
    if data[:5].lower() == "data:":
        data = data.partition(",")[2]
    return Audio(Inline(data, _SOUND.get(form, f"audio/{form}")))


def _read_file(value: object, place: str, losses: Losses) -> _Piece:
    if not isinstance(value, dict):
        raise wrong(f"{place}.file", "an object")
    lose_unknown(value, _FILE, "messages.file.", losses)
    name = text_of(value.get("filename"), f"{place}.file.filename")
    data = text_of(value.get("file_data"), f"{place}.file.file_data")
    file_id = text_of(value.get("file_id"), f"{place}.file.file_id")
    source: Source
    if data.startswith(("http://", "https://")) or data[:5].lower() == "data:":
        source = _source(data, f"{place}.file.file_data")
    elif data:
        source = Inline(data, "application/pdf")  # the one kind that the vendor documents
    elif file_id:
        source = FileId(file_id)
    else:
        raise wrong(f"{place}.file", "an object with `file_data` or `file_id`")
    return Document(source, name)


def joined(parts: Sequence[Part], between: str = "\n\n") -> str:
    """Return the text of these parts as one string: all that many servers of this dialect take."""
    return between.join([part.text for part in parts if isinstance(part, Text)])


def write_content(parts: Sequence[Part], losses: Losses) -> str | list[Json]:
    """Write the content of a message: a string when it is text alone, else parts."""
    if all(isinstance(part, Text) for part in parts):
        return joined(parts)
    written = [told for part in parts if (told := _write(part, losses)) is not None]
    if all(told["type"] == "text" for told in written):
        return "\n\n".join([str(told["text"]) for told in written])
    return written


def _write(part: Part, losses: Losses) -> Json | None:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(source, detail):
            return _write_picture(source, detail, losses)
        case Document(source, name):
            return _write_file(source, name, losses)
        case Audio(source):
            form = _FORMATS.get(source.media_type, source.media_type.partition("/")[2] or "wav")
            return {"type": "input_audio", "input_audio": {"data": source.data, "format": form}}
        case Refusal() | Thinking() | ToolCall() | ToolResult():
            losses.add("messages.content", "a part stands in a message whose role cannot have it")
            return None
        case _:
            assert_never(part)


def _write_picture(source: Source, detail: str, losses: Losses) -> Json | None:
    match source:
        case Inline(data, media_type):
            url = f"data:{media_type};base64,{data}"
        case Link(url):
            pass
        case FileId():
            losses.add("messages.image", "a picture cannot be named by the id of a file")
            return None
        case _:
            assert_never(source)
    return {"type": "image_url", "image_url": {"url": url, "detail": detail} if detail else {"url": url}}


def _write_file(source: Source, name: str, losses: Losses) -> Json | None:
    told: dict[str, object] = {"filename": name} if name else {}
    match source:
        case Inline(data, media_type) if media_type.startswith("text/"):
            return _write_text_file(data, name, losses)
        case Inline(data, media_type):  # which OpenAI takes with a name alone
            told = {"filename": name or "file.pdf", "file_data": f"data:{media_type};base64,{data}"}
        case FileId(id):
            told["file_id"] = id
        case Link():
            losses.add("messages.document", "a file cannot be named by its URL")
            return None
        case _:
            assert_never(source)
    return {"type": "file", "file": told}


def _write_text_file(data: str, name: str, losses: Losses) -> Json | None:
    """Write a file of text as text: as a file, servers of this dialect take PDF alone."""
    try:
        text = b64decode("".join(data.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        losses.add("messages.document", "a file of text that is not UTF-8")
        return None
    return {"type": "text", "text": f"{name}\n\n{text}" if name else text}
