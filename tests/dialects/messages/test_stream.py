"""The meter: bytes untouched, knowledge at any split."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.messages.stream import MessagesMeter, read_event
from llm_gateway.errors import UpstreamBroken, UpstreamTruncated
from scripted import messages

STREAM = messages.events(
    "m", [messages.thinking(), messages.text(), messages.redacted(), messages.tool_use("f", {"a": "ü"})]
)
OTHER = (
    b": keep-alive\n\n",
    b"\n\n",
    b"event: ping\ndata: {}\n\n",
    b"data: not json\n\n",
    b"data: 7\n\n",
    b"event: x\ndata: {]\n\n",
    b'event: content_block_delta\ndata: {"type":"content_block_delta",\ndata: "delta":{"text":"x"}}\n\n',
    b'data: {"type":"content_block_delta","delta":"odd"}\n\n',
)


@given(
    events=st.lists(st.sampled_from((*STREAM, *OTHER)), max_size=8),
    crlf=st.booleans(),
    tail=st.sampled_from((b"", STREAM[-1][:-1], b'data: {"ty')),
    cuts=st.lists(st.integers(0, 5000), max_size=6),
)
def test_any_split_relays_the_same_objects_and_sees_the_same(
    events: list[bytes], crlf: bool, tail: bytes, cuts: list[int]
) -> None:
    stream = b"".join(events) + tail
    if crlf:
        stream = stream.replace(b"\n", b"\r\n")
    whole = MessagesMeter()
    assert whole.feed(stream) is stream
    assert whole.close() == b""
    split = MessagesMeter()
    for start, end in pairwise([0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]):
        piece = stream[start:end]
        assert split.feed(piece) is piece
    split.close()
    assert split.seen == whole.seen


def test_a_whole_stream_is_seen() -> None:
    meter = MessagesMeter()
    seen = meter.seen
    for event in STREAM[:-1]:
        assert meter.feed(event) is event
    assert not seen.complete
    meter.feed(STREAM[-1])
    text = len(messages.TEXT.encode()) + len("Erst denken.") + len('{"a":"ü"}'.encode())
    assert (seen.response_id, seen.model, seen.finish_reason) == (messages.ID, "m", "tool_use")
    assert (seen.content_bytes, seen.complete, seen.error) == (text, True, "")
    assert seen.usage == Usage(12, 8, 20, 12, 2, cache_write_1h=8)
    assert meter.seen is seen


def test_input_counts_from_the_beginning_on() -> None:
    """A client that leaves early has sent its prompt all the same."""
    meter = MessagesMeter()
    meter.feed(STREAM[0])
    assert meter.seen.usage == Usage(12, 8, 20, 1, 1, cache_write_1h=8)


def test_nobody_has_to_count() -> None:
    meter = MessagesMeter()
    meter.feed(b'data: {"type":"message_start","message":{"id":"x"}}\n\n')
    assert (meter.seen.response_id, meter.seen.usage) == ("x", None)


def test_what_a_block_begins_with_counts() -> None:
    meter = MessagesMeter()
    meter.feed(b'data: {"type":"content_block_start","content_block":{"type":"text","text":"abc"}}\n\n')
    meter.feed(
        b'data: {"type":"content_block_start","content_block":{"type":"tool_use","input":{"a":1}}}\n\n'
    )
    assert meter.seen.content_bytes == 3 + 7


def test_the_end_counts_without_its_blank_line() -> None:
    meter = MessagesMeter()
    meter.feed(STREAM[-1].rstrip())
    assert not meter.seen.complete
    assert meter.close() == b""
    assert meter.seen.complete


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (messages.error_event(), "Overloaded"),
        (b'data: {"error":"gone"}\n\n', "gone"),
        (b'data: {"type":"ping","error":null}\n\n', ""),
    ],
)
def test_an_error_inside_the_stream_is_noticed(event: bytes, error: str) -> None:
    meter = MessagesMeter()
    meter.feed(STREAM[0] + event)
    assert meter.seen.error == error


def test_an_event_without_end_is_the_upstreams_fault() -> None:
    meter = MessagesMeter()
    with pytest.raises(UpstreamBroken, match="over 16777216 bytes"):
        list(map(meter.feed, [b"data: " + b"x" * (1024 * 1024)] * 17))


@pytest.mark.parametrize("torn", [b"", b"event: content_bl"])
@pytest.mark.parametrize("closed", [False, True])
def test_a_failure_is_said_on_a_line_of_its_own(torn: bytes, closed: bool) -> None:
    meter = MessagesMeter()
    meter.feed(STREAM[0] + torn)
    if closed:
        meter.close()
    told = meter.fail(UpstreamTruncated("it ended"))
    assert told.startswith(b"\n\nevent: error\ndata: {" if torn else b"event: error\ndata: {")
    assert b'"it ended"' in told and told.endswith(b"\n\n")


def test_events_of_any_layout_are_read() -> None:
    decoder = msgspec.json.Decoder(dict[str, int])
    for event in (
        b'event: x\ndata: {"a":1}\n\n',
        b'data:{"a":1}\n\n',
        b'event: x\ndata: {"a":\ndata: 1}\n\n',
    ):
        assert read_event(event, decoder) == {"a": 1}
    for event in (b"", b"data: 7\n\n", b"event: x\ndata: {]\n\n", b'data: {"a":"b"}\n\n'):
        assert read_event(event, decoder) is None
