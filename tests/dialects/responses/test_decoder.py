"""The stream of an upstream read: the same events at any split, and from servers that say less."""

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
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.parts import Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import fold, unfold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.responses.answer import decode_response
from llm_gateway.dialects.responses.decoder import ResponsesDecoder
from llm_gateway.errors import UpstreamBroken
from scripted import responses

USAGE = Measured(Usage(32, 8, 0, 12, 2))
ITEMS = (
    responses.reasoning(["one", "two"]),
    responses.message("hello"),
    responses.refusal("no"),
    responses.function_call("f", {"a": "ä"}, "c1"),
    responses.custom_call("p", "text", "c2"),
    responses.reasoning([], "gB="),
    responses.message("bye"),
)
OTHER = (b": keep-alive\n\n", b"event: ping\ndata: {}\n\n", b"data: [DONE]\n\n", b"data: 7\n\n", b"\n\n")


def read(stream: bytes) -> list[Event]:
    decoder = ResponsesDecoder()
    return decoder.feed(stream) + decoder.close()


def event(kind: str, **members: object) -> bytes:
    body = json.dumps({"type": kind, **members}).encode()
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


@given(
    items=st.lists(st.sampled_from(ITEMS), min_size=1, max_size=5),
    between=st.sampled_from(OTHER),
    crlf=st.booleans(),
    ended=st.booleans(),
    cuts=st.lists(st.integers(0, 6000), max_size=6),
)
def test_any_split_gives_the_same_events(
    items: list[responses.Json], between: bytes, crlf: bool, ended: bool, cuts: list[int]
) -> None:
    stream = between.join(responses.events("m", items, ending="completed" if ended else ""))
    if crlf:
        stream = stream.replace(b"\n", b"\r\n")
    decoder = ResponsesDecoder()
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    split = [found for start, end in pairwise(edges) for found in decoder.feed(stream[start:end])]
    split += decoder.close()
    assert split == read(stream)
    assert any(isinstance(found, Finished) for found in split) is ended


@given(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=6))
def test_a_stream_means_what_the_whole_answer_means(items: list[responses.Json]) -> None:
    events = read(b"".join(responses.events("m", items)))
    whole = decode_response(json.dumps(responses.completed("m", items)).encode()).response
    assert fold(events) == fold(unfold(whole))  # refusals that follow each other are one


def test_the_usual_stream() -> None:
    events = read(b"".join(responses.events("m", [responses.message("abc")])))
    assert events == [
        Started(responses.ID, "m"),
        TextDelta("a", new=True),
        TextDelta("b"),
        TextDelta("c"),
        USAGE,
        Finished("stop", native="completed"),
    ]


def test_thinking_is_sealed_when_its_item_is_done() -> None:
    events = read(b"".join(responses.events("m", [responses.reasoning(["a", "b"], "gA=")])))
    assert events[1:4] == [
        ThinkingDelta("a", new=True),
        ThinkingDelta("\n\nb"),
        Sealed(Seal("responses", "rs_scripted_1.gA=")),
    ]


def test_a_seal_is_not_that_of_thinking_before_it() -> None:
    items = [responses.reasoning(["a"], None), responses.reasoning([], "gA=")]
    assert fold(read(b"".join(responses.events("m", items)))).parts == (
        Thinking("a"),
        Thinking("", Seal("responses", "rs_scripted_1.gA=")),
    )


def test_calls_that_overlap_are_told_apart() -> None:
    call = {"type": "function_call", "name": "f"}
    pieces = "response.function_call_arguments.delta"
    events = read(
        event("response.output_item.added", output_index=0, item={**call, "call_id": "c0"})
        + event("response.output_item.added", output_index=1, item={**call, "call_id": "c1"})
        + event(pieces, output_index=0, delta="{")
        + event(pieces, output_index=1, delta="[")
        + event(pieces, output_index=0, delta="}")
        + event(pieces, output_index=7, delta="of no call")
    )
    assert events == [
        Started(),
        CallStarted(0, "c0", "f"),
        CallStarted(1, "c1", "f"),
        CallDelta(0, "{"),
        CallDelta(1, "["),
        CallDelta(0, "}"),
    ]


