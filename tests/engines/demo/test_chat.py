"""Chat completions of the demo, read by our own dialect and by the vendor's types."""

import json

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path, Seen
from llm_gateway.engines.demo.chat import reply
from llm_gateway.engines.demo.reading import Unreadable

LOOKUP = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}
OTHER = {"type": "function", "function": {"name": "other"}}

CALL = CHAT.read_call(b'{"model":"m","stream":true}', Path("chat/completions"))


def ask(content: object = "Guten Tag", **fields: object) -> bytes:
    messages = [{"role": "system", "content": "brief"}, {"role": "user", "content": content}]
    return json.dumps({"messages": messages, **fields}).encode()


def whole(body: bytes) -> ChatCompletion:
    return ChatCompletion.model_validate_json(reply(body, "demo/echo", 7).body, strict=True)


def streamed(body: bytes) -> tuple[list[ChatCompletionChunk], Seen]:
    events = reply(body, "demo/echo", 7).events
    meter = CHAT.meter(CALL, strip_usage=False)
    assert meter.feed(b"".join(events)) == b"".join(events)
    assert events[-1] == b"data: [DONE]\n\n"
    chunks = [ChatCompletionChunk.model_validate_json(event[6:]) for event in events[:-1]]
    return chunks, meter.seen


def called(body: bytes) -> tuple[str, str] | None:
    calls = whole(body).choices[0].message.tool_calls
    if not calls:
        return None
    assert calls[0].type == "function"
    return calls[0].function.name, calls[0].function.arguments


def test_repeats_the_last_user_message_and_says_what_it_is() -> None:
    answer = whole(ask())
    assert answer.choices[0].message.content == (
        "This is the demo of LLM Gateway, not a model. You said: Guten Tag"
    )
    assert (answer.model, answer.created, answer.choices[0].finish_reason) == ("demo/echo", 7, "stop")
    assert answer.usage is not None and answer.usage.prompt_tokens == 4  # "brief" and "Guten Tag": 14 bytes


def test_reads_parts_and_leaves_out_what_is_no_text() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    content = whole(ask([*parts, {"type": "text", "text": "two"}])).choices[0].message.content
    assert content is not None and content.endswith("You said: one\ntwo")


def test_a_stream_says_the_same() -> None:
    chunks, seen = streamed(ask(stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole(ask()).choices[0].message.content
    assert (seen.complete, seen.finish_reason, seen.usage) == (True, "stop", None)
    assert seen.content_bytes == len(text)


def test_a_stream_ends_with_its_usage_when_asked() -> None:
    chunks, seen = streamed(ask(stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == [] and chunks[-1].usage == whole(ask()).usage
    assert seen.usage is not None and seen.usage.input == 4


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_keeps_to_the_limit(name: str) -> None:
    choice = whole(ask(**{name: 2})).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("This is ", "length")


@pytest.mark.parametrize(
    ("content", "fields", "expected"),
    [
        ('call lookup {"city": "Köln"}', {}, ("lookup", '{"city": "Köln"}')),
        ("call lookup", {}, ("lookup", "{}")),
        ("call lookup in Köln", {}, ("lookup", "{}")),
        ("call other", {}, ("other", "{}")),
        ("call nobody", {}, None),
        ("lookup", {}, None),
        ("call lookup", {"tool_choice": "none"}, None),
        ("hi", {"tool_choice": "required"}, ("lookup", "{}")),
        ("hi", {"tool_choice": {"type": "function", "function": {"name": "other"}}}, ("other", "{}")),
        ("hi", {"tool_choice": {"type": "function", "function": {"name": "nobody"}}}, None),
    ],
)
def test_calls_a_tool_when_told_to(
    content: str, fields: dict[str, object], expected: tuple[str, str] | None
) -> None:
    assert called(ask(content, tools=[LOOKUP, OTHER, {"type": "custom"}], **fields)) == expected


def test_calls_nothing_without_tools() -> None:
    assert called(ask("call lookup")) is None


def test_a_tool_call_streams_its_arguments() -> None:
    chunks, seen = streamed(ask('call lookup {"a":1}', tools=[LOOKUP], stream=True))
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [delta.function and delta.function.name for delta in deltas] == ["lookup", None]
    assert "".join(delta.function.arguments or "" for delta in deltas if delta.function) == '{"a":1}'
    assert (seen.complete, seen.finish_reason) == (True, "tool_calls")


def test_answers_after_a_tool_instead_of_calling_again() -> None:
    messages = [
        {"role": "user", "content": "call lookup"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
    ]
    body = json.dumps({"messages": messages, "tools": [LOOKUP], "tool_choice": "required"}).encode()
    content = whole(body).choices[0].message.content
    assert content is not None and content.endswith("The tool answered: sunny")


@pytest.mark.parametrize(
    "body", [b"{}", b'{"messages":[]}', b'{"messages":"hi"}', b'{"messages":[{"role":1}]}']
)
def test_refuses_what_it_cannot_read(body: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        reply(body, "demo/echo", 7)
    assert caught.value.param == "messages"
