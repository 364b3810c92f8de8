"""Streams written: what the vendor's clients read, and what our own decoder reads back."""

import json
from typing import Any

import msgspec
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
from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Response, fold, unfold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.decode import OLD_CALLS
from llm_gateway.dialects.chat.decoder import ChatDecoder
from llm_gateway.dialects.chat.encoder import ChatEncoder
from llm_gateway.dialects.contract import Asked

ASKED = Asked("chat/completions", "01K", "m", stream=True, wants_usage=False, now=1_790_000_000)
WANTS = msgspec.structs.replace(ASKED, wants_usage=True)
OLD = msgspec.structs.replace(ASKED, notes=OLD_CALLS)
END = Finished("stop")


def encode(*events: Event, asked: Asked = ASKED) -> tuple[bytes, list[str]]:
    encoder = ChatEncoder(asked)
    assert encoder.id == "chatcmpl-01K"
    return b"".join(map(encoder.feed, events)), [loss.what for loss in encoder.losses]


# JSON as a client gets it: of any shape.
def chunks(stream: bytes) -> list[Any]:
    events = stream.split(b"\n\n")
    assert events.pop() == b""
    data = [event.removeprefix(b"data: ") for event in events]
    return [json.loads(each) for each in data if each != b"[DONE]"]


def deltas(*events: Event, asked: Asked = ASKED) -> list[Any]:
    """Return what the events between the first and the last add."""
    stream, _ = encode(Started("x", "upstream"), *events, END, asked=asked)
    return [chunk["choices"][0]["delta"] for chunk in chunks(stream)][1:-1]


def test_an_answer_is_chunks_and_then_the_marker() -> None:
    stream, lost = encode(Started("x", "upstream"), TextDelta("grüße"), Measured(Usage(4, output=2)), END)
    head = '{"id":"chatcmpl-01K","object":"chat.completion.chunk","created":1790000000,"model":"m","choices":'
    role = '{"role":"assistant","content":"","refusal":null}'
    expected = [
        head + f'[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}'
        for delta, finish in ((role, "null"), ('{"content":"grüße"}', "null"), ("{}", '"stop"'))
    ]
    assert stream.decode() == "".join(f"data: {each}\n\n" for each in (*expected, "[DONE]"))
    assert not lost


def test_usage_has_a_chunk_of_its_own_for_who_asked() -> None:
    told = chunks(encode(Started(), TextDelta("a"), Measured(Usage(4, output=2)), END, asked=WANTS)[0])
    assert [chunk["usage"] for chunk in told[:-1]] == [None, None, None]
    assert told[-1]["choices"] == [] and told[-1]["usage"]["total_tokens"] == 6
    unknown = chunks(encode(Started(), TextDelta("a"), END, asked=WANTS)[0])
    assert [chunk["usage"] for chunk in unknown] == [None, None, None]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([TextDelta("a"), TextDelta("b", new=True)], [{"content": "a"}, {"content": "b"}]),
        ([RefusalDelta("no")], [{"refusal": "no"}]),
        (
            [
                ThinkingDelta("a"),
                ThinkingDelta("b"),
                ThinkingDelta("c", new=True),
                TextDelta("x"),
                ThinkingDelta("d"),
            ],
            [
                {"reasoning_content": "a"},
                {"reasoning_content": "b"},
                {"reasoning_content": "\n\nc"},
                {"content": "x"},
                {"reasoning_content": "\n\nd"},
            ],
        ),
        (
            [CallStarted(0, "c", "add"), CallDelta(0, ""), CallDelta(0, "{}")],
            [
                {
                    "tool_calls": [
                        {
                            "index": 0,
                            "id": "c",
                            "type": "function",
                            "function": {"name": "add", "arguments": ""},
                        }
                    ]
                },
                {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
            ],
        ),
        (
            [CallStarted(0, "c", "sh", custom=True), CallDelta(0, "ls")],
            [
                {
                    "tool_calls": [
                        {"index": 0, "id": "c", "type": "custom", "custom": {"name": "sh", "input": ""}}
                    ]
                },
                {"tool_calls": [{"index": 0, "custom": {"input": "ls"}}]},
            ],
        ),
        ([CallDelta(3, "{}"), Started("again")], []),
    ],
)
def test_what_an_event_adds(events: list[Event], expected: list[object]) -> None:
    assert deltas(*events) == expected


