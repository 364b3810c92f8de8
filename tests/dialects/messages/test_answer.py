"""Whole answers, read and written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Response
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.messages.answer import (
    decode_response,
    encode_count,
    encode_response,
    response_id,
)
from llm_gateway.errors import UpstreamBroken
from scripted import messages

ASKED = Asked("messages", "01K", "mine", stream=False, wants_usage=True, now=1)
SEAL = Seal("messages", "s")


def read(*content: object, **more: object) -> tuple[Response, list[str]]:
    body = {"id": "msg_1", "model": "m", "content": content, "stop_reason": "end_turn", **more}
    found = decode_response(json.dumps(body).encode())
    return found.response, [loss.what for loss in found.losses]


def write(*parts: AnswerPart, **more: object) -> tuple[list[object], str, list[str]]:
    response = Response("x", "y", parts, **more)  # type: ignore[arg-type]
    written = encode_response(response, ASKED)
    body = json.loads(written.body)
    return body["content"], body["stop_reason"], [loss.what for loss in written.losses]


@pytest.mark.parametrize(
    ("block", "part", "lost"),
    [
        (messages.text("a"), Text("a"), []),
        ({"type": "text", "text": "", "citations": None}, None, []),
        ({"type": "text", "text": "a", "citations": [{}]}, Text("a"), ["response.citations"]),
        (messages.thinking("a", "s"), Thinking("a", SEAL), []),
        (messages.thinking("", "s"), Thinking("", SEAL), []),
        (messages.thinking("a", ""), Thinking("a"), []),
        (messages.redacted("s"), Thinking("", SEAL, redacted=True), []),
        (messages.tool_use("f", {"a": 1.0}, "t"), ToolCall("t", "f", '{"a": 1.0}'), []),
        (messages.tool_use("a-2e-b-lgw1", {}, "t"), ToolCall("t", "a.b", "{}"), []),
        ({"type": "tool_use", "id": "t", "name": "f"}, ToolCall("t", "f", "{}"), []),
        ({"type": "server_tool_use", "id": "s"}, None, ["response.server_tool_use"]),
        ({"type": "compaction", "content": "x"}, None, ["response.compaction"]),
        ({"type": "fallback"}, None, []),
    ],
)
def test_blocks_are_read(block: object, part: AnswerPart | None, lost: list[str]) -> None:
    response, losses = read(block)
    assert response.parts == (() if part is None else (part,))
    assert losses == lost


def test_the_rest_of_an_answer_is_read() -> None:
    told = {"stop_reason": "stop_sequence", "stop_sequence": "END", "usage": messages.USAGE}
    response, lost = read(**told)
    assert response == Response(
        "msg_1", "m", (), "stop_sequence", "END", Usage(12, 8, 20, 12, 2, cache_write_1h=8)
    )
    assert lost == []
    response, lost = read(stop_reason="refusal", stop_details={"type": "refusal"}, id=7, model=None)
    assert (response.id, response.model, response.finish, lost) == (
        "",
        "",
        "refusal",
        ["response.stop_details"],
    )
    assert read(stop_reason=None)[0].finish == "stop"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no message"),
        (b"[]", "no message"),
        (b"{}", "has no content"),
        (b'{"content":"x"}', "no message"),
        (b'{"type":"error","error":{"message":"oh"}}', "failed while it answered: oh"),
    ],
)
def test_what_is_no_answer_is_the_upstreams_fault(body: bytes, said: str) -> None:
    with pytest.raises(UpstreamBroken, match=said):
        decode_response(body)


def test_an_answer_has_every_member_that_the_specification_requires() -> None:
    written = encode_response(Response("x", "y", (Text("hi"),), usage=Usage(1, 2, 3, 4, 1)), ASKED)
    assert written.id == response_id(ASKED) == "msg_01K"
    body = json.loads(written.body)
    assert body.pop("usage")["cache_creation"] == {
        "ephemeral_5m_input_tokens": 3,
        "ephemeral_1h_input_tokens": 0,
    }
    assert body == {
        "id": "msg_01K",
        "type": "message",
        "role": "assistant",
        "model": "mine",
        "content": [{"type": "text", "text": "hi", "citations": None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
    }


def test_blocks_are_written() -> None:
    content, stop, lost = write(
        Thinking("a", SEAL),
        Thinking("b"),
        Thinking(""),
        Thinking("", Seal("chat", "c")),
        Thinking("", Seal("responses", "r"), redacted=True),
        Text(""),
        ToolCall("t", "f", '{"a":1}', seal=Seal("gemini", "g")),
        ToolCall("u", "patch", "free", custom=True),
    )
    assert content == [
        {"type": "thinking", "thinking": "a", "signature": "s"},
        {"type": "thinking", "thinking": "b", "signature": "lgw1u."},
        {"type": "thinking", "thinking": "", "signature": "lgw1.chat.c"},
        {"type": "redacted_thinking", "data": "lgw1.responses.r"},
        {"type": "thinking", "thinking": "", "signature": "lgw1c.lgw1.gemini.g"},
        {**messages.tool_use("f", {"a": 1}, "t")},
        {**messages.tool_use("patch", {"input": "free"}, "u")},
    ]
    assert (stop, lost) == ("tool_use", [])


def test_a_refusal_is_text_with_a_reason() -> None:
    content, stop, _ = write(Refusal("no"))
    assert content == [{"type": "text", "text": "no", "citations": None}]
    assert stop == "refusal"
    assert write(Text("x"), finish="stop_sequence", sequence="END")[1] == "stop_sequence"


@pytest.mark.parametrize(
    ("arguments", "told", "lost"),
    [
        ("", {}, []),
        ("[1]", {"arguments": "[1]"}, ["response.tool_use.input"]),
        ('{"a', {"arguments": '{"a'}, ["response.tool_use.input"]),
    ],
)
def test_the_input_of_a_call_is_an_object(arguments: str, told: object, lost: list[str]) -> None:
    content, _, losses = write(ToolCall("t", "f", arguments))
    assert isinstance(content[0], dict) and content[0]["input"] == told
    assert losses == lost


TEXTS = st.text(min_size=1, max_size=9)
PARTS = st.one_of(
    TEXTS.map(Text),
    st.builds(Thinking, TEXTS, st.none() | st.builds(Seal, st.just("messages"), TEXTS)),
    st.builds(Thinking, st.just(""), st.builds(Seal, st.just("messages"), TEXTS), st.booleans()),
    st.builds(ToolCall, TEXTS, st.sampled_from(("f", "g")), st.sampled_from(("{}", '{"a":[1,2]}'))),
)


@given(st.lists(PARTS, max_size=5).map(tuple))
def test_what_is_written_is_read_back(parts: tuple[AnswerPart, ...]) -> None:
    called = any(isinstance(part, ToolCall) for part in parts)
    response = Response(
        "msg_01K", "mine", parts, "tool_calls" if called else "stop", "", Usage(1, 2, 3, 4, 1)
    )
    read_back = decode_response(encode_response(response, ASKED).body)
    assert read_back.response == response
    assert read_back.losses == ()


def test_a_count() -> None:
    assert json.loads(encode_count(83)) == {"input_tokens": 83}


def test_the_seal_of_a_call_signs_the_thinking_before_it() -> None:
    call = ToolCall("c", "t", "{}", seal=Seal("gemini", "g"))
    written = encode_response(Response(parts=(Thinking("hm"), call)), ASKED)
    first, second = json.loads(written.body)["content"]
    assert (first["thinking"], first["signature"], second["type"]) == (
        "hm",
        "lgw1c.lgw1.gemini.g",
        "tool_use",
    )
    sealed = Thinking("hm", Seal("messages", "s"))
    kept, empty, _ = json.loads(encode_response(Response(parts=(sealed, call)), ASKED).body)["content"]
    assert (kept["signature"], empty["thinking"], empty["signature"]) == ("s", "", "lgw1c.lgw1.gemini.g")
