"""Event streams: the same events however the bytes arrive, the bytes themselves untouched."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.wire.sse import EventTooLarge, SseSplitter, encode, event_data

ENDS = (b"\n", b"\r\n", b"\r")
LINES = (
    b"",
    b"",
    b"data: {}",
    b"data:",
    b"data",
    b"data: two\xe2\x80\xa8words",  # U+2028 is text, not a line end
    b": comment",
    b"event: message_start",
    b"id: 7",
    b"\xef\xbb\xbfdata: marked",
    b"nonsense",
)


def by_lines(stream: bytes) -> list[bytes]:
    """Split as the standard words it: line by line; an empty line ends what came before it."""
    events: list[bytes] = []
    event = b""
    for line, end in re.findall(rb"([^\r\n]*)(\r\n|\n|\r)", stream):
        ends_event = not line and event != b""
        event += line + end
        if ends_event:
            events.append(event)
            event = b""
    return events


def split_at(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


streams = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(ENDS)), max_size=12).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@given(stream=streams, tail=st.sampled_from((b"", b"data: cut o", b"da")), cuts=st.lists(st.integers(0, 999)))
def test_any_split_gives_the_same_events(stream: bytes, tail: bytes, cuts: list[int]) -> None:
    whole = stream + tail
    splitter = SseSplitter()
    events = [event for piece in split_at(whole, cuts) for event in splitter.feed(piece)]
    rest = splitter.close()
    assert b"".join(events) + rest == whole
    expected = by_lines(whole)
    if len(events) == len(expected) - 1:  # a lone CR at the very end waits for close
        assert rest.endswith(b"\r")
        events.append(rest)
    assert events == expected


@given(
    kind=st.sampled_from((b"\n", b"\r\n")),
    bodies=st.lists(st.sampled_from((b"a", b"{}", b"x y"))),
    n=st.integers(1, 9),
)
def test_regular_streams_in_pieces_of_one_size(kind: bytes, bodies: list[bytes], n: int) -> None:
    events = [b"data: " + body + kind + kind for body in bodies]
    stream = b"".join(events)
    splitter = SseSplitter()
    assert [e for i in range(0, len(stream), n) for e in splitter.feed(stream[i : i + n])] == events
    assert splitter.close() == b""
    assert splitter.feed(stream) == events


def test_one_whole_event_is_handed_on_as_the_same_object() -> None:
    event = b'data: {"a":1}\n\n'
    [got] = SseSplitter().feed(event)
    assert got is event


def test_a_lone_cr_waits_for_the_byte_after_it() -> None:
    splitter = SseSplitter()
    assert splitter.feed(b"data: x\r\n\r") == []
    assert splitter.pending == 10
    assert splitter.feed(b"\n") == [b"data: x\r\n\r\n"]
    assert splitter.feed(b"data: y\r\r") == []
    assert splitter.feed(b"data: z\r\r") == [b"data: y\r\r"]
    assert splitter.close() == b"data: z\r\r"


def test_a_closed_splitter_starts_anew() -> None:
    splitter = SseSplitter()
    splitter.feed(b"data: abandoned\n")
    splitter.close()
    assert splitter.feed(b"\ndata: new\n\n") == [b"\ndata: new\n\n"]


@pytest.mark.parametrize("step", [1, 7, 40])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b""])
def test_an_event_over_the_limit_is_refused_at_any_split(end: bytes, step: int) -> None:
    stream = b"data: " + b"x" * 30 + end
    splitter = SseSplitter(limit=30)
    pieces = [stream[start : start + step] for start in range(0, len(stream), step)]
    with pytest.raises(EventTooLarge, match="30 bytes"):
        list(map(splitter.feed, pieces))


def test_many_small_events_are_no_large_one() -> None:
    assert len(SseSplitter(limit=20).feed(b"data: 1\n\n" * 50)) == 50


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: {}\n\n", b"{}"),
        (b"data:{}\n\n", b"{}"),
        (b"data:  {}\n\n", b" {}"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"data: a\r\ndata: b\r\n\r\n", b"a\nb"),
        (b"data: a\rdata: b\r\r", b"a\nb"),
        (b"data\n\n", b""),
        (b"data\ndata\n\n", b"\n"),
        (b"event: ping\ndata: {}\nid: 1\n\n", b"{}"),
        (b": a comment\n\n", b""),
        (b"\n\n", b""),
        (b"\n\ndata: late\n\n", b"late"),
        (b"\xef\xbb\xbfdata: marked\n\n", b"marked"),
        (b"data: two\xe2\x80\xa8words\n\n", b"two\xe2\x80\xa8words"),
        (b"data: unended", b"unended"),
        (b"data: half ended\n", b"half ended"),
        (b"dataset: no\n\n", b""),
    ],
)
def test_event_data(event: bytes, data: bytes) -> None:
    assert event_data(event) == data


@given(data=st.text(alphabet="ab \n:{}").map(str.encode), name=st.sampled_from((b"", b"error")))
def test_what_is_encoded_is_one_event_and_comes_back(data: bytes, name: bytes) -> None:
    event = encode(data, name)
    assert SseSplitter().feed(event) == [event]
    assert event_data(event) == data
    assert event.startswith(b"event: error\n") == bool(name)


def test_every_line_end_is_one_in_encoded_data() -> None:
    assert encode(b"a\r\nb\rc\nd") == b"data: a\ndata: b\ndata: c\ndata: d\n\n"
