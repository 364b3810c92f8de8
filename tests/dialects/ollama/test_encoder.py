"""Streams written: a line for every piece, calls whole, the end with its counts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Event,
    Failed,
    Finished,
    Measured,
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.parts import Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import Response, fold, unfold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.ollama.decoder import OllamaDecoder
from llm_gateway.dialects.ollama.encoder import OllamaEncoder

HEAD = b'{"model":"m","created_at":"1970-01-01T00:00:01Z",'


def encoder(operation: str = "chat") -> OllamaEncoder:
    return OllamaEncoder(Asked(operation, "01K", "m", stream=True, wants_usage=True, now=1))


def lines(*events: Event, operation: str = "chat") -> list[bytes]:
    """Return the lines that these events make, without the head that all of them have."""
    made = encoder(operation)
    out = b"".join(made.feed(event) for event in events)
    assert out.endswith(b"\n") or not out
    found = out.splitlines(keepends=True)
    assert all(line.startswith((HEAD, b'{"error"')) for line in found)
    return [line.removeprefix(HEAD) for line in found]


def test_texts() -> None:
    assert lines(Started("up", "other"), TextDelta('a"\n'), TextDelta(""), TextDelta("b", new=True)) == [
        b'"message":{"role":"assistant","content":"a\\"\\n"},"done":false}\n',
        b'"message":{"role":"assistant","content":"b"},"done":false}\n',
    ]
    assert lines(TextDelta("a"), ThinkingDelta("t"), ThinkingDelta(""), operation="generate") == [
        b'"response":"a","done":false}\n',
        b'"response":"","thinking":"t","done":false}\n',
    ]


def test_calls_are_told_whole_in_one_line() -> None:
    made = encoder()
    held = (CallStarted(0, "c", "f"), CallStarted(1, "d", "g"), CallDelta(1, ""), CallDelta(0, '{"a":'))
    assert all(made.feed(event) == b"" for event in (*held, Measured(Usage(output=1)), CallDelta(0, "\n1}")))
    first, second = made.feed(TextDelta("x")).splitlines()
    assert json.loads(first)["message"] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "c", "function": {"index": 0, "name": "f", "arguments": {"a": 1}}},
            {"id": "d", "function": {"index": 1, "name": "g", "arguments": {}}},
        ],
    }
    assert json.loads(second)["message"]["content"] == "x"
    made.feed(CallStarted(2, "e", "f"))
    third, end = made.feed(Finished("tool_calls")).splitlines()
    assert json.loads(third)["message"]["tool_calls"][0]["function"]["index"] == 2
    assert json.loads(end)["done_reason"] == "stop"
    assert made.losses == ()


def test_the_end_has_the_last_counts() -> None:
    counts = (Measured(Usage(1)), Measured(Usage(2, cache_read=3, output=4)))
    assert lines(*counts, Finished("length"))[0] == (
        b'"message":{"role":"assistant","content":""},"done":true,"done_reason":"length",'
        b'"prompt_eval_count":5,"prompt_eval_cached_count":3,"eval_count":4}\n'
    )
    assert lines(Finished("stop"), operation="generate") == [
        b'"response":"","done":true,"done_reason":"stop"}\n'
    ]


@pytest.mark.parametrize("end", [Failed("it broke", "x"), Finished("stop")])
def test_nothing_comes_after_the_end(end: Event) -> None:
    made = encoder()
    made.feed(TextDelta("a"))
    assert made.feed(end)
    assert made.feed(TextDelta("b")) == made.feed(Failed("again")) == made.feed(Finished("stop")) == b""


def test_a_failure_is_a_line_and_no_end() -> None:
    assert lines(CallStarted(0, "c", "f"), Failed("it broke")) == [b'{"error":"it broke"}\n']


def test_what_has_no_place_is_lost() -> None:
    made = encoder()
    assert not made.losses
    assert b'"content":"no"' in made.feed(RefusalDelta("no"))
    made.feed(ThinkingDelta("t"))
    assert made.feed(Sealed(Seal("messages", "s"))) == b""
    assert made.feed(CallDelta(7, "late")) == b""
    made.feed(CallStarted(0, "c", "f", seal=Seal("gemini", "s")))
    made.feed(CallDelta(0, "no JSON"))
    made.feed(Finished("pause"))
    assert [loss.what for loss in made.losses] == [
        "response.refusal",
        "response.thinking.signature",
        "response.tool_calls.arguments",
        "response.tool_calls.signature",
        "response.pause",
    ]


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
kinds = st.lists(st.one_of(words.map(Text), words.map(Thinking)), max_size=5)


def alternating(parts: list[Text | Thinking]) -> list[Text | Thinking]:
    """Return parts of which no two alike follow each other: here, those would be one."""
    kept: list[Text | Thinking] = []
    for part in parts:
        if not kept or type(kept[-1]) is not type(part):
            kept.append(part)
    return kept


@given(
    parts=kinds.map(alternating),
    called=st.integers(0, 2),
    operation=st.sampled_from(("chat", "generate")),
)
def test_what_is_written_is_read_as_the_same(
    parts: list[Text | Thinking], called: int, operation: str
) -> None:
    calls = [ToolCall(f"c{index}", "f", '{"a": 1.50}') for index in range(called)]
    finish = "tool_calls" if calls else "stop"
    response = Response("", "m", (*parts, *calls), finish, usage=Usage(1, output=2))  # type: ignore[arg-type]  # one of two words
    made, decoder = encoder(operation), OllamaDecoder()
    stream = b"".join(made.feed(event) for event in unfold(response))
    assert fold(decoder.feed(stream) + decoder.close()) == response
