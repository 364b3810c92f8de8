"""Streams read: the same events however the bytes come, and no end where there was none."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.events import CallStarted, Event, Failed, Finished, TextDelta
from llm_gateway.canonical.response import fold
from llm_gateway.dialects.gemini.decoder import GeminiDecoder
from llm_gateway.errors import UpstreamBroken
from scripted import gemini

PARTS = [
    gemini.thought("Erst {denken}."),
    gemini.text("ä\n]"),
    gemini.call("f", {"a": ["}"]}),
    gemini.call("g", {}, ""),
]
STREAMS = {"events": b"".join(gemini.events("m", PARTS)), "array": b"".join(gemini.array("m", PARTS))}


def decode(*pieces: bytes) -> list[Event]:
    decoder = GeminiDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


@pytest.mark.parametrize("form", STREAMS)
@given(data=st.data())
def test_any_split_gives_the_same_events(form: str, data: st.DataObject) -> None:
    stream = STREAMS[form]
    places = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=9)))
    pieces = [stream[start:end] for start, end in pairwise([0, *places, len(stream)])]
    assert decode(*pieces) == decode(stream)


def test_both_forms_say_the_same() -> None:
    events, array = decode(STREAMS["events"]), decode(STREAMS["array"])
    assert events == array and isinstance(events[-1], Finished)
    assert sum(isinstance(event, CallStarted) for event in events) == 2
    assert [type(part).__name__ for part in fold(events).parts] == [
        "Thinking",
        "Text",
        "ToolCall",
        "ToolCall",
    ]


def test_the_end_of_an_array_is_the_end() -> None:
    decoder = GeminiDecoder()
    assert isinstance(decoder.feed(STREAMS["array"])[-1], Finished)
    assert decoder.close() == []


@given(st.sampled_from(sorted(STREAMS)), st.data())
def test_a_stream_that_breaks_off_has_no_end(form: str, data: st.DataObject) -> None:
    make: Any = gemini.events if form == "events" else gemini.array
    stream = b"".join(make("m", PARTS, finish=None))
    cut = data.draw(st.integers(0, len(stream)))
    assert not any(isinstance(event, Finished) for event in decode(stream[:cut]))


def test_a_last_event_needs_no_blank_line() -> None:
    found = decode(STREAMS["events"].rstrip())
    assert found == decode(STREAMS["events"])


def test_half_an_event_at_the_end_is_nothing() -> None:
    found = decode(gemini.events("m")[0], b'data: {"candidates": [{"con')
    assert isinstance(found[-2], TextDelta) and not isinstance(found[-1], Finished)


def test_finish_reasons_in_every_piece_end_nothing_early() -> None:
    every = [gemini.answer("m", [gemini.text(word)]) for word in ("a", "b")]
    stream = b"".join(
        b"data: %b\n\n" % json.dumps(piece).encode() for piece in every
    )  # as the first models did
    assert fold(decode(stream)).parts == fold(decode(b"".join(gemini.events("m", [gemini.text("ab")])))).parts


def test_an_error_in_the_stream() -> None:
    found = decode(gemini.events("m")[0], b"data: %b\n\n" % gemini.error("busy", 503), gemini.events("m")[0])
    assert found[-1] == Failed("busy", "UNAVAILABLE")
    assert decode(gemini.events("m")[0] + gemini.error("busy", 503))[-1] == Failed("busy", "UNAVAILABLE")


def test_what_is_no_stream_is_the_upstreams_fault() -> None:
    with pytest.raises(UpstreamBroken):
        decode(b'data: {"candidates": 5}\n\n')
    assert decode(b"<html>no</html>") == []


def test_losses_are_known_as_soon_as_they_are_met() -> None:
    decoder = GeminiDecoder()
    decoder.feed(gemini.events("m", [{"executableCode": {"code": "1"}}])[0])
    lost = ["response.xUnknown", "response.parts.executableCode"]  # the first is in every piece
    assert [loss.what for loss in decoder.losses] == lost
