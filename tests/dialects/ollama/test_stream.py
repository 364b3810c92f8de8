"""The meter: bytes untouched whatever they are, knowledge at any split."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.ollama.stream import OllamaMeter
from llm_gateway.errors import UpstreamBroken, UpstreamTruncated

HELLO = b'{"model":"m","message":{"role":"assistant","content":"hello"},"done":false}\n'
DONE = b'{"model":"m","message":{"content":""},"done":true,"done_reason":"stop","eval_count":3}\n'
LINES = (
    HELLO,
    DONE,
    HELLO.replace(b"\n", b"\r\n"),
    b'{"response":"x","done":false}\n',
    b'{"error":"no"}\n',
    b"\n",
    b"no JSON\n",
    b"7\n",
)


@given(
    lines=st.lists(st.sampled_from(LINES), max_size=8),
    tail=st.sampled_from((b"", b'{"mod', DONE[:-1])),
    cuts=st.lists(st.integers(0, 2000), max_size=6),
)
def test_any_split_relays_the_same_and_sees_the_same(
    lines: list[bytes], tail: bytes, cuts: list[int]
) -> None:
    stream = b"".join(lines) + tail
    whole = OllamaMeter()
    assert whole.feed(stream) is stream
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    split = OllamaMeter()
    for piece in (stream[a:b] for a, b in pairwise(edges)):
        assert split.feed(piece) is piece
    assert whole.close() == split.close() == b""
    assert split.seen == whole.seen
    assert whole.seen.complete is (DONE[:-1] in stream)


def test_what_a_stream_tells() -> None:
    meter = OllamaMeter()
    seen = meter.seen
    for piece in (HELLO, HELLO + DONE):
        assert meter.feed(piece) is piece
    assert meter.seen is seen
    assert (seen.model, seen.content_bytes, seen.finish_reason) == ("m", 10, "stop")
    assert seen.usage == Usage(output=3)


@pytest.mark.parametrize(
    "end",
    [
        b'{"model":"m","done":true,"done_reason":"load"}',
        b'{"model":"m","done":false,"_debug_info":{"rendered_template":"x"}}',
        b'{"status":"success"}\n',
    ],
)
def test_ends_of_other_kinds(end: bytes) -> None:
    meter = OllamaMeter()
    meter.feed(end)
    meter.close()
    assert meter.seen.complete


def test_an_error_is_no_end() -> None:
    meter = OllamaMeter()
    meter.feed(HELLO + b'{"error":"out of memory"}\n')
    assert (meter.seen.error, meter.seen.complete) == ("out of memory", False)


def test_a_stream_that_breaks_off_is_ended_on_a_line_of_its_own() -> None:
    error = UpstreamTruncated("it broke")
    meter = OllamaMeter()
    meter.feed(HELLO)
    assert meter.fail(error) == b'{"error":"it broke"}\n'
    meter.feed(HELLO[:9])
    assert meter.fail(error) == b'\n{"error":"it broke"}\n'


def test_a_line_without_an_end_is_refused() -> None:
    meter = OllamaMeter()
    meter.feed(b"x" * 16 * 1024 * 1024)
    with pytest.raises(UpstreamBroken, match="cannot be read"):
        meter.feed(b"x")
