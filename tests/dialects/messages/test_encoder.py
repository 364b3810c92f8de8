"""Streams written from events: block after block, whatever order the pieces came in."""

import json
from collections.abc import Iterable

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
from llm_gateway.dialects.messages.decoder import MessagesDecoder
from llm_gateway.dialects.messages.encoder import MessagesEncoder
from llm_gateway.wire.sse import SseSplitter, event_data

ASKED = Asked("messages", "01K", "mine", stream=True, wants_usage=True, now=1)
SEAL = Seal("messages", "s")


def write(*events: Event) -> tuple[list[dict[str, object]], list[str]]:
    """Return the events as clients see them; they must be in the one order that all of them take."""
    encoder = MessagesEncoder(ASKED)
    stream = b"".join([encoder.feed(event) for event in events])
    told = []
    for event in SseSplitter().feed(stream):
        data = json.loads(event_data(event))
        assert event.startswith(b"event: %b\ndata: " % data["type"].encode())
        told.append(data)
    check(told)
    return told, [loss.what for loss in encoder.losses]


def check(told: Iterable[dict[str, object]]) -> None:
    """One block at a time, numbered from 0, deltas of its own kind only."""
    block: dict[str, object] | None = None
    count = -1
    kinds = {
        "text": {"text_delta"},
        "thinking": {"thinking_delta", "signature_delta"},
        "tool_use": {"input_json_delta"},
        "redacted_thinking": set(),
    }
    for event in told:
        match event:
            case {"type": "content_block_start", "index": index, "content_block": dict(begun)}:
                assert block is None
                count += 1
                assert index == count
                block = begun
            case {"type": "content_block_delta", "index": index, "delta": dict(delta)}:
                assert block is not None and index == count
                assert delta["type"] in kinds[str(block["type"])]
            case {"type": "content_block_stop", "index": index}:
                assert block is not None and index == count
                block = None
            case {"type": "message_delta" | "message_stop"}:
                assert block is None


def content(told: Iterable[dict[str, object]]) -> list[str]:
    """Return the blocks in short."""
    found: list[str] = []
    for event in told:
        match event:
            case {"content_block": {"type": "tool_use", "id": str(call_id)}}:
                found.append(f"{call_id}:")
            case {"content_block": {"type": "redacted_thinking", "data": str(data)}}:
                found.append(f"redacted:{data}")
            case {"content_block": {"type": str(kind)}}:
                found.append(f"{kind}:")
            case {"delta": {"type": "signature_delta", "signature": str(text)}}:
                found[-1] += f"|{text}"
            case {"delta": {"text": str(text)} | {"thinking": str(text)} | {"partial_json": str(text)}}:
                found[-1] += text
    return found


def test_a_stream_from_beginning_to_end() -> None:
    told, lost = write(
        Started("up", "theirs"),
        TextDelta("a"),
        TextDelta("b"),
        Measured(Usage(1, 2, 3, 4, 1)),
        Finished("stop_sequence", "END"),
    )
    assert [event["type"] for event in told] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    message = told[0]["message"]
    assert isinstance(message, dict)
    assert (message["id"], message["model"], message["content"]) == ("msg_01K", "mine", [])
    assert message["usage"]["input_tokens"] == message["usage"]["output_tokens"] == 0
    assert told[-2]["delta"] == {
        "stop_reason": "stop_sequence",
        "stop_sequence": "END",
        "stop_details": None,
        "container": None,
    }
    usage = told[-2]["usage"]
    assert isinstance(usage, dict)
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (1, 2, 4)
    assert lost == []


def test_the_last_usage_counts_and_none_is_zeros() -> None:
    told, _ = write(Started(), Measured(Usage(1)), Measured(Usage(5, output=2)), Finished("stop"))
    assert isinstance(usage := told[-2]["usage"], dict) and usage["input_tokens"] == 5
    told, _ = write(Started(), Finished("stop"))
    assert isinstance(usage := told[-2]["usage"], dict) and usage["output_tokens"] == 0


