"""The meter: bytes untouched unless something of ours is in them, knowledge at any split."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.errors import encode_stream_error
from llm_gateway.dialects.chat.stream import ChatMeter
from llm_gateway.errors import UpstreamBroken, UpstreamTruncated

HELLO = b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'
NULL_LAST = b'data: {"id":"c1","choices":[{"delta":{"content":"x"}}],"usage":null}\n\n'
NULL_INSIDE = b'data: {"id":"c1","choices":[{"delta":{"content":"x"}}],"usage":null,"obfuscation":"a"}\n\n'
NULL_FIRST = b'data: {"usage":null,"choices":[{"delta":{"content":"x"}}]}\n\n'
NULL_SPACED = b'data: {"choices": [{"delta": {"content": "x"}}], "usage": null}\n\n'
NULL_NESTED = b'data: {"choices":[{"delta":{"content":"x"},"usage":null,"i":0}],"\\u0075sage":null}\n\n'
NULL_IN_TEXT = b'data: {"choices":[{"delta":{"content":"\\"usage\\":null,\\"x"}}],"usage":null,"o":1}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3}}\n\n'
FINISH = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
EVENTS = (
    HELLO,
    NULL_LAST,
    NULL_INSIDE,
    NULL_FIRST,
    NULL_SPACED,
    NULL_NESTED,
    NULL_IN_TEXT,
    USAGE,
    FINISH,
    DONE,
)
OTHER = (b": keep-alive\n\n", b"\n\n", b"event: ping\ndata: {}\n\n", b"data: not json\n\n", b"data: 7\n\n")


@given(
    events=st.lists(st.sampled_from(EVENTS + OTHER), max_size=8),
    crlf=st.booleans(),
    tail=st.sampled_from((b"", b"data: [DONE]\n", b'data: {"cho')),
    cuts=st.lists(st.integers(0, 2000), max_size=6),
    strip=st.booleans(),
)
def test_any_split_relays_the_same_and_sees_the_same(
    events: list[bytes], crlf: bool, tail: bytes, cuts: list[int], strip: bool
) -> None:
    stream = b"".join(events) + tail
    if crlf:
        stream = stream.replace(b"\n", b"\r\n")
    whole = ChatMeter(strip_usage=strip)
    expected = whole.feed(stream) + whole.close()
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    split = ChatMeter(strip_usage=strip)
    relayed = b"".join(split.feed(stream[a:b]) for a, b in pairwise(edges)) + split.close()
    assert relayed == expected
    assert split.seen == whole.seen
    if not strip:
        assert relayed == stream


@pytest.mark.parametrize(
    ("event", "relayed"),
    [
        (HELLO, HELLO),
        (NULL_LAST, b'data: {"id":"c1","choices":[{"delta":{"content":"x"}}]}\n\n'),
        (NULL_INSIDE, b'data: {"id":"c1","choices":[{"delta":{"content":"x"}}],"obfuscation":"a"}\n\n'),
        (NULL_FIRST, b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'),
        (NULL_SPACED, b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n'),
        (NULL_NESTED, b'data: {"choices":[{"delta":{"content":"x"},"usage":null,"i":0}]}\n\n'),
        (NULL_IN_TEXT, NULL_IN_TEXT.replace(b',"usage":null,"o"', b',"o"')),
        (NULL_LAST.replace(b"\n", b"\r\n"), NULL_LAST.replace(b"\n", b"\r\n").replace(b',"usage":null', b"")),
        (b"id: 4\n" + NULL_LAST, b"id: 4\n" + NULL_LAST.replace(b',"usage":null', b"")),
        (USAGE, b""),
        (USAGE.replace(b"\n", b"\r\n"), b""),
        # Not what asking brings in: passed on as it came.
        (b'data: {"usage":{"prompt_tokens":5}}\n\n', b'data: {"usage":{"prompt_tokens":5}}\n\n'),
        (b'data: {"choices":[],"usage":{"prompt_tokens":5},"error":{"message":"x"}}\n\n',) * 2,
        (b'data: {"choices":[],"prompt_filter_results":[]}\n\n',) * 2,
        (b'data: {"choices":[],"usage":null, "o":1,"o":2}\n\n',) * 2,
        (b'data: {"choices":[],\ndata: "usage":null}\n\n',) * 2,
        (FINISH, FINISH),
        (DONE, DONE),
    ],
)
def test_stripping_takes_out_what_asking_brings_in(event: bytes, relayed: bytes) -> None:
    assert ChatMeter(strip_usage=True).feed(event) == relayed


def test_a_chunk_that_needs_no_stripping_is_the_same_object() -> None:
    for chunk in (HELLO, HELLO + HELLO, DONE, b": ping\n\n"):
        assert ChatMeter(strip_usage=True).feed(chunk) is chunk


def test_usage_counts_although_it_is_stripped() -> None:
    meter = ChatMeter(strip_usage=True)
    assert meter.feed(HELLO + USAGE + DONE) == HELLO + DONE
    assert meter.seen.usage == Usage(uncached=5, output=3)
    assert meter.seen.complete
    assert (meter.seen.response_id, meter.seen.model, meter.seen.content_bytes) == ("c1", "m", 5)


def test_completions_count_as_they_come() -> None:
    meter = ChatMeter(strip_usage=False)
    meter.feed(b'data: {"choices":[{"text":"ab"},{"text":"c","finish_reason":"length"}]}\n\n')
    assert (meter.seen.content_bytes, meter.seen.finish_reason) == (3, "length")


def test_the_last_believable_usage_counts() -> None:
    meter = ChatMeter(strip_usage=False)
    for tokens in (b"1", b"2", b'"many"', b"0"):
        meter.feed(USAGE.replace(b'"completion_tokens":3', b'"completion_tokens":' + tokens))
    assert meter.seen.usage == Usage(uncached=5, output=0)


def test_seen_is_one_object_from_the_beginning() -> None:
    meter = ChatMeter(strip_usage=False)
    seen = meter.seen
    meter.feed(HELLO + FINISH + DONE)
    assert meter.seen is seen
    assert seen.complete and seen.finish_reason == "stop"


def test_done_counts_without_its_blank_line() -> None:
    meter = ChatMeter(strip_usage=True)
    assert meter.feed(HELLO + b"data: [DONE]") == HELLO
    assert not meter.seen.complete
    assert meter.close() == b"data: [DONE]"
    assert meter.seen.complete


def test_an_unfinished_event_is_relayed_at_the_end() -> None:
    meter = ChatMeter(strip_usage=True)
    assert meter.feed(HELLO + b'data: {"cho') == HELLO
    assert meter.close() == b'data: {"cho'
    assert meter.close() == b""
    assert not meter.seen.complete


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (b'data: {"error":{"message":"overloaded"}}\n\n', "overloaded"),
        (b'event: error\ndata: {"error":"gone"}\n\n', "gone"),
        (b'data: {"error":null,"choices":[]}\n\n', ""),
    ],
)
def test_an_error_inside_the_stream_is_noticed(event: bytes, error: str) -> None:
    meter = ChatMeter(strip_usage=False)
    meter.feed(HELLO + event)
    assert meter.seen.error == error


@pytest.mark.parametrize("strip", [True, False])
def test_an_event_without_end_is_the_upstreams_fault(strip: bool) -> None:
    meter = ChatMeter(strip_usage=strip)
    piece = b"data: " + b"x" * (1024 * 1024)
    with pytest.raises(UpstreamBroken, match="over 16777216 bytes"):
        list(map(meter.feed, [piece] * 17))


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"choices":' + b"[" * 100_000, b'{"id":"\xff"}', b"{]"])
def test_an_unreadable_event_is_relayed_all_the_same(data: bytes) -> None:
    event = b"data: " + data + b"\n\n"
    meter = ChatMeter(strip_usage=True)
    assert meter.feed(event) == event
    assert meter.feed(HELLO) == HELLO
    assert meter.seen.content_bytes == 5


HALF = b'data: {"cho'


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize(
    ("strip", "data"),
    [(False, HELLO), (True, HELLO), (True, USAGE), (False, HELLO + HALF), (True, HELLO + HALF)],
)
def test_a_stream_that_breaks_off_ends_with_an_event_of_its_own(
    closed: bool, strip: bool, data: bytes
) -> None:
    """What the client has got before, a part of an event perhaps, must not swallow what went wrong."""
    error = UpstreamTruncated("the upstream ended its stream")
    meter = ChatMeter(strip_usage=strip)
    out = meter.feed(data) + (meter.close() if closed else b"")
    last = meter.fail(error)
    assert last.endswith(encode_stream_error(error))
    torn = out.endswith(HALF)
    assert last.startswith(b"\n\n" if torn else b"data: ")