def test_a_seal_of_google_goes_with_its_call() -> None:
    (told,) = deltas(CallStarted(0, "c", "add", seal=Seal("gemini", "g")))
    assert told["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "g"}}


def test_a_sealed_block_is_told_once_more_and_whole() -> None:
    told = deltas(
        ThinkingDelta("a"),
        ThinkingDelta("b", new=True),
        ThinkingDelta("c"),
        Sealed(Seal("messages", "s")),
        Sealed(Seal("messages", "d"), redacted=True),
        ThinkingDelta("e"),
        TextDelta("x"),
    )
    details = [detail for delta in told for detail in delta.get("reasoning_details", ())]
    assert details == [
        {"type": "reasoning.text", "text": "a", "index": 0},
        {"type": "reasoning.text", "text": "bc", "index": 1, "signature": "lgw1.messages.s"},
        {"type": "reasoning.encrypted", "data": "lgw1.messages.d", "index": 2},
        {"type": "reasoning.text", "text": "e", "index": 3},
    ]
    assert not any("reasoning_details" in delta for delta in deltas(ThinkingDelta("a"), TextDelta("x")))


def test_a_seal_without_a_block_is_one_of_no_text() -> None:
    (told,) = deltas(Sealed(Seal("gemini", "g")))
    assert told["reasoning_details"] == [
        {"type": "reasoning.text", "text": "", "index": 0, "signature": "lgw1.gemini.g"}
    ]
    # text in between closes the block: the seal that comes then is not its own
    told = deltas(ThinkingDelta("a"), TextDelta("x"), Sealed(Seal("gemini", "g")))[-1]
    assert [detail["text"] for detail in told["reasoning_details"]] == ["a", ""]


def test_the_role_comes_first_even_when_nobody_started() -> None:
    told = chunks(encode(TextDelta("a"), END)[0])
    assert [chunk["choices"][0]["delta"] for chunk in told] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "a"},
        {},
    ]


@pytest.mark.parametrize("asked", [ASKED, WANTS])
def test_a_failure_is_the_last_word_and_no_end(asked: Asked) -> None:
    stream, _ = encode(
        Started(), TextDelta("a"), Failed("gone", "overloaded"), TextDelta("b"), END, asked=asked
    )
    assert b"[DONE]" not in stream
    told = chunks(stream)
    assert len(told) == 3
    assert told[-1] == {
        "error": {"message": "gone", "type": "server_error", "param": None, "code": "overloaded"}
    }
    assert chunks(encode(Failed("gone"))[0])[0]["error"]["code"] is None


def test_after_the_end_nothing_is_said() -> None:
    encoder = ChatEncoder(ASKED)
    assert encoder.feed(END).endswith(b"data: [DONE]\n\n")
    assert encoder.feed(TextDelta("a")) == encoder.feed(END) == encoder.feed(Failed("x")) == b""


def test_a_stop_sequence_is_told_as_vllm_does() -> None:
    choice = chunks(encode(TextDelta("a"), Finished("stop_sequence", "END"))[0])[-1]["choices"][0]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", "END")


def test_a_pause_is_reported() -> None:
    assert encode(TextDelta("a"), Finished("pause"))[1] == ["response.pause"]


def test_an_answer_to_a_request_of_old_is_one_of_old() -> None:
    events = (
        CallStarted(0, "c", "add"),
        CallDelta(0, "{}"),
        CallStarted(1, "d", "sub"),
        CallDelta(1, "[]"),
        Finished("tool_calls"),
    )
    stream, lost = encode(Started(), *events, asked=OLD)
    told = [chunk["choices"][0] for chunk in chunks(stream)]
    assert [choice["delta"] for choice in told[1:-1]] == [
        {"function_call": {"name": "add", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    ]
    assert told[-1]["finish_reason"] == "function_call"
    assert lost == ["response.tool_calls"]


words = st.text(min_size=1, max_size=9)
foreign = st.none() | st.builds(Seal, st.sampled_from(("messages", "responses", "gemini")), words)
parts = st.lists(
    st.builds(Text, words)
    | st.builds(Refusal, words)
    | st.builds(Thinking, words, foreign)
    | st.builds(ToolCall, st.from_regex("c[0-9]{1,5}", fullmatch=True), words, words, st.booleans()),
    max_size=5,
)
usages = st.none() | st.builds(
    Usage, st.integers(0, 9), st.integers(0, 9), st.just(0), st.integers(1, 9), st.just(1)
)


def kinds(told: list[AnswerPart]) -> dict[str, object]:
    """Return an answer's parts as chat keeps them: each kind by itself, its texts as one."""
    return {
        "text": "".join(part.text for part in told if isinstance(part, Text)),
        "refusal": "".join(part.text for part in told if isinstance(part, Refusal)),
        "thinking": "".join(part.text for part in told if isinstance(part, Thinking)).replace("\n", ""),
        "calls": [part for part in told if isinstance(part, ToolCall)],
    }


@given(told=parts, usage=usages, cuts=st.integers(1, 40))
def test_what_is_written_is_read_back(told: list[AnswerPart], usage: Usage | None, cuts: int) -> None:
    calls = [part for part in told if isinstance(part, ToolCall)]
    if len({call.id for call in calls}) < len(calls):
        return
    response = Response("up", "m", tuple(told), "tool_calls" if calls else "stop", "", usage)
    stream, lost = encode(*unfold(response), asked=WANTS)
    decoder = ChatDecoder()
    events = [event for at in range(0, len(stream), cuts) for event in decoder.feed(stream[at : at + cuts])]
    got = fold(events + decoder.close())
    assert not lost and not decoder.losses
    assert kinds(list(got.parts)) == kinds(told)
    assert (got.id, got.model, got.usage) == ("chatcmpl-01K", "m", usage)
    refused = any(isinstance(part, Refusal) for part in told)
    assert got.finish == ("tool_calls" if calls else "refusal" if refused else "stop")