@pytest.mark.parametrize(
    ("events", "blocks"),
    [
        ([TextDelta("a"), TextDelta("b", new=True)], ["text:a", "text:b"]),
        ([TextDelta(""), TextDelta("", new=True)], []),
        ([TextDelta("a"), TextDelta("", new=True), TextDelta("b")], ["text:a", "text:b"]),
        ([ThinkingDelta("a"), ThinkingDelta("b"), TextDelta("c")], ["thinking:ab|lgw1u.", "text:c"]),
        ([ThinkingDelta("a"), ThinkingDelta("b", new=True)], ["thinking:a|lgw1u.", "thinking:b|lgw1u."]),
        ([ThinkingDelta(""), TextDelta("c")], ["text:c"]),
        ([ThinkingDelta("a"), Sealed(SEAL), ThinkingDelta("b")], ["thinking:a|s", "thinking:b|lgw1u."]),
        ([Sealed(SEAL), Sealed(SEAL)], ["thinking:|s", "thinking:|s"]),
        ([Sealed(Seal("chat", "c"))], ["thinking:|lgw1.chat.c"]),
        ([ThinkingDelta("a"), Sealed(SEAL, redacted=True)], ["thinking:a|lgw1u.", "redacted:s"]),
        ([TextDelta("a"), Sealed(SEAL, redacted=True), TextDelta("b")], ["text:a", "redacted:s", "text:b"]),
        ([TextDelta("a"), RefusalDelta("no"), RefusalDelta("!")], ["text:a", "text:no!"]),
        (
            [
                TextDelta("a"),
                CallStarted(0, "t", "f", seal=Seal("gemini", "g")),
                CallDelta(0, "{}"),
                CallStarted(1, "u", "f"),
                CallDelta(1, "{}"),
            ],
            ["text:a", "thinking:|lgw1c.lgw1.gemini.g", "t:{}", "u:{}"],
        ),
        (
            [ThinkingDelta("a"), CallStarted(0, "t", "f", seal=Seal("gemini", "g")), CallDelta(0, "{}")],
            ["thinking:a|lgw1c.lgw1.gemini.g", "t:{}"],
        ),
        (
            [
                CallStarted(0, "t", "patch", custom=True),
                CallDelta(0, 'say "'),
                CallDelta(0, 'x"\n'),
                CallStarted(1, "u", "f"),
                CallDelta(1, "{}"),
            ],
            ['t:{"input":"say \\"x\\"\\n"}', "u:{}"],
        ),
        ([CallDelta(3, "lost before it began"), TextDelta("a")], ["text:a"]),
    ],
)
def test_blocks_follow_each_other(events: list[Event], blocks: list[str]) -> None:
    told, lost = write(Started(), *events, Finished("stop"))
    assert content(told) == blocks
    assert lost == []


def test_calls_whose_pieces_mix_come_one_after_another() -> None:
    told, lost = write(
        Started(),
        CallStarted(0, "t", "f"),
        CallStarted(1, "u", "f", seal=Seal("gemini", "g")),
        CallDelta(1, '{"b"'),
        CallDelta(0, '{"a":'),
        CallStarted(2, "v", "f"),
        CallDelta(2, "{}"),
        CallDelta(0, "1}"),
        CallDelta(1, ":2}"),
        Finished("tool_calls"),
    )
    assert content(told) == ['t:{"a":1}', "thinking:|lgw1c.lgw1.gemini.g", 'u:{"b":2}', "v:{}"]
    assert lost == []


def test_a_call_is_told_at_once_when_the_one_before_is_whole() -> None:
    encoder = MessagesEncoder(ASKED)
    for event in (Started(), CallStarted(0, "t", "f"), CallDelta(0, '{"a":1}')):
        assert encoder.feed(event)
    assert b'"id":"u"' in encoder.feed(CallStarted(1, "u", "f"))


def test_a_call_that_was_held_back_is_told_when_something_else_comes() -> None:
    told, _ = write(
        Started(),
        CallStarted(0, "t", "f"),
        CallStarted(1, "u", "f"),
        CallDelta(1, "{}"),
        TextDelta("a"),
        Finished("tool_calls"),
    )
    assert content(told) == ["t:", "u:{}", "text:a"]


