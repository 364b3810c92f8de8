"""What messages are made of, whatever the dialect: text, media, thinking, calls of tools and their results.

A kind is here because at least two dialects have it. What only one has is reported as a loss by the
decoder that meets it; bytes between equal dialects never come here.
"""

from typing import Literal, TypeAlias

import msgspec

__all__ = [
    "Audio",
    "Document",
    "FileId",
    "Image",
    "Inline",
    "Link",
    "Part",
    "Refusal",
    "ResultPart",
    "Role",
    "Seal",
    "Source",
    "Text",
    "Thinking",
    "ToolCall",
    "ToolResult",
]

Role = Literal["system", "user", "assistant"]


class Seal(msgspec.Struct, frozen=True):
    """Something opaque that only the dialect that made it can read, and wants back unchanged.

    Anthropic's thinking `signature` and redacted `data`, OpenAI's `encrypted_content`, Google's
    `thoughtSignature`. `dialects/opaque.py` carries it through clients that speak another dialect.
    """

    dialect: str
    data: str


class Inline(msgspec.Struct, frozen=True, tag="inline"):
    """Media in the request itself: base64 text and its media type, such as `image/png`."""

    data: str
    media_type: str


class Link(msgspec.Struct, frozen=True, tag="link"):
    """Media that the provider is to fetch."""

    url: str
    media_type: str = ""


class FileId(msgspec.Struct, frozen=True, tag="file"):
    """Media that was uploaded to the provider before."""

    id: str


Source: TypeAlias = Inline | Link | FileId


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Text that somebody said."""

    text: str


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """What the model said instead of an answer, where the dialect keeps it apart from text."""

    text: str


class Image(msgspec.Struct, frozen=True, tag="image"):
    """A picture; `detail` is `low`, `high`, `auto` or empty."""

    source: Source
    detail: str = ""


class Document(msgspec.Struct, frozen=True, tag="document"):
    """A file: PDF or text. `name` is a file name or a title."""

    source: Source
    name: str = ""


class Audio(msgspec.Struct, frozen=True, tag="audio"):
    """Sound: base64 in the source, with a media type such as `audio/wav`."""

    source: Inline


class Thinking(msgspec.Struct, frozen=True, tag="thinking"):
    """What the model thought: readable text or none, and the seal that proves it, if there is one.

    `redacted` marks a block whose text the provider keeps to itself altogether.
    """

    text: str
    seal: Seal | None = None
    redacted: bool = False


class ToolCall(msgspec.Struct, frozen=True, tag="call"):
    """A call of a tool. `arguments` is JSON text, or free text when the tool is `custom`."""

    id: str
    name: str
    arguments: str
    custom: bool = False
    seal: Seal | None = None


ResultPart: TypeAlias = Text | Image | Document


class ToolResult(msgspec.Struct, frozen=True, tag="result"):
    """What a tool answered. `name` is the tool's, "" where the dialect does not repeat it."""

    call_id: str
    parts: tuple[ResultPart, ...]
    name: str = ""
    is_error: bool = False
    custom: bool = False


Part: TypeAlias = Text | Refusal | Image | Document | Audio | Thinking | ToolCall | ToolResult
