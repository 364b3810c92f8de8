"""Whole answers, read and written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Response
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.ollama.answer import (
    created_at,
    decode_response,
    encode_response,
    ending,
    head,
    said,
)
from llm_gateway.errors import UpstreamBroken
from scripted import ollama


def asked(operation: str = "chat") -> Asked:
    return Asked(operation, "01K", 'm"', stream=False, wants_usage=True, now=1_790_000_000)


def written(*parts: AnswerPart, operation: str = "chat") -> tuple[dict[str, object], list[str]]:
    found = encode_response(Response(parts=parts, usage=Usage(3, 2, output=5)), asked(operation))
    assert found.id == ""
    return json.loads(found.body), [loss.what for loss in found.losses]


def test_an_answer_to_a_chat() -> None:
    assert written(
        Thinking("t"), Text("a"), Text("b"), ToolCall("c", "f", '{"x": 1}'), ToolCall("d", "g", "")
    ) == (
        {
            "model": 'm"',
            "created_at": "2026-09-21T14:13:20Z",
            "message": {
                "role": "assistant",
                "content": "ab",
                "thinking": "t",
                "tool_calls": [
                    {"id": "c", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
                    {"id": "d", "function": {"index": 1, "name": "g", "arguments": {}}},
                ],
            },
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 5,
            "prompt_eval_cached_count": 2,
            "eval_count": 5,
        },
        [],
    )


def test_an_answer_to_a_prompt() -> None:
    body, _ = written(Thinking("t"), Text("a"), operation="generate")
    assert (body["response"], body["thinking"], "message" in body) == ("a", "t", False)


def test_what_has_no_place_is_lost() -> None:
    body, losses = written(
        Refusal("no"), Thinking("", Seal("x", "s"), redacted=True), ToolCall("c", "f", "5")
    )
    assert losses == ["response.refusal", "response.thinking.signature", "response.tool_calls.arguments"]
    message = body["message"]
    assert isinstance(message, dict) and message["content"] == "no" and "thinking" not in message


def test_counts_that_nobody_knows_are_left_out() -> None:
    body = json.loads(encode_response(Response(finish="length"), asked()).body)
    assert body["done_reason"] == "length" and not body.keys() & {"eval_count", "prompt_eval_count"}


def test_pieces() -> None:
    assert created_at(0) == "1970-01-01T00:00:00Z"
    assert head(asked()) == b'{"model":"m\\"","created_at":"2026-09-21T14:13:20Z",'
    assert said("generate", b'"a"', b'"t"', b"[]") == b'"response":"a","thinking":"t","tool_calls":[]'
    assert said("chat", b'"a"') == b'"message":{"role":"assistant","content":"a"}'
    assert (
        ending(("stop", ""), Usage(output=1), Losses()) == b'"done":true,"done_reason":"stop","eval_count":1}'
    )


@pytest.mark.parametrize("operation", ["chat", "generate"])
def test_answers_are_read(operation: str) -> None:
    calls = [ollama.tool_call("f", {"a": 1})]
    read = decode_response(ollama.answer("m", operation=operation, thinking="t", tool_calls=calls))
    assert read.response == Response(
        "",
        "m",
        (Thinking("t"), ToolCall("call_scripted1", "f", '{"a":1}')),
        "tool_calls",
        usage=Usage(40, output=12),
    )
    assert read.losses == ()


def test_an_answer_that_came_in_lines_all_the_same_is_read() -> None:
    read = decode_response(b"\n".join(ollama.lines("m", ["a", "b"])))
    assert read.response.parts == (Text("ab"),)
    indented = json.dumps(json.loads(ollama.answer("m", "x")), indent=1).encode()
    assert decode_response(indented).response.parts == (Text("x"),)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "no JSON of the ollama dialect"),
        (b"a\nb", "no JSON of the ollama dialect"),
        (b'{"error":"no memory"}', "the upstream failed while it answered: no memory"),
        (b'{"message":{"content":"x"},"done":false}', "does not say that it is done"),
        (b"{}", "does not say that it is done"),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(UpstreamBroken, match=message):
        decode_response(body)


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@given(
    text=words,
    thinking=words,
    called=st.booleans(),
    output=st.integers(1, 99),
    operation=st.sampled_from(("chat", "generate")),
)
def test_what_is_written_is_read_as_the_same(
    text: str, thinking: str, called: bool, output: int, operation: str
) -> None:
    calls = (ToolCall("c", "f", '{"a": 1.50}'),) if called else ()
    parts: tuple[AnswerPart, ...] = (Thinking(thinking), Text(text), *calls)
    response = Response("", 'm"', parts, "tool_calls" if called else "stop", usage=Usage(1, output=output))
    assert decode_response(encode_response(response, asked(operation)).body).response == response
