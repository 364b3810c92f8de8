"""Where tools speak in a request of the `messages` dialect: results, and the inputs of calls.

Not a reader of requests (`read_messages.py`): what is shaped in any other way than documented has no slots.
What a server's tool found comes with what the model says, and is none either.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.gather import Form, Member, Names, Recall, found_in, gather, nothing_known
from llm_gateway.canonical.slots import (
    Called,
    Slot,
    Slots,
    Told,
    is_observation,
    is_string,
    longest,
)
from llm_gateway.wire.jsonedit import Document

__all__ = ["slots"]

_NOTHING = Raw(b"null")
_CONTENT, _TEXT = b'"content"', b'"text"'
_SHELL = "bash"  # that of agents which know no tools


class _Block(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    id: str = ""
    name: str = ""
    input: Raw = _NOTHING
    tool_use_id: str = ""
    content: Raw = _NOTHING
    is_error: bool | None = None
    text: Raw = _NOTHING
    cache_control: Raw = _NOTHING


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: Raw


_message = msgspec.json.Decoder(_Message)
_blocks = msgspec.json.Decoder(list[_Block])


def slots(document: Document, recall: Recall = nothing_known) -> Slots:
    """Return what tools say in a request, and what they were called with."""
    found = gather(document, _FORM, recall)
    if "cache_control" in document.fields:  # of all that there is
        return msgspec.structs.replace(found, marked=len(found.starts))
    return found


def _told(raw: bytes, names: Names) -> Told:
    message = _message.decode(raw)
    content = bytes(message.content)
    if message.role not in ("user", "assistant"):
        return Told(raw)
    if is_string(content):
        return _string(raw, content, answers=message.role == "assistant")
    blocks = _blocks.decode(content)
    if message.role == "user":
        return _user(raw, blocks, names)
    calls = [block for block in blocks if block.type == "tool_use"]
    return Told(
        raw,
        tuple(Called(bytes(block.input), block.name) for block in calls),
        answers=True,
        marked=0 if _is_marked(blocks) else None,
        names=tuple((block.id, block.name) for block in calls),
        sums_up=any(block.type == "compaction" for block in blocks),
    )


def _string(raw: bytes, content: bytes, *, answers: bool) -> Told:
    if answers:
        return Told(raw, answers=True)
    if is_observation(content):
        return Told(raw, *found_in(raw, [(_CONTENT, content, Slot(content, _SHELL))]))
    return Told(raw, opening=(content,))


def _user(raw: bytes, blocks: Sequence[_Block], names: Names) -> Told:
    found: list[Member] = []
    texts: list[bytes] = []
    marked: int | None = None
    for block in blocks:
        if block.type == "tool_result":
            found += _result(block, names.get(block.tool_use_id, ""))
        elif block.type == "text" and is_string(literal := bytes(block.text)):
            texts.append(literal)
            found.append((_TEXT, literal, Slot(literal, _SHELL) if is_observation(literal) else None))
        if block.cache_control is not _NOTHING or _is_marked_inside(block):
            marked = sum(slot is not None for _, _, slot in found)
    entries, places = found_in(raw, found)
    return Told(raw, entries, places, marked=marked and min(marked, len(places)), opening=tuple(texts))


def _result(block: _Block, tool: str) -> list[Member]:
    content, error = bytes(block.content), block.is_error is True
    if is_string(content):
        return [(_CONTENT, content, Slot(content, tool, error))]
    if not content.startswith(b"["):
        return []
    texts = [literal for part in _blocks.decode(content) if is_string(literal := bytes(part.text))]
    chosen = longest(texts)
    return [(_TEXT, text, Slot(text, tool, error) if text is chosen else None) for text in texts]


def _is_marked(blocks: Iterable[_Block]) -> bool:
    return any(block.cache_control is not _NOTHING for block in blocks)


def _is_marked_inside(block: _Block) -> bool:
    content = bytes(block.content)
    return content.startswith(b"[") and _is_marked(_blocks.decode(content))


_FORM = Form("messages", "messages", _told)
