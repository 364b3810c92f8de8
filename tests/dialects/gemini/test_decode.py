"""Requests read whole: every member is understood or reported, in both spellings."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import Decoded, FunctionTool, Message, Reasoning, Sampling, ToolChoice
from llm_gateway.dialects.contract import Path
from llm_gateway.dialects.gemini.decode import decode_request
from llm_gateway.dialects.gemini.request import read_call
from llm_gateway.errors import MalformedRequest

HI = [{"role": "user", "parts": [{"text": "hi"}]}]


# JSON as a client sends it: of any shape.
def decode(stream: bool = False, **members: Any) -> Decoded:
    body = json.dumps({"contents": HI, **members}).encode()
    verb = "streamGenerateContent" if stream else "generateContent"
    return decode_request(read_call(body, Path(verb, "m")))


def lost(**members: Any) -> list[str]:
    return [loss.what for loss in decode(**members).losses]


def test_the_least_that_can_be_asked() -> None:
    told = decode()
    assert told.request.messages == (Message("user", (Text("hi"),)),)
    assert (told.request.tool_choice, told.request.sampling) == (ToolChoice(), Sampling())
    assert (told.request.stream, told.losses, told.notes) == (False, (), {})
    assert decode(stream=True).request.stream


def test_every_part_is_read_in_both_spellings() -> None:
    one = decode(
        systemInstruction={"parts": [{"text": "be"}]},
        tools=[{"functionDeclarations": [{"name": "f"}]}],
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        generationConfig={"maxOutputTokens": 5, "thinkingConfig": {"thinkingLevel": "LOW"}},
        serviceTier="PRIORITY",
    )
    other = decode(
        system_instruction={"parts": [{"text": "be"}]},
        tools=[{"function_declarations": [{"name": "f"}]}],
        tool_config={"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
        generation_config={"max_output_tokens": 5, "thinking_config": {"thinking_level": "LOW"}},
        service_tier="priority",
    )
    assert one == other and one.losses == ()
    request = one.request
    assert request.messages[0] == Message("system", (Text("be"),))
    assert (request.tools, request.tool_choice) == ((FunctionTool("f"),), ToolChoice("named", ("f",)))
    assert (request.sampling, request.reasoning) == (Sampling(5), Reasoning("low"))
    assert request.service_tier == "priority"
    assert decode(serviceTier="standard").request.service_tier == ""


def test_what_has_no_place_is_lost() -> None:
    assert lost(safetySettings=[{}], labels={"a": "b"}, store=True, new=1) == [
        "safetySettings",
        "labels",
        "store",
        "new",
    ]
    assert lost(safetySettings=[], labels={}, store=False, model="models/m") == []


def test_what_google_keeps_is_refused_with_the_way_out() -> None:
    with pytest.raises(MalformedRequest, match="systemInstruction") as caught:
        decode(cachedContent="cachedContents/x")
    assert caught.value.param == "cachedContent"
    assert decode(cached_content="").losses == ()


KNOWN = ("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier", "model")


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 9) | st.text(min_size=1), max_size=4))
def test_no_member_is_lost_in_silence(members: dict[str, Any]) -> None:
    spelled = {
        key for key in members if key.startswith("_") or "_" in key or key in (*KNOWN, "cachedContent")
    }
    strange = {key: value for key, value in members.items() if key not in spelled}
    found = lost(**strange)
    for key in strange:
        assert key in found or "(unknown)" in found


VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "parts",
                        "text",
                        "role",
                        "functionCall",
                        "functionResponse",
                        "name",
                        "args",
                        "response",
                        "id",
                    ),
                    *(
                        "thought",
                        "thoughtSignature",
                        "inlineData",
                        "mimeType",
                        "data",
                        "functionDeclarations",
                    ),
                    *(
                        "parameters",
                        "type",
                        "properties",
                        "thinkingConfig",
                        "responseSchema",
                        "output",
                        "error",
                    ),
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(KNOWN), VALUES, max_size=4))
def test_whatever_a_client_sends_is_read_or_refused_with_a_place(members: dict[str, Any]) -> None:
    refused = ""
    try:
        told = decode(**members)
    except MalformedRequest as error:
        refused = error.param or "nobody knows where"
    else:
        assert told.request.messages
    assert not refused or refused.partition(".")[0].partition("[")[0] in KNOWN
