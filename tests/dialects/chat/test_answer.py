"""Whole answers: of servers of every make, and as our clients get them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Response
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.answer import decode_response, encode_response, made_up_id, response_id
from llm_gateway.dialects.chat.decode import OLD_CALLS
from llm_gateway.dialects.contract import Asked, Read
from llm_gateway.errors import UpstreamBroken

CASES = Path(__file__).parents[2] / "fixtures" / "chat"
ASKED = Asked("chat/completions", "01K", "m", stream=False, wants_usage=False, now=1_790_000_000)
OLD = Asked("chat/completions", "01K", "m", stream=False, wants_usage=False, now=1, notes=OLD_CALLS)
FUNCTION = {"name": "add", "arguments": "{}"}


# JSON as a server sends it: of any shape.
def decode(message: Any, finish: object = "stop", **members: Any) -> Read:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return decode_response(
        json.dumps({"id": "chatcmpl-1", "model": "m", "choices": [choice], **members}).encode()
    )


# JSON as a client gets it: of any shape.
def encode(*parts: AnswerPart, asked: Asked = ASKED, **members: Any) -> tuple[dict[str, Any], list[str]]:
    written = encode_response(Response("x", "upstream", parts, **members), asked)
    told = json.loads(written.body)
    assert written.id == told["id"] == "chatcmpl-01K"
    return told, [loss.what for loss in written.losses]


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "a"}, (Text("a"),)),
        ({"content": ""}, ()),
        ({"content": None, "refusal": "no"}, (Refusal("no"),)),
        (
            {"content": "a", "reasoning_content": "t"},
            (Thinking("t", Seal("chat", "reasoning_content")), Text("a")),
        ),
        ({"content": "a", "reasoning": "t"}, (Thinking("t", Seal("chat", "reasoning")), Text("a"))),
        (
            {"content": "a", "reasoning": "t", "reasoning_content": "t"},
            (Thinking("t", Seal("chat", "reasoning_content")), Text("a")),
        ),
        (
            {
                "content": "a",
                "reasoning_details": [{"type": "reasoning.text", "text": "t", "signature": "s"}],
            },
            (
                Thinking("t", Seal("chat", '[{"type":"reasoning.text","text":"t","signature":"s"}]')),
                Text("a"),
            ),
        ),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
                    {"type": "text", "text": "a"},
                ]
            },
            (Thinking("t"), Text("a")),
        ),
        (
            {"content": "a", "extra_content": {"google": {"thought_signature": "g"}}},
            (Thinking("", Seal("gemini", "g")), Text("a")),
        ),
        ({"tool_calls": [{"id": "c", "function": FUNCTION}]}, (ToolCall("c", "add", "{}"),)),
        ({"tool_calls": [{"function": FUNCTION}]}, (ToolCall("call_chatcmpl1_0", "add", "{}"),)),
        (
            {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}]},
            (ToolCall("c", "sh", "ls", custom=True),),
        ),
        ({"function_call": FUNCTION}, (ToolCall("call_chatcmpl1_0", "add", "{}"),)),
    ],
)
def test_a_message_is_read(message: dict[str, Any], parts: tuple[AnswerPart, ...]) -> None:
    read = decode(message)
    assert read.response.parts == parts
    assert not read.losses


def test_the_rest_of_an_answer_is_read() -> None:
    usage = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    response = decode({"content": "a"}, "length", usage=usage).response
    assert response == Response("chatcmpl-1", "m", (Text("a"),), "length", "", Usage(4, output=2))
    assert decode({"content": "a"}, None, id=7, model=None).response == Response(parts=(Text("a"),))
    assert decode({"tool_calls": [{"id": "c", "function": FUNCTION}]}).response.finish == "tool_calls"
    assert decode({"refusal": "no"}).response.finish == "refusal"


def test_the_stop_sequence_is_read_where_it_is_told() -> None:
    choice = {"message": {"content": "a"}, "finish_reason": "stop", "stop_reason": "END"}
    response = decode_response(json.dumps({"choices": [choice]}).encode()).response
    assert (response.finish, response.sequence) == ("stop_sequence", "END")


@pytest.mark.parametrize(
    ("message", "members", "lost"),
    [
        ({"content": "a", "annotations": [{"type": "url_citation"}]}, {}, "response.annotations"),
        ({"content": "a", "audio": {"id": "x"}}, {}, "response.audio"),
        ({"content": "a", "images": [{"type": "image_url"}]}, {}, "response.images"),
        ({"content": "a"}, {"citations": ["https://x"]}, "response.citations"),
        ({"x": 1}, {}, "response.x"),
        ({"extra_content": {"acme": 1}}, {}, "response.extra_content.acme"),
        ({"tool_calls": [{"function": {"name": "add"}, "x": 1}]}, {}, "response.tool_calls.x"),
        ({"content": [{"type": "image_url", "image_url": {"url": "x"}}]}, {}, "response.image_url"),
    ],
)
def test_what_has_no_place_is_reported(message: dict[str, Any], members: dict[str, Any], lost: str) -> None:
    assert [loss.what for loss in decode(message, **members).losses] == [lost]
    assert not decode({"content": "a", "annotations": [], "audio": None}).losses


def test_more_answers_than_one_are_reported() -> None:
    choices = [
        {"message": {"content": text}, "finish_reason": "stop", "logprobs": {"content": [1]}} for text in "ab"
    ]
    read = decode_response(json.dumps({"choices": choices}).encode())
    assert read.response.parts == (Text("a"),)
    assert [loss.what for loss in read.losses] == ["response.choices", "response.logprobs"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[{}]}',
        b'{"choices":[{"message":"a"}]}',
        b'{"choices":[{"message":{"content":7}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"function":{}}]}}]}',
        b'{"error":{"message":"overloaded"},"choices":[{"message":{"content":"a"}}]}',
    ],
)
def test_what_is_no_answer_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        decode_response(body)


def test_an_error_in_an_answer_keeps_its_words() -> None:
    with pytest.raises(UpstreamBroken, match="failed while it answered: overloaded"):
        decode_response(b'{"error":{"message":"overloaded"}}')


@pytest.mark.parametrize("case", sorted(CASES.glob("*/upstream.json")), ids=lambda case: case.parent.name)
def test_the_answers_on_disk_are_read(case: Path) -> None:
    if case.parent.name == "embeddings":
        return
    read = decode_response(case.read_bytes())
    expected = json.loads((case.parent / "expected.json").read_bytes())["seen"]
    assert read.response.id == expected["response_id"]
    assert (read.response.usage is None) == (expected["usage"] is None)
    assert read.response.parts


def test_an_id_is_made_of_what_every_dialect_takes() -> None:
    assert made_up_id("chatcmpl-é/1", 2) == "call_chatcmpl1_2"
    assert len(made_up_id("x" * 99, 0)) < 40


def test_an_answer_is_written() -> None:
    told, lost = encode(Text("a"), usage=Usage(4, output=2))
    assert not lost
    assert told["usage"]["total_tokens"] == 6
    del told["usage"]
    assert told == {
        "id": response_id(ASKED),
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "a", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
    }
    assert "usage" not in encode(Text("a"))[0]


def test_content_is_null_only_beside_something_else() -> None:
    assert encode()[0]["choices"][0]["message"]["content"] == ""
    assert encode(Refusal("no"))[0]["choices"][0]["message"]["content"] is None
    assert encode(ToolCall("c", "add", "{}"))[0]["choices"][0]["message"]["content"] is None


def test_thinking_is_told_twice_when_it_is_sealed() -> None:
    sealed = Thinking("b", Seal("messages", "s"))
    message = encode(Thinking("a"), sealed, Text("x"))[0]["choices"][0]["message"]
    assert message["reasoning_content"] == "a\n\nb"
    assert [detail.get("signature") for detail in message["reasoning_details"]] == [None, "lgw1.messages.s"]
    message = encode(Thinking("a"), Text("x"))[0]["choices"][0]["message"]
    assert "reasoning_details" not in message
    message = encode(Thinking("", Seal("gemini", "g")), Text("x"))[0]["choices"][0]["message"]
    assert "reasoning_content" not in message


def test_a_seal_of_a_call_is_told_in_googles_place_and_read_as_the_servers_own() -> None:
    message = encode(ToolCall("c", "add", "{}", seal=Seal("gemini", "g")))[0]["choices"][0]["message"]
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "g"}}
    assert decode(message).response.parts == (ToolCall("c", "add", "{}", seal=Seal("chat", "g")),)


def test_a_stop_sequence_is_told_as_vllm_does() -> None:
    choice = encode(Text("a"), finish="stop_sequence", sequence="END")[0]["choices"][0]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", "END")


def test_an_answer_to_a_request_of_old_is_one_of_old() -> None:
    told, lost = encode(ToolCall("c", "add", "{}"), asked=OLD, finish="tool_calls")
    assert told["choices"][0]["message"]["function_call"] == FUNCTION
    assert told["choices"][0]["finish_reason"] == "function_call"
    assert not lost
    assert encode(ToolCall("c", "add", "{}"), ToolCall("d", "b", ""), asked=OLD)[1] == ["response.tool_calls"]
    assert "function_call" not in encode(Text("a"), asked=OLD)[0]["choices"][0]["message"]


words = st.text(min_size=1, max_size=9)
calls = st.builds(ToolCall, words, words, words, st.booleans())
usages = st.none() | st.builds(
    Usage, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(1, 9), st.just(1)
)


@given(
    text=st.lists(st.builds(Text, words), max_size=1),
    called=st.lists(calls, max_size=3),
    usage=usages,
    length=st.booleans(),
)
def test_what_chat_can_say_is_read_back(
    text: list[Text], called: list[ToolCall], usage: Usage | None, length: bool
) -> None:
    finish: Finish = "length" if length else "tool_calls" if called else "stop"
    told, lost = encode(*text, *called, usage=usage, finish=finish)
    read = decode_response(json.dumps(told).encode())
    assert not lost and not read.losses
    assert read.response == Response("chatcmpl-01K", "m", (*text, *called), finish, "", usage)
