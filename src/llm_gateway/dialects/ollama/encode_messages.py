"""The messages of a request written as a chat of this dialect.

A message here has one text and a list of pictures, which Ollama puts before the text. Where somebody said it
in another order, a message becomes several, as in Ollama's own reading of OpenAI's requests
(`openai/openai.go`). Results of tools are messages of their own, with the name of the tool.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import assert_never

import msgspec

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
    ResultPart,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.ollama.calls import Call, write_call
from llm_gateway.dialects.ollama.media import plain_base64

__all__ = ["Written", "write_messages"]

_BETWEEN = "\n\n"
_FAILED = "The tool failed."
_SOUND = frozenset(("audio/wav", "audio/x-wav", "audio/wave", "audio/mpeg", "audio/mp3"))


class Written(msgspec.Struct, omit_defaults=True):
    """One message as it is sent."""

    role: str
    content: str
    thinking: str = ""
    images: list[str] = []
    tool_calls: list[Call] = []
    tool_name: str = ""
    tool_call_id: str = ""


def write_messages(messages: Iterable[Message], losses: Losses) -> list[Written]:
    """Write the conversation."""
    names: dict[str, str] = {}  # of the tools that were called, by the call's id
    out: list[Written] = []
    for message in messages:
        writing = _Writing(message.role, names, losses)
        for part in message.parts:
            writing.take(part)
        out += writing.written()
    return out


class _Writing:
    """One message on its way to become one or more."""

    def __init__(self, role: str, names: dict[str, str], losses: Losses) -> None:
        self._role = role
        self._names = names
        self._losses = losses
        self._out: list[Written] = []
        self._thinking: list[str] = []
        self._images: list[str] = []
        self._content: list[str] = []
        self._calls: list[Call] = []

    def take(self, part: Part) -> None:
        match part:
            case Text(text):
                self._say(text)
            case Refusal(text):
                self._losses.add("messages.refusal", "said as any other text")
                self._say(text)
            case Document():
                if text := _read_document(part, self._losses):
                    self._say(text)
            case Image():
                if data := _picture(part, self._losses):
                    self._show(data)
            case Audio(source):
                if source.media_type in _SOUND:
                    self._show(plain_base64(source.data))
                else:
                    self._losses.add("messages.audio", "sound is WAV or MP3")
            case Thinking():
                self._think(part)
            case ToolCall():
                self._names[part.id] = part.name
                self._calls.append(write_call(part, self._losses, "messages.tool_calls."))
            case ToolResult():
                self._flush()
                self._out.append(self._result(part))
            case _:
                assert_never(part)

    def written(self) -> list[Written]:
        """Return the messages; one that says nothing keeps its place."""
        self._flush()
        return self._out or [Written(self._role, "")]

    def _say(self, text: str) -> None:
        if self._calls:
            self._out_of_order()
        if text:
            self._content.append(text)

    def _show(self, data: str) -> None:
        if self._calls:
            self._out_of_order()
        elif self._content:
            self._flush()
        self._images.append(data)

    def _think(self, part: Thinking) -> None:
        if part.seal is not None:
            self._losses.add(
                "messages.thinking.signature", "there is no place for what only one model can read"
            )
        if not part.text:
            return
        if self._calls:
            self._out_of_order()
        elif self._content or self._images:
            self._flush()
        self._thinking.append(part.text)

    def _out_of_order(self) -> None:
        """Report what is said after a call: such a message goes on, because results have to follow it."""
        self._losses.add("messages.content.order", "calls of tools stand at the end of a message")

    def _result(self, result: ToolResult) -> Written:
        texts, images = _result_content(result.parts, self._losses)
        if result.is_error:
            texts.insert(0, _FAILED)
        name = result.name or self._names.get(result.call_id, "")
        return Written(
            "tool", _BETWEEN.join(texts), images=images, tool_name=name, tool_call_id=result.call_id
        )

    def _flush(self) -> None:
        if not (self._thinking or self._images or self._content or self._calls):
            return
        self._out.append(
            Written(
                self._role,
                _BETWEEN.join(self._content),
                thinking=_BETWEEN.join(self._thinking),
                images=self._images,
                tool_calls=self._calls,
            )
        )
        self._thinking, self._images, self._content, self._calls = [], [], [], []


def _result_content(parts: Iterable[ResultPart], losses: Losses) -> tuple[list[str], list[str]]:
    texts: list[str] = []
    images: list[str] = []
    for part in parts:
        match part:
            case Text(text):
                texts.append(text)
            case Document():
                texts.append(_read_document(part, losses))
            case Image():
                images.append(_picture(part, losses))
            case _:
                assert_never(part)
    return [text for text in texts if text], [data for data in images if data]


def _picture(image: Image, losses: Losses) -> str:
    """Return a picture as base64; "" where it is somewhere else."""
    if image.detail not in ("", "auto"):
        losses.add("messages.image.detail", "how closely a picture is looked at cannot be said")
    match image.source:
        case Inline(data):
            return plain_base64(data)
        case Link():
            losses.add("messages.image.url", "a picture has to be in the request itself")
        case FileId():
            losses.add("messages.image.file_id", "a picture has to be in the request itself")
        case _:
            assert_never(image.source)
    return ""


def _read_document(document: Document, losses: Losses) -> str:
    """Return a file of text, its name before it; "" for any other one."""
    source = document.source
    if isinstance(source, Inline) and source.media_type.startswith("text/"):
        try:
            text = base64.b64decode(plain_base64(source.data)).decode()
        except (binascii.Error, ValueError):
            losses.add("messages.document", "a file of text that is not UTF-8")
            return ""
        return f"{document.name}:\n{text}" if document.name else text
    losses.add("messages.document", "a message holds text and pictures, no files")
    return ""
