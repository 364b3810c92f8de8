"""Requests are read out of bytes alike, wherever the bytes are cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.errors import MalformedRequest
from llm_gateway.http.carrier import Carrier
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.limits import Limits
from llm_gateway.http.reader import BETWEEN, RequestReader

TWO = (
    b"POST /one HTTP/1.1\r\nHost: a\r\nX-Thing: 1\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /two HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
)


class Deaf:
    """A connection that takes everything."""

    paused = False

    def send(self, data: bytes) -> None:
        """Take it."""

    def resume_body(self) -> None:
        """Take it."""

    def pause_body(self) -> None:
        """Take it."""

    def carrier(self) -> Carrier:
        """Never asked."""
        raise AssertionError

    async def drained(self) -> None:
        """Take it."""

    def finished(self, exchange: Exchange) -> None:
        """Take it."""


def read(pieces: list[bytes]) -> RequestReader:
    """Feed pieces to a new reader."""
    reader = RequestReader(Limits(), lambda: Exchange(Deaf(), "peer"))
    for piece in pieces:
        reader.feed(piece)
    return reader


@given(st.lists(st.integers(0, len(TWO)), max_size=12))
def test_any_cut_gives_the_same_requests(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TWO)]
    reader = read([TWO[a:b] for a, b in pairwise(edges)])
    assert reader.error is None
    assert reader.section == BETWEEN
    assert [(e.method, e.target, e.complete) for e in reader.ready] == [
        (b"POST", b"/one", True),
        (b"POST", b"/two", True),
    ]
    assert reader.ready[0].headers == [(b"host", b"a"), (b"x-thing", b"1")]
    assert reader.ready[0].announced == 5


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fall_over(data: bytes) -> None:
    reader = read([data, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
    assert reader.error is not None or reader.ready or reader.reading is not None or not data.strip()


def test_too_many_pipelined_requests_are_refused() -> None:
    reader = read([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 40])
    assert isinstance(reader.error, MalformedRequest)
    assert len(reader.ready) == 32
