"""Requests to bridges: what a bridge cannot do is refused before anybody is asked, the rest is written.

What changes what an answer is about (tools, pictures, a form) is refused; how tokens are chosen is reported
as lost, because the vendors' programs that bridges run decide that themselves.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.canonical.abilities import Abilities
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Audio, Document, Image, Part, ToolCall, ToolResult
from llm_gateway.canonical.request import CustomTool, Encoded, Request, Sampling
from llm_gateway.dialects.contract import Target
from llm_gateway.errors import MalformedRequest, UnsupportedByBridge

__all__ = ["decode_request", "encode_request"]

_ITSELF = "the program behind a bridge decides that itself"

_encode = msgspec.json.encode
_request = msgspec.json.Decoder(Request)


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
    return Encoded(_encode(msgspec.structs.replace(request, sampling=Sampling())), losses.found())


def decode_request(body: bytes) -> Request:
    """Read what `encode_request` wrote; MalformedRequest when it is anything else."""
    try:
        return _request.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedRequest(
            "this is no request of the bridges' language; are both ends of one version?"
        ) from None


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
