"""Content blocks of a request, written: text, media, results of tools. Blank text is refused, so left out.

Not the order of messages, which `write_messages.py` sees to.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterable
from typing import assert_never

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
from llm_gateway.dialects.messages.members import Json

__all__ = ["write_block", "write_blocks", "write_result"]

_PICTURES = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))


def write_blocks(parts: Iterable[Part], losses: Losses) -> list[Json]:
    """Write what anybody may say: text and media."""
    return [told for part in parts if (told := write_block(part, losses)) is not None]


def write_block(part: Part, losses: Losses) -> Json | None:
    """Write one part; None for what cannot be said, or says nothing."""
    match part:
        case Text(text) | Refusal(text):
            return {"type": "text", "text": text} if text and not text.isspace() else None
        case Image(source, detail):
            if detail not in ("", "auto"):
                losses.add("messages.image.detail", "each model decides how closely it looks")
            return _picture(source, losses)
        case Document(source, name):
            return _document(source, name, losses)
        case Audio():
            losses.add("messages.audio", "this dialect has no sound")
            return None
        case Thinking() | ToolCall() | ToolResult():
            losses.add("messages.content", "a part stands in a message whose role cannot have it")
            return None
        case _:
            assert_never(part)


def write_result(result: ToolResult, call_id: str, losses: Losses) -> Json:
    """Write what a tool answered. A failure is told in text alone (an API error says so)."""
    told: dict[str, object] = {"type": "tool_result", "tool_use_id": call_id}
    blocks = write_blocks(result.parts, losses)
    if blocks:
        told["content"] = blocks
    if result.is_error:
        if all(block["type"] == "text" for block in blocks):
            told["is_error"] = True
        else:
            losses.add("messages.tool_result.is_error", "a failure is told in text alone")
    return told


def _picture(source: Source, losses: Losses) -> Json | None:
    match source:
        case Inline(data, media_type):
            if media_type not in _PICTURES:
                losses.add("messages.image", "a kind of picture that this dialect does not take")
                return None
            return {"type": "image", "source": _base64(data, media_type)}
        case Link(url):
            return {"type": "image", "source": {"type": "url", "url": url}}
        case FileId():
            losses.add("messages.image.file_id", "a file that another provider keeps")
            return None
        case _:
            assert_never(source)


def _document(source: Source, name: str, losses: Losses) -> Json | None:
    told: Json | None
    match source:
        case Inline(data, "application/pdf"):
            told = _base64(data, "application/pdf")
        case Inline(data, media_type):
            told = _text_source(data, media_type, losses)
        case Link(url):
            told = {"type": "url", "url": url}
        case FileId():
            losses.add("messages.document.file_id", "a file that another provider keeps")
            told = None
        case _:
            assert_never(source)
    if told is None:
        return None
    document: dict[str, object] = {"type": "document", "source": told}
    if name:
        document["title"] = name
    return document


def _base64(data: str, media_type: str) -> Json:
    return {"type": "base64", "media_type": media_type, "data": data}


def _text_source(data: str, media_type: str, losses: Losses) -> Json | None:
    """Return a file of text as text, whatever its kind: that is all there is beside PDF."""
    if media_type.startswith("text/") or media_type in ("application/json", "application/xml"):
        try:
            text = b64decode("".join(data.split()), validate=True).decode()
        except (binascii.Error, ValueError):
            losses.add("messages.document", "a file of text that is not UTF-8")
            return None
        return {"type": "text", "media_type": "text/plain", "data": text} if text else None
    losses.add("messages.document", "a kind of file that this dialect does not take")
    return None
