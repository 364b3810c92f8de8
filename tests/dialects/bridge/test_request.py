"""Requests to bridges: everything arrives, what cannot be done is refused, what is not taken is told."""

import msgspec
import pytest
from hypothesis import given

from canonical_strategies import requests
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.canonical.parts import Audio, Document, Image, Inline, Text, ToolCall, ToolResult
from llm_gateway.canonical.request import (
    CustomTool,
    Format,
    FunctionTool,
    Message,
    Reasoning,
    Request,
    Sampling,
    ToolChoice,
)
from llm_gateway.dialects.bridge.request import decode_request, encode_request
from llm_gateway.dialects.contract import Target
from llm_gateway.errors import MalformedRequest, UnsupportedByBridge

ALL = Abilities(tools=True, custom_tools=True, images=True, documents=True, schema=True, effort=True)
PICTURE = Image(Inline("AAAA", "image/png"))


def said(*parts: Text | Image | Document | Audio | ToolCall | ToolResult) -> Request:
    return Request((Message("user", parts),))


def target(abilities: Abilities | None) -> Target:
    return Target("m", abilities=abilities)


@given(requests())
def test_a_request_arrives_as_it_was_but_for_the_sampling(request_: Request) -> None:
    if any(isinstance(part, Audio) for message in request_.messages for part in message.parts):
        return
    encoded = encode_request(request_, target(ALL))
    arrived = decode_request(encoded.body)
    assert arrived.messages == request_.messages
    assert arrived.sampling == Sampling()
    assert arrived.reasoning == request_.reasoning
    # A schema is bytes, which are equal when they say the same: they are compared as what they say.
    assert msgspec.json.encode(arrived.tools) == msgspec.json.encode(request_.tools)
    assert msgspec.json.encode(arrived.format) == msgspec.json.encode(request_.format)


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (Request((), tools=(FunctionTool("f"),)), "tools"),
        (said(ToolCall("1", "f", "{}")), "tools"),
        (said(PICTURE), "images"),
        (said(ToolResult("1", (PICTURE,))), "images"),
        (said(Document(Inline("AAAA", "application/pdf"))), "files"),
        (said(Audio(Inline("AAAA", "audio/wav"))), "audio"),
        (Request((), format=Format("json")), "response_format"),
    ],
)
def test_what_a_bridge_cannot_do_is_refused(request_: Request, what: str) -> None:
    with pytest.raises(UnsupportedByBridge, match=f"takes no {what}") as refused:
        encode_request(request_, target(None))
    assert (refused.value.param, refused.value.status) == (what, 400)


def test_custom_tools_need_more_than_tools() -> None:
    custom = Request((), tools=(CustomTool("c"),))
    with pytest.raises(UnsupportedByBridge, match="custom tools"):
        encode_request(custom, target(Abilities(tools=True)))
    assert not encode_request(custom, target(ALL)).losses


def test_tools_that_must_not_be_called_are_no_reason_to_refuse() -> None:
    request_ = Request((), tools=(FunctionTool("f"),), tool_choice=ToolChoice("none"))
    assert encode_request(request_, target(None)).losses == ()


def test_what_is_not_taken_is_told() -> None:
    request_ = Request(
        (Message("system", (Text("be brief"),)),),
        sampling=Sampling(max_tokens=5, temperature=0.0, stop=("x",)),
        reasoning=Reasoning("high"),
        user="u",
        service_tier="flex",
    )
    lost = {loss.what for loss in encode_request(request_, target(Abilities(system=False))).losses}
    assert lost == {
        "max_tokens",
        "temperature",
        "stop",
        "reasoning",
        "user",
        "service_tier",
        "messages.system",
    }
    assert {loss.what for loss in encode_request(request_, target(ALL)).losses} == lost - {
        "reasoning",
        "messages.system",
    }


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff", b'{"messages":[{"role":"x"}]}', b"[" * 5000])
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequest, match="one version"):
        decode_request(body)
