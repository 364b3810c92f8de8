"""The vendor's own client puts our answers together, and what it keeps of them comes back whole.

This is what carries seals of other dialects through a client that knows nothing of them.
"""

import json
from collections.abc import Callable

import pytest
from google.genai import types

from llm_gateway.canonical.parts import Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.request import Message
from llm_gateway.canonical.response import Response, unfold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked, Path
from llm_gateway.dialects.gemini import GEMINI

PARTS = (
    Thinking("a", Seal("chat", "reasoning_content")),
    Thinking("b", Seal("messages", "s/+=")),
    Thinking("", Seal("messages", "d"), redacted=True),
    Text("grüße"),
    ToolCall("c1", "add", '{"a":1}', seal=Seal("gemini", "c2ln")),
    ToolCall("c2", "sub", "{}", seal=Seal("responses", "r")),
)
RESPONSE = Response("up", "upstream", PARTS, "tool_calls", "", Usage(3, cache_read=2, output=4, reasoning=1))


def asked(*, stream: bool) -> Asked:
    return Asked("generateContent", "01K", "m", stream, wants_usage=True, now=1, query="alt=sse")


def whole() -> list[types.GenerateContentResponse]:
    body = GEMINI.encode_response(RESPONSE, asked(stream=False)).body
    return [types.GenerateContentResponse.model_validate_json(body)]


def streamed() -> list[types.GenerateContentResponse]:
    encoder = GEMINI.encoder(asked(stream=True))
    events = b"".join(map(encoder.feed, unfold(RESPONSE))).split(b"\n\n")
    data = [event.removeprefix(b"data: ") for event in events if event]
    return [types.GenerateContentResponse.model_validate_json(each) for each in data]


@pytest.mark.parametrize("make", [whole, streamed])
def test_an_answer_is_read_and_brought_back(make: Callable[[], list[types.GenerateContentResponse]]) -> None:
    pieces = make()
    last = pieces[-1]
    assert last.usage_metadata is not None and last.usage_metadata.prompt_token_count == 5
    assert last.candidates is not None and last.candidates[0].finish_reason == types.FinishReason.STOP
    assert (last.model_version, last.response_id) == ("m", "01K")
    contents = [candidate.content for piece in pieces for candidate in piece.candidates or ()]
    parts = [part for content in contents if content is not None for part in content.parts or ()]
    assert "".join(part.text or "" for part in parts if not part.thought) == "grüße"
    kept = types.Content(role="model", parts=parts).model_dump(mode="json", by_alias=True, exclude_none=True)
    body = json.dumps({"contents": [kept]}).encode()
    decoded = GEMINI.decode_request(GEMINI.read_call(body, Path("generateContent", "m")))
    assert decoded.losses == ()
    assert decoded.request.messages == (Message("assistant", PARTS),)