def test_a_server_that_counts_every_item_as_the_first() -> None:
    call = {"type": "function_call", "name": "f"}
    events = read(
        b"".join(
            event("response.output_item.added", item={**call, "call_id": call_id, "arguments": ""})
            + event("response.output_item.done", item={**call, "call_id": call_id, "arguments": "{}"})
            for call_id in ("c0", "c1")
        )
    )
    assert events == [
        Started(),
        CallStarted(0, "c0", "f"),
        CallDelta(0, "{}"),
        CallStarted(1, "c1", "f"),
        CallDelta(1, "{}"),
    ]


def test_a_server_that_tells_whole_items_only() -> None:
    done = [
        event("response.output_item.done", output_index=place, item=item) for place, item in enumerate(ITEMS)
    ]
    last = responses.events("m", ITEMS)[-1]
    whole = decode_response(json.dumps(responses.completed("m", ITEMS)).encode()).response
    folded = fold(read(b"".join(done) + last))
    assert folded.parts == whole.parts and folded.finish == whole.finish


def test_a_server_that_tells_only_the_end() -> None:
    events = read(responses.events("m", ITEMS)[-1])
    assert fold(events) == decode_response(json.dumps(responses.completed("m", ITEMS)).encode()).response
    assert events[0] == Started(responses.ID, "m")


def test_raw_thinking_and_a_summary_of_it_are_told_once() -> None:
    decoder = ResponsesDecoder()
    events = decoder.feed(
        event("response.reasoning_text.delta", output_index=0, content_index=0, delta="raw")
        + event("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="short")
    )
    assert events == [Started(), ThinkingDelta("raw", new=True)]
    assert [loss.what for loss in decoder.losses] == ["response.reasoning.content"]


@pytest.mark.parametrize(
    ("told", "lost"),
    [
        (
            event("response.output_item.added", item={"type": "web_search_call", "id": "ws"}),
            "response.web_search_call",
        ),
        (event("response.output_text.annotation.added", annotation={}), "response.annotations"),
        (
            event("response.output_item.done", item={"type": "message", "content": [{"type": "sound"}]}),
            "response.sound",
        ),
    ],
)
def test_what_others_do_not_tell_is_reported(told: bytes, lost: str) -> None:
    decoder = ResponsesDecoder()
    assert decoder.feed(told) == []
    assert [loss.what for loss in decoder.losses] == [lost]


@pytest.mark.parametrize(
    ("told", "failed"),
    [
        (responses.error_event("busy", "rate_limit_exceeded"), Failed("busy", "rate_limit_exceeded")),
        (event("error", error={"type": "server_error", "message": "x"}), Failed("x", "server_error")),
        (b'data: {"error":{"message":"x","code":"c"}}\n\n', Failed("x", "c")),
        (b'data: {"error":"x"}\n\n', Failed("x")),
        (
            responses.events("m", ending="failed", usage=None, failure={"code": "c", "message": "x"})[-1],
            Failed("x", "c"),
        ),
        (event("response.failed"), Failed("the upstream reported an error")),
        (event("response.failed", response=[1, 2, 3]), Failed("the upstream reported an error")),
    ],
)
def test_failures_end_the_stream(told: bytes, failed: Failed) -> None:
    after = event("response.output_text.delta", delta="late")
    assert [found for found in read(told + after) if not isinstance(found, Started)] == [failed]


def test_a_failure_tells_what_was_used() -> None:
    events = read(b"".join(responses.events("m", ending="failed", failure={"code": "c", "message": "x"})))
    assert events[-2:] == [USAGE, Failed("x", "c")]


def test_endings() -> None:
    def last(**told: object) -> Event:
        return read(event("response.incomplete", response={"status": "incomplete", **told}))[-1]

    assert last(incomplete_details={"reason": "content_filter"}) == Finished(
        "content_filter", native="content_filter"
    )
    assert last() == Finished("other", native="unknown")
    assert read(event("response.completed"))[-1] == Finished("stop", native="completed")
    refused = event("response.refusal.delta", delta="no") + event("response.completed")
    assert read(refused)[1:] == [RefusalDelta("no"), Finished("refusal", native="completed")]


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"type":"response.output_text.delta","delta":7}',
        b'{"type":"response.function_call_arguments.delta","output_index":3,"delta":"x"}',
        b'{"type":"response.refusal.delta","delta":null}',
        b'{"type":"response.reasoning_text.delta"}',
        b"{}",
    ],
)
def test_what_cannot_be_understood_is_passed_over(data: bytes) -> None:
    decoder = ResponsesDecoder()
    assert decoder.feed(b"event: x\ndata: " + data + b"\n\n") == []
    assert decoder.feed(event("response.output_text.delta", delta="a")) == [
        Started(),
        TextDelta("a", new=True),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"{]",
        b'{"type":"response.output_text.delta","delta":"Gr',
        b'{"type":"response.output_text.delta","delta":"\xff"}',
        b'{"type":"response.output_text.delta","output_index":"one","delta":"x"}',
        b'{"type":7}',
    ],
)
def test_what_cannot_be_read_is_not_left_out_in_silence(data: bytes) -> None:
    """An answer that lacks a word and ends well would be taken for whole."""
    for named in (b"", b"event: x\n"):
        decoder = ResponsesDecoder()
        decoder.feed(event("response.output_text.delta", delta="a"))
        with pytest.raises(UpstreamBroken, match="no part of a response"):
            decoder.feed(named + b"data: " + data + b"\n\n")


