"""Whole answers between this dialect and the common model. Streams: `decoder.py` and `encoder.py`.

What is written has every member that the vendor's specification calls required, null where there is
nothing to say: some clients are generated from it.
"""

from collections.abc import Mapping
from typing import assert_never

import msgspec
from msgspec import Raw

from llm_gateway.canonical.customs import wrapped
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Response
from llm_gateway.dialects.contract import Asked, Read, Written
from llm_gateway.dialects.messages.finish import read_finish, write_finish
from llm_gateway.dialects.messages.members import lose
from llm_gateway.dialects.messages.names import read_name
from llm_gateway.dialects.messages.response import UNREADABLE, error_text
from llm_gateway.dialects.messages.seals import NAME, call_signature, made_seal, signature
from llm_gateway.dialects.messages.tally import Tally
from llm_gateway.dialects.messages.usage import told
from llm_gateway.errors import UpstreamBroken
from llm_gateway.wire.strays import strays

__all__ = [
    "SILENT",
    "Block",
    "Envelope",
    "called_by",
    "decode_response",
    "encode_count",
    "encode_response",
    "response_id",
]

SILENT = frozenset(("fallback",))
"""Blocks of answers that say nothing to any model or reader: where another model took over."""

_encode = msgspec.json.encode
_members = msgspec.json.Decoder(dict[str, Raw])


class Block(msgspec.Struct, gc=False):
    """A block of an answer, or the beginning of one."""

    type: str = ""
    text: object = None
    citations: object = None
    thinking: object = None
    signature: object = None
    data: object = None
    id: object = None
    name: object = None
    input: Raw = msgspec.field(default_factory=Raw)
    caller: object = None
    # Of blocks that are lost as a whole.
    content: object = None
    tool_use_id: object = None
    server_name: object = None


class Envelope(msgspec.Struct, gc=False):
    """What a message says of itself."""

    id: object = None
    model: object = None
    type: object = None
    role: object = None
    stop_reason: object = None
    stop_sequence: object = None
    stop_details: object = None
    usage: Raw = msgspec.field(default_factory=Raw)


class _Message(Envelope):
    content: list[Block] | None = None
    error: object = None


_message = msgspec.json.Decoder(_Message)


def decode_response(body: bytes) -> Read:
    """Read a whole answer; UpstreamBroken when it is none."""
    try:
        message = _message.decode(body)
    except UNREADABLE:
        raise UpstreamBroken("the upstream's answer is no message") from None
    if message.error is not None:
        raise UpstreamBroken(f"the upstream failed while it answered: {error_text(message.error)}")
    if message.content is None:
        raise UpstreamBroken("the upstream's answer is no message: it has no content")
    losses = Losses()
    for name in strays(body, _Message):
        lose(losses, "response.", name, "not known outside of the dialect it came in")
    parts = [part for block in message.content if (part := _part(block, losses)) is not None]
    if message.stop_details:
        losses.add("response.stop_details", "other dialects have no place for it")
    tally = Tally()
    tally.take(message.usage)
    response = Response(
        _text(message.id),
        _text(message.model),
        tuple(parts),
        read_finish(_text(message.stop_reason) or "end_turn"),
        _text(message.stop_sequence),
        tally.usage(),
        tally.tier,
    )
    return Read(response, losses.found())


def _part(block: Block, losses: Losses) -> AnswerPart | None:
    match block.type:
        case "text":
            if block.citations:
                losses.add("response.citations", "other dialects have no place for it")
            text = _text(block.text)
            return Text(text) if text else None
        case "thinking":
            signed = _text(block.signature)
            return Thinking(_text(block.thinking), made_seal(signed))
        case "redacted_thinking":
            return Thinking("", Seal(NAME, _text(block.data)), redacted=True)
        case "tool_use":
            if called_by(block.caller):
                losses.add("response.caller", "elsewhere only the model itself calls tools")
            arguments = bytes(block.input).decode("utf-8", "replace") if len(block.input) else "{}"
            return ToolCall(_text(block.id), read_name(_text(block.name)), arguments)
        case kind:
            if kind not in SILENT:
                lose(losses, "response.", kind, "what only this dialect has")
            return None


def called_by(caller: object) -> bool:
    """Whether somebody else than the model called a tool: a program of the provider's."""
    return isinstance(caller, dict) and caller.get("type") != "direct"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def response_id(asked: Asked) -> str:
    """Return the id of the answer to this request."""
    return f"msg_{asked.id}"


def encode_response(response: Response, asked: Asked) -> Written:
    """Write a whole answer."""
    losses = Losses()
    content: list[Mapping[str, object]] = []
    for part in response.parts:
        _add_block(part, content, losses)
    called = any(isinstance(part, ToolCall) for part in response.parts)
    refused = any(isinstance(part, Refusal) for part in response.parts)
    answer = {
        "id": response_id(asked),
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": write_finish(response.finish, called=called, refused=refused, losses=losses),
        "stop_sequence": response.sequence or None,
        "stop_details": None,
        "container": None,
        "usage": told(response.usage),
    }
    return Written(_encode(answer), response_id(asked), losses.found())


def _add_block(part: AnswerPart, content: list[Mapping[str, object]], losses: Losses) -> None:
    match part:
        case Text(text) | Refusal(text):
            if text:  # clients send blocks back, and Anthropic refuses an empty one
                content.append({"type": "text", "text": text, "citations": None})
        case Thinking(text, seal, redacted):
            if redacted:
                content.append({"type": "redacted_thinking", "data": signature(seal)})
            elif text or seal is not None:
                content.append({"type": "thinking", "thinking": text, "signature": signature(seal)})
        case ToolCall():
            if part.seal is not None:
                _add_call_seal(call_signature(part.seal), content)
            call = wrapped(part) if part.custom else part
            content.append(
                {
                    "type": "tool_use",
                    "id": call.id,
                    "name": call.name,
                    "input": _input(call.arguments, losses),
                    "caller": {"type": "direct"},
                }
            )
        case _:
            assert_never(part)


def _add_call_seal(sealed: str, content: list[Mapping[str, object]]) -> None:
    """Sign the thinking before the call, where nobody has, or a block of no text."""
    said = ""
    match content:
        case [*_, {"type": "thinking", "thinking": str(said), "signature": str(told)}] if said:
            if told == signature(None):
                content.pop()
            else:
                said = ""
    content.append({"type": "thinking", "thinking": said, "signature": sealed})


def _input(arguments: str, losses: Losses) -> object:
    """Return arguments as the object that they have to be."""
    if not arguments.strip():
        return {}
    try:
        return _members.decode(arguments)
    except (*UNREADABLE, UnicodeEncodeError):
        losses.add("response.tool_use.input", "no JSON object, so put into one")
        return {"arguments": arguments}


def encode_count(tokens: int) -> bytes:
    """Write the answer to a request that only counts tokens."""
    return b'{"input_tokens":%d}' % tokens
