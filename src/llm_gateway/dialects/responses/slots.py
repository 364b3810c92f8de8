"""Where tools speak in a request of the `responses` dialect: outputs of calls, and calls' arguments.

Not a reader of requests (`decode_items.py`): what is shaped in any other way than documented has no slots.
What a server's tool found comes with what the model says (`mcp_call`, `web_search_call`), and is none either.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.gather import Form, Member, Names, Recall, found_in, gather, nothing_known
from llm_gateway.canonical.slots import Called, Slot, Slots, Told, is_observation, is_string, longest
from llm_gateway.wire.jsonedit import Document

__all__ = ["slots"]

_NOTHING = Raw(b"null")
_CONTENT, _OUTPUT, _TEXT, _STDOUT = b'"content"', b'"output"', b'"text"', b'"stdout"'
_SHELL = "shell"
_SUMMARIES = ("compaction", "compaction_summary", "context_compaction")
_OUTPUTS = "_call_output"  # function_, custom_tool_, local_shell_, shell_, apply_patch_, computer_


class _Part(msgspec.Struct, frozen=True, gc=False):
    text: Raw = _NOTHING
    stdout: Raw = _NOTHING
    prompt_cache_breakpoint: Raw = _NOTHING


class _Item(msgspec.Struct, frozen=True, gc=False):
    type: str = "message"
    role: str = ""
    name: str = ""
    call_id: str | None = None
    content: Raw = _NOTHING
    output: Raw = _NOTHING
    arguments: Raw = _NOTHING
    input: Raw = _NOTHING
    action: Raw = _NOTHING


_item = msgspec.json.Decoder(_Item)
_parts = msgspec.json.Decoder(list[_Part])


def slots(document: Document, recall: Recall = nothing_known) -> Slots:
    """Return what tools say in a request, and what they were called with."""
    return gather(document, _FORM, recall)


def _told(raw: bytes, names: Names) -> Told:
    item = _item.decode(raw)
    if item.type.endswith(_OUTPUTS):
        return _output(raw, item, names)
    if item.type == "message" and item.role != "assistant":
        return _message(raw, item)
    for literal in (item.arguments, item.input, item.action):
        if literal is not _NOTHING:
            tool = item.name or (_SHELL if "shell" in item.type else "")
            called = (Called(bytes(literal), tool),)
            return Told(raw, called, answers=True, names=((item.call_id or "", tool),))
    # A reference to an item counts as one, whatever it is.
    return Told(raw, answers=True, sums_up=item.type in _SUMMARIES)


def _output(raw: bytes, item: _Item, names: Names) -> Told:
    output = bytes(item.output)
    tool = names.get(item.call_id or "", _SHELL if "shell" in item.type else "")
    if is_string(output):
        return Told(raw, *found_in(raw, [(_OUTPUT, output, Slot(output, tool))]))
    if not output.startswith(b"["):
        return Told(raw)
    parts = _parts.decode(output)
    key = _STDOUT if any(part.stdout is not _NOTHING for part in parts) else _TEXT
    texts = _texts(parts, key)
    chosen = longest(texts)
    members: list[Member] = [(key, text, Slot(text, tool) if text is chosen else None) for text in texts]
    entries, places = found_in(raw, members)
    return Told(raw, entries, places, marked=len(places) if _is_marked(parts) else None)


def _message(raw: bytes, item: _Item) -> Told:
    content = bytes(item.content)
    parts = _parts.decode(content) if content.startswith(b"[") else []
    texts = [content] if is_string(content) else _texts(parts, _TEXT)
    key = _TEXT if parts else _CONTENT
    if item.role != "user":
        return Told(raw, marked=0 if _is_marked(parts) else None)
    members: list[Member] = [
        (key, text, Slot(text, _SHELL) if is_observation(text) else None) for text in texts
    ]
    entries, places = found_in(raw, members)
    marked = len(places) if _is_marked(parts) else None
    return Told(raw, entries, places, marked=marked, opening=tuple(texts))


def _texts(parts: Sequence[_Part], key: bytes) -> list[bytes]:
    values = (bytes(part.stdout if key is _STDOUT else part.text) for part in parts)
    return [literal for literal in values if is_string(literal)]


def _is_marked(parts: Sequence[_Part]) -> bool:
    return any(part.prompt_cache_breakpoint is not _NOTHING for part in parts)


_FORM = Form("responses", "input", _told)
