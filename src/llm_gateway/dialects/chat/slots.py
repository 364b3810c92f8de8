"""Where tools speak in a request of the `chat` dialect: messages of the role `tool`, and calls' arguments.

Not a reader of requests (`decode.py`): what is shaped in any other way than documented has no slots. What a
user says is one only in the format of an agent that hands on results so.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.gather import Form, Member, Names, Recall, found_in, gather, nothing_known
from llm_gateway.canonical.slots import Called, Slot, Slots, Told, is_observation, is_string, longest
from llm_gateway.wire.jsonedit import Document

__all__ = ["slots"]

_NOTHING = Raw(b"null")
_CONTENT, _TEXT = b'"content"', b'"text"'
_SHELL = "bash"  # that of agents which know no tools


class _Function(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    arguments: Raw = _NOTHING


class _Custom(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    input: Raw = _NOTHING


class _Call(msgspec.Struct, frozen=True, gc=False):
    id: str = ""
    function: _Function = _Function()
    custom: _Custom | None = None


class _Part(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    text: Raw = _NOTHING
    # The marks of OpenRouter and LiteLLM (as Anthropic's), of LiteLLM for Bedrock, and of OpenAI.
    cache_control: Raw = _NOTHING
    cachePoint: Raw = _NOTHING
    prompt_cache_breakpoint: Raw = _NOTHING


class _Message(msgspec.Struct, frozen=True, gc=False):
    role: str
    content: Raw = _NOTHING
    tool_calls: list[_Call] | None = None
    tool_call_id: str = ""
    cache_control: Raw = _NOTHING


_message = msgspec.json.Decoder(_Message)
_parts = msgspec.json.Decoder(list[_Part])


def slots(document: Document, recall: Recall = nothing_known) -> Slots:
    """Return what tools say in a request, and what they were called with."""
    return gather(document, _FORM, recall)


def _told(raw: bytes, names: Names) -> Told:
    message = _message.decode(raw)
    if message.role == "assistant":
        calls = message.tool_calls or []
        return Told(
            raw,
            tuple(_called(call) for call in calls),
            answers=True,
            marked=None if message.cache_control is _NOTHING else 0,
            names=tuple((call.id, call.function.name) for call in calls),
        )
    content = bytes(message.content)
    parts = _parts.decode(content) if content.startswith(b"[") else []
    texts = [content] if is_string(content) else _texts(parts)
    found = _members(message.role, texts, _TEXT if parts else _CONTENT, names.get(message.tool_call_id, ""))
    entries, places = found_in(raw, found)
    marked = message.cache_control is not _NOTHING or any(map(_is_marked, parts))
    opening = tuple(texts) if message.role == "user" else ()
    return Told(raw, entries, places, marked=len(places) if marked else None, opening=opening)


def _called(call: _Call) -> Called:
    if call.custom is not None:
        return Called(bytes(call.custom.input), call.custom.name)
    return Called(bytes(call.function.arguments), call.function.name)


def _members(role: str, texts: Sequence[bytes], key: bytes, tool: str) -> list[Member]:
    if role in ("tool", "function"):  # the latter is what tools were called first
        chosen = longest(texts)
        return [(key, text, Slot(text, tool) if text is chosen else None) for text in texts]
    if role == "user":
        return [(key, text, Slot(text, _SHELL) if is_observation(text) else None) for text in texts]
    return []


def _texts(parts: Sequence[_Part]) -> list[bytes]:
    return [literal for part in parts if is_string(literal := bytes(part.text))]


def _is_marked(part: _Part) -> bool:
    marks = (part.cache_control, part.cachePoint, part.prompt_cache_breakpoint)
    return any(mark is not _NOTHING for mark in marks)


_FORM = Form("chat", "messages", _told)
