"""The usual conversation, read at once: text, thinking, calls and their results, and nothing out of the way.

What a coding agent sends with every turn is of this kind, and it is long. Anything else, down to a member
that nobody knows, is left to the general readers: what is read here is read there alike.
"""

from collections.abc import Sequence
from typing import Literal, assert_never

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Part, Seal, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import FunctionTool, Message
from llm_gateway.dialects.messages.members import CACHED
from llm_gateway.dialects.messages.response import UNREADABLE
from llm_gateway.dialects.messages.seals import open_signature

__all__ = ["read_usual_messages", "read_usual_tools"]

_NOTHING = Raw(b"null")


class _Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    cache_control: Raw = _NOTHING


class _Text(_Block, frozen=True, tag="text"):
    text: str


class _Thinking(_Block, frozen=True, tag="thinking"):
    thinking: str
    signature: str = ""


class _ToolUse(_Block, frozen=True, tag="tool_use"):
    id: str
    name: str
    input: dict[str, object]


class _ToolResult(_Block, frozen=True, tag="tool_result"):
    tool_use_id: str
    content: str | list[_Text] = ""
    is_error: bool = False


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: Literal["user", "assistant"]
    content: str | list[_Text | _Thinking | _ToolUse | _ToolResult]


class _Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    input_schema: Raw
    description: str = ""
    cache_control: Raw = _NOTHING


_messages = msgspec.json.Decoder(list[_Message])
_tools = msgspec.json.Decoder(list[_Tool])
_encode = msgspec.json.encode


def read_usual_messages(raw: Raw, losses: Losses) -> list[Message] | None:
    """Return the messages; None when they are not of the usual kind, and then nothing was reported."""
    try:
        told = _messages.decode(raw)
    except UNREADABLE:
        return None
    names: dict[str, str] = {}
    marks: list[Raw] = []
    messages: list[Message] = []
    for message in told:
        content = message.content
        if isinstance(content, str):
            messages.append(Message(message.role, (Text(content),) if content else ()))
        elif (parts := _parts(content, names, marks)) is not None:
            messages.append(Message(message.role, parts))
        else:
            return None
    if any(map(_says, marks)):
        losses.add(*CACHED)
    return messages


def _parts(
    blocks: Sequence[_Text | _Thinking | _ToolUse | _ToolResult], names: dict[str, str], marks: list[Raw]
) -> tuple[Part, ...] | None:
    """Read the blocks of a message; `names` and `marks` grow by what is met in them."""
    parts: list[Part] = []
    call_seal: Seal | None = None
    for block in blocks:
        if block.cache_control is not _NOTHING:
            marks.append(block.cache_control)
        match block:
            case _Text():
                if block.text:
                    parts.append(Text(block.text))
            case _ToolUse():
                if not block.id or not block.name:
                    return None
                names[block.id] = block.name
                arguments = _encode(block.input).decode()
                parts.append(ToolCall(block.id, block.name, arguments, seal=call_seal))
                call_seal = None
            case _ToolResult():
                if not block.tool_use_id:
                    return None
                name = names.get(block.tool_use_id, "")
                parts.append(ToolResult(block.tool_use_id, _said(block.content, marks), name, block.is_error))
            case _Thinking():
                seal, of_call = open_signature(block.signature)
                if of_call:
                    call_seal = seal
                if block.thinking or not of_call:
                    parts.append(Thinking(block.thinking, None if of_call else seal))
            case _:
                assert_never(block)
    return tuple(parts)


def _said(content: str | list[_Text], marks: list[Raw]) -> tuple[Text, ...]:
    if isinstance(content, str):
        return (Text(content),) if content else ()
    marks += [block.cache_control for block in content if block.cache_control is not _NOTHING]
    return tuple([Text(block.text) for block in content if block.text])


def read_usual_tools(raw: Raw, losses: Losses) -> dict[str, FunctionTool] | None:
    """Return the tools by name; None when there is more to them, and then nothing was reported."""
    try:
        told = _tools.decode(raw)
    except UNREADABLE:
        return None
    tools: dict[str, FunctionTool] = {}
    for tool in told:
        if not tool.name or len(tool.input_schema) == len(b"null"):
            return None
        tools[tool.name] = FunctionTool(tool.name, tool.description, tool.input_schema)
    if any(_says(tool.cache_control) for tool in told if tool.cache_control is not _NOTHING):
        losses.add(*CACHED)
    return tools


def _says(mark: Raw) -> bool:
    return bytes(mark) not in (b"null", b"{}", b"false")
