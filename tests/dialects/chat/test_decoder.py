"""Streams read: the same events however the bytes come, and no end where there was none."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

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
from llm_gateway.canonical.parts import Seal
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.decoder import ChatDecoder
from llm_gateway.errors import UpstreamBroken

CASES = Path(__file__).parents[2] / "fixtures" / "chat"
DONE = b"data: [DONE]\n\n"


# JSON as a server sends it: of any shape.
def event(delta: Any = None, finish: object = None, **members: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk = {"id": "chatcmpl-1", "model": "m", "choices": choices, **members}
    return b"data: %b\n\n" % json.dumps(chunk).encode()


def decode(*pieces: bytes) -> tuple[list[Event], list[str]]:
    decoder = ChatDecoder()
    found = [told for piece in pieces for told in decoder.feed(piece)]
    return found + decoder.close(), [loss.what for loss in decoder.losses]


STOP = event({}, "stop")
START = Started("chatcmpl-1", "m")
END = Finished("stop", "", "stop")


def test_a_plain_answer() -> None:
    usage = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    told = decode(
        event({"role": "assistant", "content": ""}),
        event({"content": "a"}, usage=None),
        event({"content": "b"}),
        STOP,
        event(usage=usage),
        DONE,
    )
    assert told == ([START, TextDelta("a"), TextDelta("b"), Measured(Usage(4, output=2)), END], [])


OWN = Sealed(Seal("chat", "reasoning_content"))


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        (
            [{"reasoning_content": "t"}, {"reasoning_content": "u"}, {"content": "a"}],
            [ThinkingDelta("t"), ThinkingDelta("u"), OWN, TextDelta("a")],
        ),
        (
            [{"reasoning": "t", "reasoning_content": "t"}],
            [ThinkingDelta("t"), OWN],
        ),
        ([{"reasoning": "t"}], [ThinkingDelta("t"), Sealed(Seal("chat", "reasoning"))]),
        (
            [
                {
                    "reasoning": "t",
                    "reasoning_details": [{"type": "reasoning.text", "text": "t", "index": 0}],
                },
                {"reasoning_details": [{"type": "reasoning.text", "signature": "s", "index": 0}]},
                {"content": "a"},
            ],
            [
                ThinkingDelta("t"),
                Sealed(
                    Seal(
                        "chat",
                        'reasoning[{"type":"reasoning.text","text":"t","index":0},'
                        '{"type":"reasoning.text","signature":"s","index":0}]',
                    )
                ),
                TextDelta("a"),
            ],
        ),
        (
            [{"reasoning_details": [{"type": "reasoning.text", "text": "t"}]}, {"content": "a"}],
            [
                ThinkingDelta("t"),
                Sealed(Seal("chat", '[{"type":"reasoning.text","text":"t"}]')),
                TextDelta("a"),
            ],
        ),
        (
            [{"reasoning_details": [{"type": "reasoning.encrypted", "data": "d"}], "content": "a"}],
            [Sealed(Seal("chat", '[{"type":"reasoning.encrypted","data":"d"}]')), TextDelta("a")],
        ),
        (
            [
                {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}]},
                {"content": "a"},
            ],
            [ThinkingDelta("t"), TextDelta("a")],
        ),
        (
            [{"content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}]}],
            [TextDelta("a"), RefusalDelta("no")],
        ),
        (
            [{"content": "a", "extra_content": {"google": {"thought_signature": "g"}}}],
            [TextDelta("a"), Sealed(Seal("gemini", "g"))],
        ),
        ([{"content": None, "tool_calls": None, "refusal": None, "x": None}], []),
    ],
)
def test_what_a_delta_adds(deltas: list[dict[str, Any]], expected: list[Event]) -> None:
    told, lost = decode(*map(event, deltas), STOP, DONE)
    assert told[:-1] == [START, *expected]
    assert isinstance(told[-1], Finished)
    assert not lost


def test_calls_come_in_pieces() -> None:
    told, lost = decode(
        event({"reasoning_content": "t"}),
        event({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "add", "arguments": ""}}]}),
        event({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
        STOP,
        DONE,
    )
    end = Finished("tool_calls", "", "stop")
    assert told == [START, ThinkingDelta("t"), OWN, CallStarted(0, "c", "add"), CallDelta(0, "{}"), end]
    assert not lost


def test_a_call_of_old_is_a_call() -> None:
    told, _ = decode(
        event({"function_call": {"name": "add", "arguments": ""}}),
        event({"function_call": {"arguments": "{}"}}),
        event({}, "function_call"),
        DONE,
    )
    assert told[1:] == [
        CallStarted(0, "call_chatcmpl1_0", "add"),
        CallDelta(0, "{}"),
        Finished("tool_calls", "", "function_call"),
    ]


def test_a_refusal_is_told_apart() -> None:
    told, _ = decode(event({"refusal": "no"}), STOP, DONE)
    assert told == [START, RefusalDelta("no"), Finished("refusal", "", "stop")]


def test_the_stop_sequence_is_read_where_it_is_told() -> None:
    chunk = b'data: {"choices":[{"delta":{},"finish_reason":"stop","stop_reason":"END"}]}\n\n'
    assert decode(event({"content": "a"}), chunk, DONE)[0][-1] == Finished("stop_sequence", "END", "stop")


def test_usage_that_grows_is_told_when_it_changes() -> None:
    def usage(output: int) -> dict[str, int]:
        return {"prompt_tokens": 4, "completion_tokens": output, "total_tokens": 4 + output}

    told, _ = decode(
        event({"content": "a"}, usage=usage(1)),
        event({"content": "b"}, usage=usage(1)),
        event({}, "stop", usage=usage(3)),
    )
    assert [each for each in told if isinstance(each, Measured)] == [
        Measured(Usage(4, output=1)),
        Measured(Usage(4, output=3)),
    ]


@pytest.mark.parametrize(
    ("chunk", "lost"),
    [
        (event({"content": "a", "annotations": [{"type": "url_citation"}]}), "response.annotations"),
        (event({"audio": {"data": "x"}}), "response.audio"),
        (event({"images": [{"type": "image_url"}]}), "response.images"),
        (event({"content": "a"}, citations=["https://x"]), "response.citations"),
        (event({"x": 1}), "response.x"),
        (event({"extra_content": {"acme": 1}}), "response.extra_content.acme"),
        (event({"tool_calls": [{"index": 0, "id": "c", "x": 1}]}), "response.tool_calls.x"),
        (event({"content": [{"type": "image_url", "image_url": {"url": "x"}}]}), "response.image_url"),
        (
            b'data: {"choices":[{"delta":{"content":"a"},"logprobs":{"content":[1]}}]}\n\n',
            "response.logprobs",
        ),
        (b'data: {"choices":[{"index":1,"delta":{"content":"a"}}]}\n\n', "response.choices"),
    ],
)
def test_what_has_no_place_is_reported(chunk: bytes, lost: str) -> None:
    assert decode(chunk, STOP, DONE)[1] == [lost]


@pytest.mark.parametrize("end", [b"", DONE, DONE.rstrip(), b"data: [DONE]\n"])
def test_a_finish_reason_is_an_end_with_and_without_its_marker(end: bytes) -> None:
    assert decode(event({"content": "a"}), STOP, end)[0] == [START, TextDelta("a"), END]


def test_the_marker_alone_is_an_end() -> None:
    assert decode(event({"content": "a"}), DONE)[0][-1] == Finished("stop")
    assert decode(DONE)[0] == [Started(), Finished("stop")]
    assert decode(event({"content": "a"}), DONE, DONE, STOP)[0] == [START, TextDelta("a"), Finished("stop")]


@pytest.mark.parametrize("rest", [b"", b'data: {"choices":[{"delta":{"con', b"data: [DO", b": ping\n\n"])
def test_a_stream_that_breaks_off_has_no_end(rest: bytes) -> None:
    assert decode(event({"content": "a"}), rest)[0] == [START, TextDelta("a")]


def test_a_last_event_without_its_blank_line_counts() -> None:
    assert decode(event({"content": "a"}), STOP.rstrip())[0] == [START, TextDelta("a"), END]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"message": "overloaded", "type": "overloaded_error"}, Failed("overloaded", "overloaded_error")),
        ({"message": "no", "code": 503}, Failed("no", "503")),
        ("gone", Failed("gone")),
    ],
)
def test_an_error_inside_the_stream_is_its_last_event(error: object, expected: Failed) -> None:
    chunk = b"event: error\ndata: %b\n\n" % json.dumps({"error": error}).encode()
    assert decode(event({"content": "a"}), chunk, STOP, DONE)[0] == [START, TextDelta("a"), expected]


def test_what_is_no_event_of_the_dialect_is_passed_over() -> None:
    noise = (b": ping\n\n", b"event: ping\ndata: \n\n", b"data: 7\n\n", b"\n\n", b"retry: 5\n\n", event())
    assert decode(*noise, event({"content": "a"}), *noise, STOP, DONE)[0] == [START, TextDelta("a"), END]


@pytest.mark.parametrize(
    "data", [b'{"choices":3}', b"{]", b'{"id":"\xff"}', b'{"choices":[{"delta":{"content":7}}]}']
)
def test_an_event_that_cannot_be_read_is_the_upstreams_fault(data: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        ChatDecoder().feed(b"data: %b\n\n" % data)


def test_an_event_without_end_is_the_upstreams_fault() -> None:
    decoder = ChatDecoder()
    piece = b"data: " + b"x" * (1024 * 1024)
    with pytest.raises(UpstreamBroken, match="over 16777216 bytes"):
        list(map(decoder.feed, [piece] * 17))


EVENTS = (
    event({"role": "assistant", "content": ""}),
    event({"content": "grüße"}),
    event({"reasoning_content": "t"}),
    event({"reasoning": "t", "reasoning_details": [{"type": "reasoning.text", "text": "t"}]}),
    event({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "add", "arguments": "{"}}]}),
    event({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}),
    event({"refusal": "no"}),
    event({"content": "a", "annotations": [1]}),
    event(usage={"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}),
    STOP,
    DONE,
    b": ping\n\n",
    event(error={"message": "gone"}),
)


@given(
    events=st.lists(st.sampled_from(EVENTS), max_size=8),
    crlf=st.booleans(),
    tail=st.sampled_from((b"", b"data: [DONE]\n", b'data: {"cho')),
    cuts=st.lists(st.integers(0, 2000), max_size=6),
)
def test_any_split_gives_the_same_events(
    events: list[bytes], crlf: bool, tail: bytes, cuts: list[int]
) -> None:
    stream = b"".join(events) + tail
    if crlf:
        stream = stream.replace(b"\n", b"\r\n")
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    assert decode(*(stream[a:b] for a, b in pairwise(edges))) == decode(stream)


@given(events=st.lists(st.sampled_from(EVENTS), max_size=8))
def test_an_answer_begins_once_and_ends_last(events: list[bytes]) -> None:
    told, _ = decode(*events)
    ends = [index for index, each in enumerate(told) if isinstance(each, Finished | Failed)]
    assert ends in ([], [len(told) - 1])
    begins = [index for index, each in enumerate(told) if isinstance(each, Started)]
    assert begins == [0] or not told or (begins == [] and isinstance(told[0], Failed))


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
@pytest.mark.parametrize("case", sorted(CASES.glob("*/upstream.sse")), ids=lambda case: case.parent.name)
def test_the_streams_on_disk_are_read(case: Path, size: int) -> None:
    stream = case.read_bytes()
    expected = json.loads((case.parent / "expected.json").read_bytes())
    if expected["operation"] != "chat/completions":
        return
    told, _ = decode(*(stream[start : start + size] for start in range(0, len(stream), size)))
    seen = expected["seen"]
    finished = [each for each in told if isinstance(each, Finished)]
    assert [each.native for each in finished] == ([seen["finish_reason"]] if seen["complete"] else [])
    assert any(isinstance(each, Failed) for each in told) == bool(seen["error"])
    assert any(isinstance(each, Measured) for each in told) == (seen["usage"] is not None)