def test_arguments_that_come_too_late_are_a_loss() -> None:
    told, lost = write(
        Started(), CallStarted(0, "t", "f"), TextDelta("a"), CallDelta(0, "{}"), Finished("tool_calls")
    )
    assert content(told) == ["t:", "text:a"]
    assert lost == ["response.tool_use.input"]


@pytest.mark.parametrize(
    ("events", "reason", "stop"),
    [
        ([TextDelta("a")], "stop", "end_turn"),
        ([CallStarted(0, "t", "f")], "stop", "tool_use"),
        ([RefusalDelta("no")], "stop", "refusal"),
        ([TextDelta("a")], "pause", "pause_turn"),
    ],
)
def test_the_reason_fits_what_was_said(events: list[Event], reason: str, stop: str) -> None:
    told, _ = write(Started(), *events, Finished(reason))  # type: ignore[arg-type]
    assert isinstance(delta := told[-2]["delta"], dict) and delta["stop_reason"] == stop


def test_a_failure_is_the_last_word() -> None:
    encoder = MessagesEncoder(ASKED)
    encoder.feed(Started())
    encoder.feed(TextDelta("a"))
    told = encoder.feed(Failed("gone", "overloaded_error"))
    assert told == (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"gone"},'
        b'"request_id":null}\n\n'
    )
    assert encoder.feed(TextDelta("b")) == encoder.feed(Finished("stop")) == b""


def test_a_failure_before_anything_else_is_told_alone() -> None:
    assert MessagesEncoder(ASKED).feed(Failed("gone")).startswith(b"event: error\n")


def test_nothing_follows_the_end_and_a_missing_beginning_is_added() -> None:
    encoder = MessagesEncoder(ASKED)
    assert encoder.feed(TextDelta("a")).startswith(b"event: message_start\n")
    assert encoder.feed(Started()) == b""
    assert encoder.feed(Finished("stop")).endswith(b'data: {"type":"message_stop"}\n\n')
    assert encoder.feed(TextDelta("b")) == encoder.feed(Failed("x")) == b""


TEXTS = st.text(min_size=1, max_size=9)
PARTS = st.one_of(
    TEXTS.map(Text),
    st.builds(Thinking, TEXTS, st.none() | st.builds(Seal, st.just("messages"), TEXTS)),
    st.builds(Thinking, st.just(""), st.builds(Seal, st.just("messages"), TEXTS), st.booleans()),
    st.builds(ToolCall, TEXTS, st.sampled_from(("f", "g")), st.sampled_from(("{}", '{"a":[1,2]}'))),
)


@given(st.lists(PARTS, max_size=6).map(tuple))
def test_what_is_written_is_read_back(parts: tuple[Text | Thinking | ToolCall, ...]) -> None:
    called = any(isinstance(part, ToolCall) for part in parts)
    response = Response(
        "msg_01K", "mine", parts, "tool_calls" if called else "stop", "", Usage(1, 2, 3, 4, 1)
    )
    encoder, decoder = MessagesEncoder(ASKED), MessagesDecoder()
    events = [read for event in unfold(response) for read in decoder.feed(encoder.feed(event))]
    assert fold([*events, *decoder.close()]) == response


EVENTS = st.one_of(
    st.builds(TextDelta, st.sampled_from(("", "a")), st.booleans()),
    st.builds(ThinkingDelta, st.sampled_from(("", "a")), st.booleans()),
    st.builds(RefusalDelta, st.sampled_from(("", "a"))),
    st.builds(Sealed, st.just(SEAL), st.booleans()),
    st.builds(CallDelta, st.integers(0, 2), st.sampled_from(("", "{", "}", '"a":1'))),
    st.builds(Measured, st.just(Usage(1))),
)


@given(st.lists(EVENTS, max_size=12), st.lists(st.integers(0, 12), max_size=3))
def test_any_events_make_a_stream_in_order(events: list[Event], starts: list[int]) -> None:
    for index, at in enumerate(sorted(starts, reverse=True)):
        number = len(starts) - 1 - index
        events.insert(at, CallStarted(number, f"t{number}", "f"))
    told, _ = write(Started(), *events, Finished("stop"))
    assert [event["type"] for event in (told[0], *told[-2:])] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
