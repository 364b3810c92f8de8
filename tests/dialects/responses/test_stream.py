"""The meter: the same bytes out as in, knowledge at any split."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.responses.stream import ResponsesMeter
from llm_gateway.errors import UpstreamBroken, UpstreamTruncated
from llm_gateway.wire.sse import event_data
from scripted import responses

TEXT = (
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"\xc3\xa4b"}\n\n'
)
SOUND = b'event: response.audio.delta\ndata: {"type":"response.audio.delta","delta":"AAAA"}\n\n'
LINES = b'event: x\ndata: {"type":"response.refusal.delta",\ndata: "delta":"no"}\n\n'
ERROR = responses.error_event("overloaded", "server_error")
WHOLE = responses.events("m", [responses.reasoning(), responses.message("hello")])
EVENTS = (*WHOLE, TEXT, SOUND, LINES, ERROR)
OTHER = (
    b": keep-alive\n\n",
    b"\n\n",
    b"event: ping\n\n",
    b"data: not json\n\n",
    b"data: 7\n\n",
    b"data: [DONE]\n\n",
)


@given(
    events=st.lists(st.sampled_from(EVENTS + OTHER), max_size=8),
    crlf=st.booleans(),
    tail=st.sampled_from((b"", b"event: response.completed\n", b'data: {"type":"resp')),
    cuts=st.lists(st.integers(0, 4000), max_size=6),
)
def test_any_split_relays_the_same_and_sees_the_same(
    events: list[bytes], crlf: bool, tail: bytes, cuts: list[int]
) -> None:
    stream = b"".join(events) + tail
    if crlf:
        stream = stream.replace(b"\n", b"\r\n")
    whole = ResponsesMeter()
    assert whole.feed(stream) is stream
    assert whole.close() == b""
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    split = ResponsesMeter()
    for start, end in pairwise(edges):
        piece = stream[start:end]
        assert split.feed(piece) is piece
    split.close()
    assert split.seen == whole.seen


def test_a_stream_tells_about_itself() -> None:
    meter = ResponsesMeter()
    seen = meter.seen
    meter.feed(b"".join(WHOLE[:-1]))
    assert (seen.response_id, seen.model, seen.finish_reason) == (responses.ID, "m", "")
    assert seen.content_bytes == len("Erst denken.hello")
    assert not meter.seen.complete
    meter.feed(WHOLE[-1])
    assert meter.seen is seen
    assert (meter.seen.complete, meter.seen.finish_reason) == (True, "completed")
    assert meter.seen.usage == Usage(uncached=32, cache_read=8, output=12, reasoning=2)


def test_text_is_counted_as_utf8_and_sound_is_not() -> None:
    meter = ResponsesMeter()
    meter.feed(TEXT + SOUND + LINES)
    assert meter.seen.content_bytes == 3 + 2


def test_text_without_pieces_is_counted_at_the_end() -> None:
    meter = ResponsesMeter()
    meter.feed(WHOLE[-1])
    assert meter.seen.content_bytes == len("Erst denken.hello")


@pytest.mark.parametrize("ending", ["completed", "incomplete", "failed"])
def test_each_end_completes(ending: str) -> None:
    meter = ResponsesMeter()
    meter.feed(b"".join(responses.events("m", ending=ending)))
    assert meter.seen.complete
    assert meter.seen.error == ("the upstream reported an error" if ending == "failed" else "")


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (ERROR, "overloaded"),
        (b'data: {"type":"error","error":{"message":"overloaded"}}\n\n', "overloaded"),
        (b'data: {"error":"gone"}\n\n', "gone"),
        (b"".join(responses.events("m", ending="failed", failure={"code": "x", "message": "why"})), "why"),
    ],
)
def test_an_error_inside_the_stream_is_noticed(event: bytes, error: str) -> None:
    meter = ResponsesMeter()
    meter.feed(event)
    assert meter.seen.error == error


def test_the_last_event_counts_without_its_blank_line() -> None:
    meter = ResponsesMeter()
    meter.feed(WHOLE[-1].rstrip(b"\n"))
    assert not meter.seen.complete
    meter.close()
    assert meter.seen.complete


def test_an_event_without_end_is_the_upstreams_fault() -> None:
    meter = ResponsesMeter()
    piece = b"data: " + b"x" * (1024 * 1024)
    with pytest.raises(UpstreamBroken, match="over 16777216 bytes"):
        list(map(meter.feed, [piece] * 17))


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"item":' + b"[" * 100_000, b'{"type":"\xff"}', b"{]", b'{"type":7}']
)
def test_an_unreadable_event_is_relayed_all_the_same(data: bytes) -> None:
    meter = ResponsesMeter()
    event = b"event: x\ndata: " + data + b"\n\n"
    assert meter.feed(event) is event
    meter.feed(TEXT)
    assert meter.seen == Seen(content_bytes=3)


def test_an_unreadable_response_completes_all_the_same() -> None:
    meter = ResponsesMeter()
    meter.feed(b'data: {"type":"response.completed","response":[1,2,3]}\n\n')
    assert meter.seen == Seen(complete=True)


@pytest.mark.parametrize("torn", [b"", WHOLE[4][:50]], ids=["whole", "torn"])
@pytest.mark.parametrize("closed", [True, False])
def test_a_stream_that_breaks_off_ends_with_response_failed(torn: bytes, closed: bool) -> None:
    meter = ResponsesMeter()
    meter.feed(b"".join(WHOLE[:4]) + torn)
    if closed:
        meter.close()
    last = meter.fail(UpstreamTruncated("the answer ended before its end"))
    assert last.startswith(b"\n\n") is bool(torn)
    event = json.loads(event_data(last.removeprefix(b"\n\n")))
    assert b"event: response.failed\n" in last
    assert (event["type"], event["sequence_number"]) == ("response.failed", 4)
    assert event["response"]["id"] == responses.ID
    assert event["response"]["status"] == "failed"
    # A code that Codex tries again at.
    assert event["response"]["error"] == {
        "code": "server_error",
        "message": "the answer ended before its end",
    }
