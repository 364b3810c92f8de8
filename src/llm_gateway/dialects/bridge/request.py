"""Requests to bridges: what a bridge cannot do is refused before anybody is asked, the rest is written.

What changes what an answer is about (tools, pictures, a form) is refused; how tokens are chosen is reported
as lost, because the vendors' programs that bridges run decide that themselves.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Raw

from llm_gateway.canonical.abilities import Abilities
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Audio, Document, Image, Part, ToolCall, ToolResult
from llm_gateway.canonical.request import (
    CustomTool,
    Encoded,
    Format,
    FunctionTool,
    Message,
    Reasoning,
    Request,
    Sampling,
    Tool,
    ToolChoice,
)
from llm_gateway.dialects.contract import Target
from llm_gateway.errors import MalformedRequest, UnsupportedByBridge

__all__ = ["decode_request", "encode_request"]

_ITSELF = "the program behind a bridge decides that itself"

_NOTHING = Raw(b"null")


class _Function(msgspec.Struct, frozen=True, tag="function"):
    """A tool on the wire: a schema that may be missing cannot be read as `Raw | None`."""

    name: str
    description: str = ""
    schema: Raw = _NOTHING
    strict: bool | None = None


class _Format(msgspec.Struct, frozen=True):
    kind: Literal["json", "schema"]
    name: str = ""
    description: str = ""
    schema: Raw = _NOTHING
    strict: bool | None = None


class _Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request on the wire, without what no bridge takes."""

    messages: tuple[Message, ...]
    tools: tuple[_Function | CustomTool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    reasoning: Reasoning | None = None
    format: _Format | None = None
    stream: bool = False
    cache_key: str = ""


_encode = msgspec.json.encode
_asked = msgspec.json.Decoder(_Asked)


def encode_request(request: Request, target: Target) -> Encoded:
    """Write a request for a bridge of the target's abilities; UnsupportedByBridge names what it cannot do."""
    able = target.abilities or Abilities()
    losses = Losses()
    for what in _missing(request, able):
        raise UnsupportedByBridge(
            f"{target.model}: this bridge takes no {what}; leave it out, or name a model of another provider",
            param=what,
        )
    if request.sampling != Sampling():
        for field in msgspec.structs.fields(Sampling):
            if getattr(request.sampling, field.name) not in (None, ()):
                losses.add(field.name, _ITSELF)
    if request.reasoning is not None and not able.effort:
        losses.add("reasoning", _ITSELF)
    for name in ("service_tier", "user"):
        if getattr(request, name):
            losses.add(name, "a subscription is its owner's, with one tier")
    if not able.system and any(message.role == "system" for message in request.messages):
        losses.add("messages.system", "this bridge has no place for it: it is put before the conversation")
    asked = _Asked(
        request.messages,
        tuple(map(_tool_out, request.tools)),
        request.tool_choice,
        request.reasoning,
        _format_out(request.format),
        request.stream,
        request.cache_key,
    )
    return Encoded(_encode(asked), losses.found())


def decode_request(body: bytes) -> Request:
    """Read what `encode_request` wrote; MalformedRequest when it is anything else."""
    try:
        asked = _asked.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedRequest(
            "this is no request of the bridges' language; are both ends of one version?"
        ) from None
    return Request(
        asked.messages,
        tuple(map(_tool_in, asked.tools)),
        asked.tool_choice,
        reasoning=asked.reasoning,
        format=_format_in(asked.format),
        stream=asked.stream,
        cache_key=asked.cache_key,
    )


def _tool_out(tool: Tool) -> _Function | CustomTool:
    if isinstance(tool, CustomTool):
        return tool
    return _Function(tool.name, tool.description, _or_null(tool.schema), tool.strict)


def _tool_in(tool: _Function | CustomTool) -> Tool:
    if isinstance(tool, CustomTool):
        return tool
    return FunctionTool(tool.name, tool.description, _or_none(tool.schema), tool.strict)


def _format_out(form: Format | None) -> _Format | None:
    if form is None:
        return None
    return _Format(form.kind, form.name, form.description, _or_null(form.schema), form.strict)


def _format_in(form: _Format | None) -> Format | None:
    if form is None:
        return None
    return Format(form.kind, form.name, form.description, _or_none(form.schema), form.strict)


def _or_null(schema: Raw | None) -> Raw:
    return _NOTHING if schema is None else schema


def _or_none(schema: Raw) -> Raw | None:
    return None if bytes(schema) == b"null" else schema.copy()


def _missing(request: Request, able: Abilities) -> Iterator[str]:
    """Yield the names of what the request needs and the bridge has not."""
    if request.tools and request.tool_choice.mode != "none":
        if not able.tools:
            yield "tools"
        if not able.custom_tools and any(isinstance(tool, CustomTool) for tool in request.tools):
            yield "custom tools"
    if request.format is not None and not able.schema:
        yield "response_format"
    for message in request.messages:
        for part in message.parts:
            yield from _media(part, able)
            if isinstance(part, ToolCall) and not able.tools:
                yield "tools"
            if isinstance(part, ToolResult):
                for each in part.parts:
                    yield from _media(each, able)


def _media(part: Part, able: Abilities) -> Iterator[str]:
    match part:
        case Image() if not able.images:
            yield "images"
        case Document() if not able.documents:
            yield "files"
        case Audio():
            yield "audio"
        case _:
            pass
