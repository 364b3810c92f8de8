"""Events and arrays cut into pieces, and ended by an error whatever the client has of them."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.dialects.gemini.framing import Framing, is_events, last_event
from llm_gateway.errors import UpstreamBroken
from scripted import gemini

EVENTS = b"".join(gemini.events("m"))
ARRAY = b"".join(gemini.array("m"))
WANTED = gemini.pieces("m")
ERROR = b'{"error":{"code":500}}'


def cut(data: bytes, places: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in pairwise([0, *sorted(places), len(data)])]


def read(pieces: list[bytes]) -> tuple[list[object], Framing]:
    framing = Framing()
    found = [json.loads(piece) for data in pieces for piece in framing.feed(data)]
    return found + [json.loads(piece) for piece in framing.close()], framing


@given(st.lists(st.integers(0, len(EVENTS)), max_size=9))
def test_events_however_they_are_cut(places: list[int]) -> None:
    found, framing = read(cut(EVENTS, places))
    assert found == WANTED and not framing.ended


@given(st.lists(st.integers(0, len(ARRAY)), max_size=9))
def test_an_array_however_it_is_cut(places: list[int]) -> None:
    found, framing = read(cut(ARRAY, places))
    assert found == WANTED and framing.ended


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"a":1}\n\n',
        b'\xef\xbb\xbfdata: {"a":1}\r\n\r\n',
        b': hello\n\ndata: {"a":1}\n\n',
        b'data: {"a":1}',
        b'\n [{"a":1}]',
        b'{"a":1}',
        b'data: x\n\n{"a":1}\n\n',
    ],
)
def test_every_form_is_seen_by_its_first_bytes(data: bytes) -> None:
    assert read([data])[0] == [{"a": 1}]
    assert read([data[at : at + 1] for at in range(len(data))])[0] == [{"a": 1}]


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\r\r"])
def test_an_event_at_a_time(end: bytes) -> None:
    events = [b"data: %b%b" % (json.dumps(piece).encode(), end) for piece in WANTED]
    assert read(events)[0] == WANTED
    framing = Framing()
    framing.feed(events[0])
    framing.feed(b"data: {")
    assert [json.loads(piece) for piece in framing.feed(b'"a":1}' + end) + framing.close()] == [{"a": 1}]


def test_two_lines_of_data_are_one_piece() -> None:
    assert read([b": first\n\n", b'data: {"a":\ndata: 1}\n\n'])[0] == [{"a": 1}]


def test_what_has_no_end_is_the_upstreams_fault() -> None:
    for start in (b"data: {", b"[{"):
        framing = Framing()
        framing.feed(start)
        with pytest.raises(UpstreamBroken):
            framing.feed(b" " * (17 * 1024 * 1024))


@pytest.mark.parametrize("between", [b",", b",\n", b"\r\n,\r\n", b" , "])
@pytest.mark.parametrize("pieces", [1, 2])
def test_an_array_that_breaks_off_anywhere_is_ended_properly(between: bytes, pieces: int) -> None:
    elements = [json.dumps(piece, ensure_ascii=False).encode() for piece in WANTED]
    array = b"[%b\n" % between.join(elements)
    for place in range(len(array) + 1):
        framing = Framing(events=False)
        half = place // pieces
        done = len(framing.feed(array[:half])) + len(framing.feed(array[half:place]))
        whole = json.loads(array[:place] + framing.failure(ERROR))
        assert whole[-1] == {"error": {"code": 500}}
        assert whole[:done] == WANTED[:done] and len(whole) - done <= 2


def test_an_array_that_says_too_little_before_its_end_is_no_json_any_more() -> None:
    framing = Framing(events=False)
    framing.feed(ARRAY)
    with pytest.raises(json.JSONDecodeError):
        json.loads(ARRAY + framing.failure(ERROR))


@given(st.integers(0, len(EVENTS)))
def test_events_that_break_off_anywhere_are_ended_properly(place: int) -> None:
    framing = Framing()
    framing.feed(EVENTS[:place])
    framing.close()
    out = EVENTS[:place] + framing.failure(ERROR)
    assert out.endswith(b"data: %b\n\n%b" % (ERROR, ERROR))
    lines = out.splitlines()
    assert lines[-3:] == [b"data: %b" % ERROR, b"", ERROR]
    assert place == 0 or not lines[-4], "the event before it is ended"


def test_an_error_is_an_event_and_what_is_left_at_the_end() -> None:
    """Google's SDK for JavaScript raises only for the second, the AI SDK's provider only for the first."""
    out = last_event(ERROR)
    framing = Framing()
    assert [json.loads(piece) for piece in framing.feed(out)] == [json.loads(ERROR)]
    assert [json.loads(piece) for piece in framing.close()] == [json.loads(ERROR)]
    assert not out.endswith((b"\n", b"\r"))


def test_a_stream_of_which_nothing_came_is_what_was_asked_for() -> None:
    assert Framing(events=True).failure(ERROR) == last_event(ERROR)
    assert Framing(events=False).failure(ERROR) == b"[%b]" % ERROR


def test_what_comes_without_an_array_is_ended_without_one() -> None:
    framing = Framing(events=False)
    framing.feed(b'{"a":1}')
    assert framing.failure(ERROR) == b"\n" + ERROR
    framing = Framing(events=False)
    framing.feed(ARRAY)
    assert framing.failure(ERROR) == ERROR


def test_what_a_query_asks_for() -> None:
    assert is_events("alt=sse") and is_events("a=b&alt=sse")
    assert not is_events("") and not is_events("alt=json") and not is_events("xalt=sse")


def test_an_array_that_lacks_its_end_alone_gets_it() -> None:
    pieces = gemini.array("m")
    for at in range(len(pieces) + 1):
        framing = Framing()
        framing.feed(b"".join(pieces[:at]))
        whole = b"".join(pieces[:at]) + framing.lacking()
        if at:
            assert json.loads(whole) == WANTED[:at]
        else:
            assert framing.lacking() == b""
    framing = Framing()
    framing.feed(b"".join(pieces[:2]) + b",")
    assert framing.lacking() == b"", "another one was to come"
    framing = Framing()
    framing.feed(EVENTS)
    assert framing.lacking() == b""
