"""The vendor's own client puts our answers together, and what it keeps of them comes back whole.

This is what carries seals of other dialects through a client that knows nothing of them.
"""

import json
from collections.abc import Callable

import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from llm_gateway.canonical.parts import Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.request import Message
from llm_gateway.canonical.response import Response, unfold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Asked, Path

PARTS = (
    Thinking("a"),
    Thinking("b", Seal("messages", "s")),
    Thinking("", Seal("messages", "d"), redacted=True),
    Text("grüße"),
    ToolCall("c1", "add", '{"a": 1}', seal=Seal("gemini", "g")),
    ToolCall("c2", "sub", "{}", seal=Seal("responses", "r")),
)
RESPONSE = Response("up", "upstream", PARTS, "tool_calls", "", Usage(3, cache_read=2, output=4, reasoning=1))


def asked(*, stream: bool) -> Asked:
    return Asked("chat/completions", "01K", "m", stream=stream, wants_usage=True, now=1)


def whole() -> ChatCompletion:
    return ChatCompletion.model_validate_json(CHAT.encode_response(RESPONSE, asked(stream=False)).body)


def streamed() -> ChatCompletion:
    encoder = CHAT.encoder(asked(stream=True))
    state = ChatCompletionStreamState()
    for event in b"".join(map(encoder.feed, unfold(RESPONSE))).split(b"\n\n"):
        data = event.removeprefix(b"data: ")
        if data not in (b"", b"[DONE]"):
            ChatCompletionChunk.model_validate_json(data)
            state.handle_chunk(ChatCompletionChunk.construct(**json.loads(data)))
    return state.get_final_completion()


@pytest.mark.parametrize("make", [whole, streamed])
def test_an_answer_is_read_and_brought_back(make: Callable[[], ChatCompletion]) -> None:
    completion = make()
    choice = completion.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("grüße", "tool_calls")
    assert completion.usage is not None and completion.usage.prompt_tokens == 5
    message = choice.message.to_dict()
    body = json.dumps({"model": "m", "messages": [message]}).encode()
    decoded = CHAT.decode_request(CHAT.read_call(body, Path("chat/completions")))
    assert decoded.request.messages == (Message("assistant", PARTS),)
    assert decoded.losses == ()
