"""The meter: the same bytes out, and what passed is known."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.gemini.stream import GeminiMeter
from llm_gateway.errors import UpstreamTruncated
from scripted import gemini

USAGE = Usage(uncached=32, cache_read=8, output=12, reasoning=2)
STREAMS = {True: b"".join(gemini.events("m")), False: b"".join(gemini.array("m"))}


@pytest.mark.parametrize("events", [True, False])
@given(data=st.data())
def test_every_byte_passes_and_is_read(events: bool, data: st.DataObject) -> None:
    stream = STREAMS[events]
    places = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    meter = GeminiMeter(events=events)
    for start, end in pairwise([0, *places, len(stream)]):
        piece = stream[start:end]
        assert meter.feed(piece) is piece
    assert meter.close() == b""
    seen = meter.seen
    assert (seen.usage, seen.response_id, seen.model) == (USAGE, gemini.ID, "m")
    assert (seen.finish_reason, seen.complete, seen.error) == ("STOP", True, "")
    assert seen.content_bytes == len(gemini.TEXT.encode())


def test_a_stream_that_breaks_off_is_not_complete() -> None:
    meter = GeminiMeter(events=True)
    for event in gemini.events("m", finish=None):
        meter.feed(event)
    meter.close()
    assert not meter.seen.complete and meter.seen.usage is not None
    assert b"broke off" in meter.fail(UpstreamTruncated("it broke off"))


def test_an_array_is_ended_with_the_error() -> None:
    meter = GeminiMeter(events=False)
    out = meter.feed(b"".join(gemini.array("m", finish=None))) + meter.close()
    whole = json.loads(out + meter.fail(UpstreamTruncated("it broke off")))
    assert whole[-1]["error"]["status"] == "UNAVAILABLE"


def test_a_last_event_without_its_blank_line_is_read() -> None:
    meter = GeminiMeter(events=True)
    meter.feed(STREAMS[True].rstrip())
    assert not meter.seen.complete
    assert meter.close() == b"" and meter.seen.complete


def test_an_error_in_the_stream_is_seen() -> None:
    meter = GeminiMeter(events=True)
    meter.feed(b"data: %b\n\n" % gemini.error("busy", 503))
    assert meter.seen.error == "busy" and not meter.seen.complete


def test_what_is_no_piece_of_the_dialect_passes_as_well() -> None:
    meter = GeminiMeter(events=True)
    assert meter.feed(b'data: {"candidates": 5}\n\n: x\n\n') and not meter.seen.complete
