"""Whole answers: read to their end, decoded where they came coded, refused where they are too much."""

import asyncio
import gzip
import random
import zlib
from collections.abc import Sequence

import brotli
import pytest
import zstandard

from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import UpstreamBroken
from llm_gateway.upstream.answer import MAX_ERROR, Answer, is_coded, is_event_stream, read_error, read_whole
from llm_gateway.wire.headers import Headers

BODY = b'{"a":"' + b"x" * 1000 + b'"}'


def answer(pieces: Sequence[bytes], *headers: tuple[bytes, bytes], pause: float = 1e-6) -> Answer:
    """Return an answer whose body comes in these pieces."""
    return PreparedAnswer(200, list(headers), pieces, pause)


def whole(given: Answer, limit: int = 10_000) -> bytes:
    return asyncio.run(read_whole(given, limit))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"content-type", b"text/event-stream")], True),
        ([(b"x-a", b"b"), (b"content-type", b"Text/Event-Stream; charset=utf-8")], True),
        ([(b"content-type", b"application/json")], False),
        ([(b"content-type", b"text/event")], False),
        ([], False),
    ],
    ids=str,
)
def test_a_stream_is_told_by_its_type(headers: Headers, expected: bool) -> None:
    assert is_event_stream(answer([], *headers)) is expected


@pytest.mark.parametrize(
    ("coding", "expected"),
    [(None, False), (b"identity", False), (b"Identity", False), (b"gzip", True), (b"br", True)],
)
def test_a_coding_is_told_by_its_field(coding: bytes | None, expected: bool) -> None:
    headers: Headers = [] if coding is None else [(b"content-encoding", coding)]
    assert is_coded(answer([], *headers)) is expected


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
@pytest.mark.parametrize("pause", [0.0, 1e-6])
def test_pieces_are_put_together(size: int, pause: float) -> None:
    pieces = [BODY[start : start + size] for start in range(0, len(BODY), size)]
    assert whole(answer(pieces, pause=pause)) == BODY


def test_an_answer_may_be_empty() -> None:
    assert whole(answer([])) == b""


def zlib_raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        (b"identity", BODY),
        (b"gzip", gzip.compress(BODY)),
        (b"GZIP", gzip.compress(BODY)),
        (b"deflate", zlib.compress(BODY)),
        (b"deflate", zlib_raw(BODY)),
        (b"br", brotli.compress(BODY)),
        (b"zstd", zstandard.compress(BODY)),
        (b"br, gzip", gzip.compress(brotli.compress(BODY))),
    ],
)
def test_a_coded_answer_is_decoded_and_says_so_no_longer(coding: bytes, packed: bytes) -> None:
    given = answer([packed[:9], packed[9:]], (b"content-type", b"a/b"), (b"content-encoding", coding))
    assert whole(given) == BODY
    assert (b"content-type", b"a/b") in given.headers
    assert not is_coded(given)


def test_codings_may_stand_in_two_fields() -> None:
    packed = gzip.compress(brotli.compress(BODY))
    given = answer([packed], (b"content-encoding", b"br"), (b"content-encoding", b"gzip"))
    assert whole(given) == BODY
    assert given.headers == []


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", BODY),
        (b"gzip", gzip.compress(BODY)[:-4]),
        (b"br", b"\xff" * 20),
        (b"zstd", b""),
        (b"compress", BODY),
        (b"gzip", gzip.compress(bytes(20_000))),
    ],
    ids=["not gzip", "cut", "not brotli", "nothing", "unknown", "too much"],
)
def test_an_answer_that_is_not_what_it_says_is_broken(coding: bytes, body: bytes) -> None:
    with pytest.raises(UpstreamBroken, match="content-encoding"):
        whole(answer([body], (b"content-encoding", coding)))


@pytest.mark.parametrize("pieces", [[BODY], [BODY[:500], BODY[500:]], [BODY[:999], b"", BODY[999:]]])
def test_an_answer_over_the_limit_is_refused_and_one_at_the_limit_is_not(pieces: list[bytes]) -> None:
    pieces = [piece for piece in pieces if piece]
    assert whole(answer(pieces), len(BODY)) == BODY
    with pytest.raises(UpstreamBroken, match=f"over {len(BODY) - 1} bytes"):
        whole(answer(pieces), len(BODY) - 1)


def test_no_more_is_read_of_an_answer_than_its_limit() -> None:
    given = answer([b"x" * 100] * 50)
    with pytest.raises(UpstreamBroken):
        whole(given, 250)
    assert len(asyncio.run(read_whole(given, 10_000))) == 4700, "three pieces were read of fifty"


# errors


@pytest.mark.parametrize("size", [0, 1, MAX_ERROR - 1, MAX_ERROR])
@pytest.mark.parametrize("step", [1000, MAX_ERROR])
def test_an_error_within_the_limit_is_read_to_its_end(size: int, step: int) -> None:
    body = random.Random(size).randbytes(size)
    given = answer([body[start : start + step] for start in range(0, size, step)])
    assert asyncio.run(read_error(given)) == body
    assert given.ended


@pytest.mark.parametrize("step", [999, MAX_ERROR, 3 * MAX_ERROR])
def test_of_a_longer_error_the_beginning_counts_and_the_rest_is_not_read(step: int) -> None:
    body = random.Random(step).randbytes(5 * MAX_ERROR)
    given = answer([body[start : start + step] for start in range(0, len(body), step)])
    assert asyncio.run(read_error(given)) == body[:MAX_ERROR]
    assert not given.ended


def test_a_coded_error_is_decoded_within_the_same_limit() -> None:
    coding = (b"content-encoding", b"gzip")
    assert asyncio.run(read_error(answer([gzip.compress(bytes(MAX_ERROR))], coding))) == bytes(MAX_ERROR)
    with pytest.raises(UpstreamBroken, match="content-encoding"):
        asyncio.run(read_error(answer([gzip.compress(bytes(MAX_ERROR + 1))], coding)))