def test_an_event_that_nobody_knows_may_be_of_any_form() -> None:
    decoder = ResponsesDecoder()
    assert decoder.feed(event("response.weather", item="rain", output_index="one")) == []
    assert [loss.what for loss in decoder.losses] == ["response.weather"]


def test_a_stream_that_ends_inside_an_event_has_broken_off() -> None:
    decoder = ResponsesDecoder()
    whole = event("response.output_text.delta", delta="a")
    assert len(decoder.feed(whole + whole[:-9])) == 2
    assert decoder.close() == []


def test_nothing_is_read_after_a_failure() -> None:
    decoder = ResponsesDecoder()
    decoder.feed(event("error", message="no"))
    assert decoder.feed(b"data: {]\n\n") == []


def test_data_on_several_lines() -> None:
    assert read(b'event: x\ndata: {"type":"response.refusal.delta",\ndata: "delta":"no"}\n\n') == [
        Started(),
        RefusalDelta("no"),
    ]


def test_the_last_event_counts_without_its_blank_line() -> None:
    assert read(event("response.completed").rstrip(b"\n"))[-1] == Finished("stop", native="completed")


def test_an_event_without_end_is_the_upstreams_fault() -> None:
    decoder = ResponsesDecoder()
    with pytest.raises(UpstreamBroken, match="over 16777216 bytes"):
        list(map(decoder.feed, [b"data: " + b"x" * (1024 * 1024)] * 17))


def test_parts_of_one_message_stay_apart() -> None:
    delta = "response.output_text.delta"
    events = read(
        event(delta, output_index=0, content_index=0, delta="a")
        + event(delta, output_index=0, content_index=1, delta="b")
        + event(delta, output_index=0, content_index=1, delta="c")
    )
    assert fold(events).parts == (Text("a"), Text("bc"))


def test_the_kinds_of_parts() -> None:
    whole = fold(read(b"".join(responses.events("m", ITEMS))))
    kinds = [type(part) for part in whole.parts]
    assert kinds.count(Thinking) == 2 and kinds.count(ToolCall) == 2
    assert whole.finish == "tool_calls"
