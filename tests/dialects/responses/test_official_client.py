"""The vendor's own client puts our answers together, and what it keeps of them comes back whole.

This is what carries seals of other dialects through a client that knows nothing of them.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import FunctionToolParam
from openai.types.responses import Response as SdkResponse

from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.request import Message
from llm_gateway.canonical.response import Response, unfold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked, Path
from llm_gateway.dialects.responses import RESPONSES
from scripted import ScriptedUpstream, responses

TOOLS: list[dict[str, object]] = [
    {"type": "namespace", "name": "crm", "description": "", "tools": [{"type": "function", "name": "find"}]},
    {"type": "custom", "name": "patch"},
    {"type": "tool_search", "execution": "client", "parameters": {}},
]
PARTS = (
    Thinking("a"),
    Thinking("b", Seal("messages", "s")),
    Thinking("", Seal("messages", "d"), redacted=True),
    Text("grüße"),
    Text("again"),
    Refusal("no"),
    ToolCall("c1", "crm__find", '{"a": 1}', seal=Seal("gemini", "g")),
    ToolCall("c2", "patch", "*** Begin Patch", custom=True),
    ToolCall("c3", "tool_search", '{"query":"q"}'),
    ToolCall("c4", "other", "{}"),
)
RESPONSE = Response("up", "upstream", PARTS, "tool_calls", "", Usage(3, cache_read=2, output=4, reasoning=1))


def decode(items: list[dict[str, object]]) -> tuple[Message, ...]:
    body = json.dumps({"model": "m", "tools": TOOLS, "input": items}).encode()
    decoded = RESPONSES.decode_request(RESPONSES.read_call(body, Path("responses")))
    assert decoded.losses == ()
    return decoded.request.messages


def asked(*, stream: bool) -> Asked:
    body = json.dumps({"model": "m", "tools": TOOLS, "input": "x"}).encode()
    notes = RESPONSES.decode_request(RESPONSES.read_call(body, Path("responses"))).notes
    return Asked("responses", "01K", "m", stream, wants_usage=True, now=1, notes=notes)


def whole() -> SdkResponse:
    return SdkResponse.model_validate_json(RESPONSES.encode_response(RESPONSE, asked(stream=False)).body)


def streamed() -> SdkResponse:
    encoder = RESPONSES.encoder(asked(stream=True))
    state: ResponseStreamState[object] = ResponseStreamState(input_tools=openai.omit, text_format=openai.omit)
    last: Any = None  # whichever event it is
    for raw in b"".join(map(encoder.feed, unfold(RESPONSE))).split(b"\n\n")[:-1]:
        last = openai._models.construct_type(
            type_=openai.types.responses.ResponseStreamEvent,
            value=json.loads(raw.split(b"\ndata: ", 1)[1]),
        )
        state.handle_event(last)
    response = last.response
    assert isinstance(response, SdkResponse)
    return response


@pytest.mark.parametrize("make", [whole, streamed])
def test_an_answer_is_read_and_brought_back(make: Callable[[], SdkResponse]) -> None:
    response = make()
    assert response.output_text == "grüßeagain"
    assert response.usage is not None and response.usage.input_tokens == 5
    assert decode([item.to_dict() for item in response.output]) == (Message("assistant", PARTS),)


@pytest.fixture
def sdk() -> Iterator[openai.OpenAI]:
    with (
        ScriptedUpstream(responders=(responses.respond,)) as upstream,
        openai.OpenAI(base_url=f"{upstream.url}/v1", api_key="k", max_retries=0, timeout=30) as client,
    ):
        yield client


def test_the_scripted_upstream_speaks_as_the_vendor_does(sdk: openai.OpenAI) -> None:
    answer = sdk.responses.create(model="scripted-model", input="hi")
    assert answer.output_text == responses.TEXT
    tool = FunctionToolParam(type="function", name="lookup", parameters={}, strict=False)
    with sdk.responses.stream(
        model="scripted-model", input="hi", tools=[tool], include=["reasoning.encrypted_content"]
    ) as stream:
        final = stream.get_final_response()
    kinds = [item.type for item in final.output]
    assert kinds == ["reasoning", "function_call"]
    assert final.usage is not None and final.usage.total_tokens == 52
    assert sdk.responses.input_tokens.count(model="scripted-model", input="hi").input_tokens == 40
    compacted = sdk.responses.compact(model="scripted-model", input="hi")
    assert compacted.output[0].type == "compaction"
