"""Streams read: the same events however the bytes arrive, and no end where there was none."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.events import Event, Failed, Finished, TextDelta
from llm_gateway.dialects.ollama.decoder import OllamaDecoder
from llm_gateway.errors import UpstreamBroken
from scripted import ollama

CALLS = [ollama.tool_call("f", {"a": "é\n"}), ollama.tool_call("g", {}, "", 1)]
STREAMS = (
    ollama.lines("m"),
    ollama.lines("m", operation="generate", thinking=("a", "b")),
    ollama.lines("m", tool_calls=CALLS),
    ollama.lines("m", ["x"], done=False),
    [*ollama.lines("m", ["x"], done=False), ollama.error("no") + b"\n"],
)


@given(
    lines=st.sampled_from(STREAMS),
    end=st.sampled_from((b"\n", b"\r\n", b"\n\n")),
    tail=st.sampled_from((b"", b'{"mod')),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
)
def test_any_split_gives_the_same_events(
    lines: list[bytes], end: bytes, tail: bytes, cuts: list[int]
) -> None:
    stream = b"".join(line[:-1] + end for line in lines) + tail
    whole = OllamaDecoder()
    expected = whole.feed(stream) + whole.close()
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    split = OllamaDecoder()
    events: list[Event] = [event for a, b in pairwise(edges) for event in split.feed(stream[a:b])]
    assert events + split.close() == expected
    ended = any(isinstance(event, Finished | Failed) for event in expected)
    assert ended is (lines is not STREAMS[3])


def test_a_last_line_without_its_end_counts() -> None:
    decoder = OllamaDecoder()
    assert decoder.feed(b'{"message":{"content":"x"},"done":true}') == []
    assert [type(event) for event in decoder.close()][1:] == [TextDelta, Finished]
    assert decoder.close() == []


def test_losses_are_told_while_it_runs() -> None:
    decoder = OllamaDecoder()
    assert not decoder.losses
    decoder.feed(b'{"message":{"content":"x"},"logprobs":[]}\n')
    assert [loss.what for loss in decoder.losses] == ["response.logprobs"]


def test_what_is_no_stream_of_this_dialect_is_refused() -> None:
    with pytest.raises(UpstreamBroken):
        OllamaDecoder().feed(b"data: {}\n\n")
    with pytest.raises(UpstreamBroken, match="over"):
        OllamaDecoder().feed(b"x" * (16 * 1024 * 1024 + 1))
