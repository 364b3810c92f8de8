"""Where tools speak in a request of the `ollama` dialect: messages of the role `tool`, and calls' arguments.

Not a reader of requests (`decode_messages.py`): what is shaped in any other way than documented has no slots.
Nothing in this dialect marks a prompt for a cache: an engine keeps what it has of one by itself.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.gather import Form, Names, Recall, found_in, gather, nothing_known
from llm_gateway.canonical.slots import Called, Slot, Slots, Told, is_observation, is_string
from llm_gateway.wire.jsonedit import Document

__all__ = ["slots"]

_NOTHING = Raw(b"null")
_CONTENT = b'"content"'
_SHELL = "bash"  # that of agents which know no tools


class _Function(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    arguments: Raw = _NOTHING


class _Call(msgspec.Struct, frozen=True, gc=False):
    function: _Function = _Function()
    id: str = ""


class _Message(msgspec.Struct, frozen=True, gc=False):
    role: str
    content: Raw = _NOTHING
    tool_calls: list[_Call] | None = None
    tool_name: str = ""
    tool_call_id: str = ""


_message = msgspec.json.Decoder(_Message)


def slots(document: Document, recall: Recall = nothing_known) -> Slots:
    """Return what tools say in a request, and what they were called with."""
    return gather(document, _FORM, recall)


def _told(raw: bytes, names: Names) -> Told:
    message = _message.decode(raw)
    if message.role == "assistant":
        calls = message.tool_calls or []
        return Told(
            raw,
            tuple(Called(bytes(call.function.arguments), call.function.name) for call in calls),
            answers=True,
            names=tuple((call.id, call.function.name) for call in calls),
        )
    content = bytes(message.content)
    if not is_string(content):
        return Told(raw)
    slot: Slot | None = None
    if message.role == "tool":
        slot = Slot(content, message.tool_name or names.get(message.tool_call_id, ""))
    elif message.role == "user" and is_observation(content):
        slot = Slot(content, _SHELL)
    if slot is not None:
        return Told(raw, *found_in(raw, [(_CONTENT, content, slot)]))
    return Told(raw, opening=(content,) if message.role == "user" else ())


_FORM = Form("ollama", "messages", _told)
