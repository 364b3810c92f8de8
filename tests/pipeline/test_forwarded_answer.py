"""What an unknown operation's answer tells: usage by whatever names, and nothing that is none."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.errors import UpstreamTruncated
from llm_gateway.pipeline.forwarded_answer import ByteMeter, EventMeter, read_answer, read_usage

# Each as its vendor's reference shows it: OpenAI's images and transcriptions, a rerank of Jina's, Anthropic.
USAGES: list[tuple[dict[str, object], Usage | None]] = [
    (
        {
            "total_tokens": 100,
            "input_tokens": 50,
            "output_tokens": 50,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
        },
        Usage(uncached=50, output=50, special=Special(image_in=40)),
    ),
    (
        {
            "type": "tokens",
            "input_tokens": 14,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
            "output_tokens": 45,
            "total_tokens": 59,
        },
        Usage(uncached=14, output=45, special=Special(audio_in=14)),
    ),
    ({"type": "duration", "seconds": 7}, None),
    ({"total_tokens": 815}, Usage(uncached=815)),
    (
        {
            "prompt_tokens": 20,
            "completion_tokens": 10,
            "total_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 4},
        },
        Usage(uncached=12, cache_read=8, output=10, reasoning=4),
    ),
    (
        {
            "input_tokens": 20,
            "output_tokens": 10,
            "input_tokens_details": {"cached_tokens": 50},
            "output_tokens_details": {"reasoning_tokens": 99},
        },
        Usage(uncached=0, cache_read=20, output=10, reasoning=10),
    ),
    (
        {
            "input_tokens": 5,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 30,
            "output_tokens": 7,
        },
        Usage(uncached=5, cache_read=100, cache_write=30, output=7),
    ),
    ({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}, None),
    ({"input_tokens": "5"}, None),
    ({"input_tokens": -5, "output_tokens": 3}, None),
    ({"input_tokens": True, "total_tokens": 10**30}, None),
    ({"total_tokens": 3, "output_tokens": 9}, None),
    ({}, None),
]


@pytest.mark.parametrize(("told", "usage"), USAGES)
def test_usage_is_read_by_whatever_names_it_goes(told: dict[str, object], usage: Usage | None) -> None:
    assert read_usage(Raw(json.dumps(told).encode())) == usage


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'"text"', b"12345678", b'{"input_tokens":', b"{\xff}"])
def test_what_is_no_usage_is_none(raw: bytes) -> None:
    assert read_usage(Raw(raw)) is None


def test_a_whole_answer_tells_its_id_model_and_usage() -> None:
    seen = read_answer(b'{"id":"modr_1","model":"omni","usage":{"total_tokens":3},"results":[{"id":"x"}]}')
    assert (seen.response_id, seen.model, seen.usage) == ("modr_1", "omni", Usage(uncached=3))
    assert seen.complete and not seen.error


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"ID3\x04", b'{"id":5,"usage":[1,2,3],"response":[1]}'])
def test_an_answer_that_tells_nothing_is_whole_all_the_same(body: bytes) -> None:
    seen = read_answer(body)
    assert (seen.usage, seen.response_id, seen.complete) == (None, "", True)


def test_what_a_batch_has_used_is_not_this_requests() -> None:
    usage = {"input_tokens": 900, "output_tokens": 1, "total_tokens": 901}
    assert read_answer(json.dumps({"id": "b", "object": "batch", "usage": usage}).encode()).usage is None


EVENTS = [
    b'event: image_generation.partial_image\ndata: {"type":"p","b64_json":"AAAA"}\n\n',
    b": a comment\n\n",
    b'data: {"type":"transcript.text.done","text":"hi","usage":{"input_tokens":14,"output_tokens":45}}\n\n',
    b"data: [DONE]\n\n",
]


@given(st.lists(st.integers(0, sum(map(len, EVENTS))), max_size=8))
def test_a_stream_of_events_passes_and_its_usage_is_seen_wherever_it_is_cut(cuts: list[int]) -> None:
    stream = b"".join(EVENTS)
    meter = EventMeter(CHAT)
    edges = sorted({0, *cuts, len(stream)})
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    for piece in pieces:
        assert meter.feed(piece) is piece
    assert not meter.seen.complete
    assert meter.close() == b""
    assert (meter.seen.usage, meter.seen.complete) == (Usage(uncached=14, output=45), True)


def test_usage_inside_a_response_and_an_error_are_seen() -> None:
    meter = EventMeter(CHAT)
    meter.feed(b'data: {"type":"x","response":{"id":"resp_1","usage":{"total_tokens":9}}}\n\n')
    meter.feed(b'data: {"type":"error","error":{"message":"no more"}}\n\n')
    assert (meter.seen.response_id, meter.seen.usage) == ("resp_1", Usage(uncached=9))
    assert meter.seen.error == "no more"
    meter.feed(b'data: {"error":"without a sentence"}\n\n')
    assert meter.seen.error == "the upstream reported an error"


def test_the_last_event_may_lack_its_blank_line() -> None:
    meter = EventMeter(CHAT)
    meter.feed(b'data: {"usage":{"total_tokens":9}}')
    meter.close()
    assert meter.seen.usage == Usage(uncached=9)


def test_an_event_that_is_too_large_to_look_at_passes() -> None:
    meter = EventMeter(CHAT)
    piece = b'data: {"b64_json":"' + b"A" * 2_000_000
    assert meter.feed(piece) is piece
    assert meter.feed(b'"}\n\n') == b'"}\n\n'
    meter.close()
    assert meter.seen.complete
    assert meter.fail(UpstreamTruncated("gone")).startswith(b"\n\nevent: error\n")


def test_a_broken_stream_of_events_says_so() -> None:
    meter = EventMeter(CHAT)
    meter.feed(EVENTS[0])
    said = meter.fail(UpstreamTruncated("it broke"))
    assert said.startswith(b"event: error\ndata: {") and said.endswith(b"\n\n") and b"it broke" in said
    meter.feed(b"data: {")
    assert meter.fail(UpstreamTruncated("it broke")).startswith(b"\n\nevent: error\n")


def test_bytes_pass_as_they_are() -> None:
    meter = ByteMeter()
    piece = b'\x00data: {"usage":{"total_tokens":9}}\n\n'
    assert meter.feed(piece) is piece
    assert (meter.seen.complete, meter.seen.usage) == (False, None)
    assert meter.fail(UpstreamTruncated("it broke")) == b"", "nothing can be said in a file"
    assert meter.close() == b"" and meter.seen.complete
