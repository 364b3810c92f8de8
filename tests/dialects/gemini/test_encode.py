"""Requests written for each generation of Gemini."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.parts import Part, Seal, Text, Thinking, ToolCall, ToolResult
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
from llm_gateway.dialects.contract import Path, Target
from llm_gateway.dialects.gemini.decode import decode_request
from llm_gateway.dialects.gemini.encode import encode_request
from llm_gateway.dialects.gemini.request import read_call

HI = (Message("user", (Text("hi"),)),)
SCHEMA = Raw(b'{"type":"object","properties":{"a":{"type":["string","null"]}}}')
NEW, OLD = Target("gemini-3-flash"), Target("gemini-2.5-flash")


# JSON, of the shape that the test says.
def encode(request: Request, target: Target = NEW) -> tuple[dict[str, Any], list[str]]:
    encoded = encode_request(request, target)
    return json.loads(encoded.body), [loss.what for loss in encoded.losses]


def test_the_least() -> None:
    told, lost = encode(Request(HI))
    assert told == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]} and lost == []


def test_everything() -> None:
    told, lost = encode(
        Request(
            (Message("system", (Text("be"),)), *HI),
            (FunctionTool("f", "d", SCHEMA), CustomTool("t")),
            ToolChoice("required", ("f",)),
            Sampling(5, 0.5),
            Reasoning("high"),
            Format("schema", "n", "", SCHEMA, strict=True),
            stream=True,
        )
    )
    assert told["systemInstruction"] == {"parts": [{"text": "be"}]}
    first, second = told["tools"][0]["functionDeclarations"]
    assert first == {"name": "f", "description": "d", "parametersJsonSchema": json.loads(bytes(SCHEMA))}
    assert second["name"] == "t" and second["parametersJsonSchema"]["required"] == ["input"]
    assert told["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}
    assert told["generationConfig"] == {
        "maxOutputTokens": 5,
        "temperature": 0.5,
        "responseMimeType": "application/json",
        "responseJsonSchema": {**json.loads(bytes(SCHEMA)), "title": "n"},
        "thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True},
    }
    assert lost == []
    assert "stream" not in told and "model" not in told, "both stand in the path"


def test_tools_and_a_form_together_are_for_newer_models() -> None:
    request = Request(HI, (FunctionTool("f"),), format=Format("json"))
    assert encode(request)[0]["generationConfig"] == {"responseMimeType": "application/json"}
    told, lost = encode(request, OLD)
    assert "generationConfig" not in told and lost == ["response_format"]


@pytest.mark.parametrize(
    ("members", "lost"),
    [
        ({"user": "u"}, ["user"]),
        ({"cache_key": "k"}, ["prompt_cache_key"]),
        ({"service_tier": "flex"}, ["service_tier"]),
        ({"service_tier": "auto"}, []),
        ({"tool_choice": ToolChoice("required")}, ["tool_choice"]),
        ({"tool_choice": ToolChoice("none")}, []),
    ],
)
def test_what_the_dialect_cannot_say_is_lost(members: dict[str, Any], lost: list[str]) -> None:
    assert encode(Request(HI, **members)) == (encode(Request(HI))[0], lost)


NAMES = st.sampled_from(["f", "g", "h.i"])
WORDS = st.text(min_size=1, max_size=5)
SEALS = st.none() | st.builds(Seal, st.just("gemini"), st.just("c2ln"))
CALLS = st.builds(
    lambda number, name, seal: ToolCall(f"id{number}", name, '{"a":1}', seal=seal),
    st.integers(0, 99),
    NAMES,
    SEALS,
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    messages: list[Message] = [Message("system", (Text("be"),))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        messages.append(Message("user", (Text(draw(WORDS)),)))
        said: list[Part] = [Text(draw(WORDS))] if draw(st.booleans()) else []
        if draw(st.booleans()):
            said.insert(0, Thinking(draw(WORDS), Seal("gemini", "c2ln")))
        calls = draw(st.lists(CALLS, max_size=3, unique_by=lambda call: call.id))
        if not calls and not any(isinstance(part, Text) for part in said):
            continue  # what the model only thought is no turn of it
        messages.append(Message("assistant", (*said, *calls)))
        if calls:
            results = [
                ToolResult(call.id, (Text(draw(WORDS)),), call.name, draw(st.booleans())) for call in calls
            ]
            messages.append(Message("user", tuple(results)))
            messages.append(Message("assistant", (Text(draw(WORDS)),)))
    return tuple(messages)


@given(conversations())
def test_what_was_written_is_read_as_it_was(messages: tuple[Message, ...]) -> None:
    encoded = encode_request(Request(messages), OLD)
    assert encoded.losses == ()
    decoded = decode_request(read_call(encoded.body, Path("generateContent", "m")))
    assert decoded.losses == ()

    def flat(all_messages: tuple[Message, ...]) -> list[tuple[str, Part]]:
        return [(message.role, part) for message in all_messages for part in message.parts]

    told = [(role, part) for role, part in flat(decoded.request.messages)]
    assert told == flat(messages)
