"""Lines of JSON: the same lines however the bytes arrive, and never more of them held than allowed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.wire.ndjson import LineSplitter, LineTooLong

LINES = (b"", b"\r", b"{}", b'{"a":1}\r', b'{"a":"\xc3\xa9\xe2\x80\xa8"}', b"no JSON", b" ")


@given(
    lines=st.lists(st.sampled_from(LINES), max_size=12),
    tail=st.sampled_from((b"", b'{"a', b'{"a":1}')),
    cuts=st.lists(st.integers(0, 999), max_size=8),
)
def test_any_split_gives_the_same_lines(lines: list[bytes], tail: bytes, cuts: list[int]) -> None:
    stream = b"".join(line + b"\n" for line in lines) + tail
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    splitter = LineSplitter()
    found = [line for a, b in pairwise(edges) for line in splitter.feed(stream[a:b])]
    assert found == [line for line in lines if line not in (b"", b"\r")]
    assert splitter.pending == len(tail)
    assert splitter.close() == tail
    assert splitter.pending == 0 and splitter.close() == b""


def test_a_whole_line_is_known_without_being_cut() -> None:
    splitter = LineSplitter(limit=8)
    assert splitter.is_line(b'{"a":1}\n') and splitter.is_line(b"\n")
    for other in (b"", b"{}", b"{}\n{}\n", b"{}\n{", b'{"a":12}\n'):
        assert not splitter.is_line(other)
    splitter.feed(b"{")
    assert not splitter.is_line(b"}\n")


def test_a_line_over_the_limit_is_refused_wherever_it_ends() -> None:
    assert LineSplitter(limit=8).feed(b"12345678\n1234\n") == [b"12345678", b"1234"]
    with pytest.raises(LineTooLong, match="over 8 bytes"):
        LineSplitter(limit=8).feed(b"1\n123456789\n2\n")
    with pytest.raises(LineTooLong, match="over 8 bytes"):
        LineSplitter(limit=8).feed(b"1\n123456789")
    splitter = LineSplitter(limit=8)
    splitter.feed(b"12345")
    with pytest.raises(LineTooLong, match="over 8 bytes"):
        splitter.feed(b"6789")
    splitter = LineSplitter(limit=8)
    splitter.feed(b"12345")
    with pytest.raises(LineTooLong, match="over 8 bytes"):
        splitter.feed(b"6789\n")
