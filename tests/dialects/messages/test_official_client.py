"""The vendor's own client puts our answers together, and what it keeps of them comes back whole.

This is what carries seals of other dialects through a client that knows nothing of them.
"""

import json
from collections.abc import Callable, Iterator

import anthropic
import pytest
from anthropic.types import Message as SdkMessage

from llm_gateway.canonical.parts import Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.request import Message
from llm_gateway.canonical.response import Response, unfold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked, Path
from llm_gateway.dialects.messages import MESSAGES
from llm_gateway.errors import UpstreamTruncated
from scripted import ScriptedUpstream, Send, messages
from scripted.wording import response as http_response

PARTS = (
    Thinking("a"),
    Thinking("b", Seal("responses", "s")),
    Thinking("", Seal("chat", "c")),
    Thinking("", Seal("messages", "d"), redacted=True),
    Text("grüße"),
    Text("again"),
    ToolCall("c1", "find", '{"a":1}', seal=Seal("gemini", "g")),
    ToolCall("c2", "now", "{}"),
)
RESPONSE = Response("up", "upstream", PARTS, "tool_calls", "", Usage(3, cache_read=2, output=4, reasoning=1))


def asked(*, stream: bool) -> Asked:
    return Asked("messages", "01K", "m", stream, wants_usage=True, now=1)


def served(body: bytes, content_type: str, *, stream: bool) -> SdkMessage:
    """Return what the client makes of these bytes, read over a socket."""
    with (
        ScriptedUpstream(responders=()) as upstream,
        anthropic.Anthropic(base_url=upstream.url, api_key="k", max_retries=0, timeout=30) as client,
    ):
        upstream.queue((Send(http_response(200, body, content_type=content_type)),))
        if not stream:
            return client.messages.create(
                model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]
            )
        with client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        ) as events:
            return events.get_final_message()


def whole() -> SdkMessage:
    written = MESSAGES.encode_response(RESPONSE, asked(stream=False))
    return served(written.body, "application/json", stream=False)


def streamed() -> SdkMessage:
    encoder = MESSAGES.encoder(asked(stream=True))
    body = b"".join(map(encoder.feed, unfold(RESPONSE)))
    return served(body, "text/event-stream; charset=utf-8", stream=True)


@pytest.mark.parametrize("make", [whole, streamed])
def test_an_answer_is_read_and_brought_back(make: Callable[[], SdkMessage]) -> None:
    message = make()
    assert (message.id, message.model, message.stop_reason) == ("msg_01K", "m", "tool_use")
    assert message.usage.input_tokens == 3 and message.usage.cache_read_input_tokens == 2
    assert message.usage.output_tokens == 4
    assert message.usage.output_tokens_details is not None
    content = [block.to_dict() for block in message.content]
    body = json.dumps({"model": "m", "messages": [{"role": "assistant", "content": content}]}).encode()
    decoded = MESSAGES.decode_request(MESSAGES.read_call(body, Path("messages")))
    assert decoded.losses == ()
    assert decoded.request.messages == (Message("assistant", PARTS),)


def test_a_stream_that_broke_off_is_an_error_to_the_client() -> None:
    encoder = MESSAGES.encoder(asked(stream=True))
    body = b"".join([encoder.feed(event) for event in list(unfold(RESPONSE))[:4]])
    meter = MESSAGES.meter(MESSAGES.read_call(b'{"model":"m"}', Path("messages")), strip_usage=False)
    body += meter.fail(UpstreamTruncated("it ended"))
    with pytest.raises(anthropic.APIStatusError, match="it ended"):
        served(body, "text/event-stream", stream=True)


@pytest.fixture
def sdk() -> Iterator[anthropic.Anthropic]:
    with (
        ScriptedUpstream(responders=(messages.respond,)) as upstream,
        anthropic.Anthropic(base_url=upstream.url, api_key="k", max_retries=0, timeout=30) as client,
    ):
        yield client


def test_the_scripted_upstream_speaks_as_the_vendor_does(sdk: anthropic.Anthropic) -> None:
    answer = sdk.messages.create(
        model="scripted-model", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
    )
    assert [block.to_dict() for block in answer.content] == [{"type": "text", "text": messages.TEXT}]
    assert answer._request_id == messages.REQUEST_ID
    with sdk.messages.stream(
        model="scripted-model",
        max_tokens=9,
        messages=[{"role": "user", "content": "hi"}],
        thinking={"type": "adaptive"},
        tools=[{"name": "lookup", "input_schema": {"type": "object"}}],
    ) as stream:
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "tool_use"]
    assert final.usage.cache_creation_input_tokens == 20 and final.stop_reason == "tool_use"
    count = sdk.messages.count_tokens(model="scripted-model", messages=[{"role": "user", "content": "hi"}])
    assert count.input_tokens > 0
    assert [model.id for model in sdk.models.list()] == ["scripted-model"]


@pytest.mark.parametrize(
    ("conversation", "said"),
    [
        ([], "at least one message"),
        ([{"role": "user", "content": " "}], "non-whitespace"),
        ([{"role": "assistant", "content": [messages.tool_use("f", {})]}], "without `tool_result`"),
        (
            [
                {"role": "assistant", "content": [messages.tool_use("f", {})]},
                {"role": "user", "content": "x"},
            ],
            "do not match",
        ),
    ],
)
def test_the_scripted_upstream_refuses_what_the_vendor_refuses(
    sdk: anthropic.Anthropic, conversation: list[anthropic.types.MessageParam], said: str
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=said):
        sdk.messages.create(model="scripted-model", max_tokens=9, messages=conversation)
