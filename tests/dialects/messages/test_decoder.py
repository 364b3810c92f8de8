"""Streams read into events: the same ones at any split, and none that says an end that was not there."""

import json
from itertools import pairwise

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
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.parts import Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import Response, fold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.messages.answer import decode_response
from llm_gateway.dialects.messages.decoder import MessagesDecoder
from llm_gateway.errors import UpstreamBroken
from scripted import messages

CONTENT = (
    messages.thinking(),
    messages.thinking("", "second"),
    messages.redacted(),
    messages.text(),
    messages.text("again"),
    messages.tool_use("f", {"a": "ü"}, "t1"),
    messages.tool_use("g", {}, "t2"),
)
STREAM = messages.events("m", CONTENT)
OTHER = (
    b": keep-alive\n\n",
    b"\n\n",
    messages.PING,
    b'event: newer\ndata: {"type":"newer","index":0,"delta":{"type":"newer"}}\n\n',
    b"data: not json\n\n",
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":99}\n\n',
)


def decode(*events: bytes) -> tuple[list[Event], list[str]]:
    decoder = MessagesDecoder()
    found = [event for piece in events for event in decoder.feed(piece)]
    return found + decoder.close(), [loss.what for loss in decoder.losses]


def event(kind: str, **members: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def begin(index: int, **block: object) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def delta(index: int, **told: object) -> bytes:
    return event("content_block_delta", index=index, delta=told)


def end(index: int) -> bytes:
    return event("content_block_stop", index=index)


def test_a_stream_means_what_the_whole_answer_means() -> None:
    events, lost = decode(*STREAM)
    whole = decode_response(messages.message("m", CONTENT))
    assert fold(events) == whole.response
    assert lost == []
    assert events[-1] == Finished("tool_calls", "", "tool_use")


@given(
    events=st.lists(st.sampled_from((*STREAM[:-1], *OTHER)), max_size=10),
    crlf=st.booleans(),
    tail=st.sampled_from((b"", STREAM[-1], STREAM[-1].rstrip(), b'data: {"ty')),
    cuts=st.lists(st.integers(0, 5000), max_size=6),
)
def test_any_split_gives_the_same_events(
    events: list[bytes], crlf: bool, tail: bytes, cuts: list[int]
) -> None:
    stream = b"".join([STREAM[0], *events, tail])
    if crlf:
        stream = stream.replace(b"\n", b"\r\n")
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    assert decode(*(stream[start:stop] for start, stop in pairwise(edges))) == decode(stream)


@given(st.integers(0, len(b"".join(STREAM)) - 1))
def test_a_stream_that_broke_off_has_no_end(cut: int) -> None:
    """Its last word is why it stopped: whatever is cut before that has broken off."""
    stream = b"".join(STREAM)
    told = stream.index(b"event: message_delta")
    told = stream.index(b"\n\n", told)
    events, _ = decode(stream[:cut])
    assert any(isinstance(each, Finished) for each in events) is (cut >= told)


def test_usage_comes_at_the_beginning_and_at_the_end() -> None:
    events, _ = decode(*STREAM)
    assert [each.usage for each in events if isinstance(each, Measured)] == [
        Usage(12, 8, 20, 1, 1, cache_write_1h=8),
        Usage(12, 8, 20, 12, 2, cache_write_1h=8),
    ]
    uncounted, _ = decode(*messages.events("m", usage=None))
    assert not any(isinstance(each, Measured) for each in uncounted)


def test_a_call_without_arguments_has_an_empty_object() -> None:
    events, _ = decode(*messages.events("m", [messages.tool_use("f", {}, "t")]))
    assert [each for each in events if isinstance(each, CallStarted | CallDelta)] == [
        CallStarted(0, "t", "f"),
        CallDelta(0, "{}"),
    ]


def test_arguments_may_come_with_the_beginning() -> None:
    events, _ = decode(
        STREAM[0], begin(0, type="tool_use", id="t", name="a-2e-b-lgw1", input={"a": 1}), end(0), STREAM[-1]
    )
    assert fold(events).parts == (ToolCall("t", "a.b", '{"a": 1}'),)


def test_text_and_thinking_may_come_with_the_beginning() -> None:
    events, _ = decode(
        STREAM[0],
        begin(0, type="thinking", thinking="a", signature="s"),
        delta(0, type="thinking_delta", thinking="b"),
        end(0),
        begin(1, type="text", text="c"),
        delta(1, type="text_delta", text="d"),
        end(1),
        STREAM[-1],
    )
    assert fold(events).parts == (Thinking("ab", Seal("messages", "s")), Text("cd"))


def test_a_seal_that_comes_in_pieces() -> None:
    events, _ = decode(
        STREAM[0],
        begin(0, type="thinking", thinking=""),
        delta(0, type="signature_delta", signature="s1"),
        delta(0, type="signature_delta", signature="s2"),
        end(0),
    )
    assert events[-1] == Sealed(Seal("messages", "s1s2"))


def test_a_seal_never_goes_to_the_block_before() -> None:
    events, _ = decode(
        STREAM[0],
        begin(0, type="thinking", thinking=""),
        delta(0, type="thinking_delta", thinking="open"),
        end(0),
        begin(1, type="thinking", thinking=""),
        delta(1, type="signature_delta", signature="s"),
        end(1),
        STREAM[-1],
    )
    assert fold(events).parts == (Thinking("open"), Thinking("", Seal("messages", "s")))


def test_calls_whose_pieces_mix() -> None:
    events, _ = decode(
        STREAM[0],
        begin(0, type="tool_use", id="t1", name="f"),
        begin(1, type="tool_use", id="t2", name="g"),
        delta(1, type="input_json_delta", partial_json='{"b"'),
        delta(0, type="input_json_delta", partial_json='{"a":1}'),
        delta(1, type="input_json_delta", partial_json=":2}"),
        STREAM[-1],
    )
    assert fold(events).parts == (ToolCall("t1", "f", '{"a":1}'), ToolCall("t2", "g", '{"b":2}'))


def test_what_a_server_leaves_out() -> None:
    """No beginning of the message or of a block, no end of one."""
    events, _ = decode(
        delta(0, type="thinking_delta", thinking="a"), delta(1, type="text_delta", text="b"), STREAM[-1]
    )
    assert events == [
        Started(),
        ThinkingDelta("a", new=True),
        TextDelta("b", new=True),
        Finished("stop"),
    ]
    assert decode(STREAM[-1])[0] == [Started(), Finished("stop")]
    events, _ = decode(STREAM[0], begin(0, type="tool_use", id="t", name="f"), STREAM[-1])
    assert fold(events).parts == (ToolCall("t", "f", "{}"),)


def test_nothing_follows_the_end() -> None:
    events, _ = decode(*STREAM, *STREAM)
    assert events == decode(*STREAM)[0]
    assert [each for each in events if isinstance(each, Started)] == [Started(messages.ID, "m")]


@pytest.mark.parametrize(
    ("told", "failed"),
    [
        (messages.error_event("rate_limit_error", "slow down"), Failed("slow down", "rate_limit_error")),
        (b'data: {"error":"gone"}\n\n', Failed("gone")),
        (b'data: {"type":"error"}\n\n', Failed("the upstream reported an error")),
    ],
)
def test_an_error_ends_the_stream(told: bytes, failed: Failed) -> None:
    events, _ = decode(STREAM[0], told, *STREAM[1:])
    assert events[-1] == failed
    assert not any(isinstance(each, Finished) for each in events)


def test_what_other_dialects_have_no_place_for() -> None:
    events, lost = decode(
        STREAM[0],
        begin(0, type="server_tool_use", id="s", name="web_search", input={}),
        delta(0, type="input_json_delta", partial_json='{"query":"x"}'),
        end(0),
        begin(1, type="text", text=""),
        delta(1, type="citations_delta", citation={}),
        delta(1, type="text_delta", text="a"),
        end(1),
        begin(2, type="fallback"),
        event(
            "message_delta",
            delta={"stop_reason": "refusal", "stop_details": {"type": "refusal"}},
            usage={"output_tokens": 5},
        ),
        STREAM[-1],
    )
    assert lost == ["response.server_tool_use", "response.citations", "response.stop_details"]
    assert fold(events) == Response(
        messages.ID, "m", (Text("a"),), "refusal", "", Usage(12, 8, 20, 5, 2, cache_write_1h=8)
    )


@pytest.mark.parametrize("data", [b'{"type":7}', b"{]", b'{"type":"content_block_delta","delta":"x"}'])
def test_what_is_no_stream_is_the_upstreams_fault(data: bytes) -> None:
    with pytest.raises(UpstreamBroken, match="no part of a message"):
        decode(b"event: x\ndata: " + data + b"\n\n")


def test_an_event_without_end_is_the_upstreams_fault() -> None:
    decoder = MessagesDecoder()
    with pytest.raises(UpstreamBroken, match="over 16777216 bytes"):
        list(map(decoder.feed, [b"data: " + b"x" * (1024 * 1024)] * 17))


def test_a_kind_of_piece_that_is_not_known_is_a_loss() -> None:
    _, lost = decode(
        STREAM[0],
        begin(0, type="text"),
        delta(0, type="newer_delta", newer="x"),
        delta(0, newer="x"),
        STREAM[-1],
    )
    assert lost == ["response.newer", "response.newer_delta", "response.delta"]


def test_what_nobody_knows_of_a_stream_is_a_loss() -> None:
    _, lost = decode(
        event("message_start", message={"id": "m", "x": 1}),
        event("newer_event", y=1),
        begin(0, type="tool_use", id="t", name="n", input={}, caller={"type": "code_execution_20260120"}),
        event("ping", z=0),
        STREAM[-1],
    )
    assert lost == ["response.x", "response.y", "response.newer_event", "response.caller"]


def test_odd_members_cost_nothing() -> None:
    events, _ = decode(
        event("message_start", message={"id": 7, "model": None, "usage": "many"}),
        begin(0, type="text", text=7),
        delta(0, type="text_delta", text=None),
        delta(0, type="text_delta", text="a"),
        event("message_delta", usage=None),
        event("message_delta", delta={"stop_reason": None}),
        STREAM[-1],
    )
    assert events == [Started(), TextDelta("a", new=True), Finished("stop")]
