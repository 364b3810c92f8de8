"""Heads and chunks are worded as HTTP/1.1 has them."""

from llm_gateway.http import wording


def test_known_statuses_have_their_phrase_and_unknown_ones_none() -> None:
    assert wording.status_line(404) == b"HTTP/1.1 404 Not Found\r\n"
    assert wording.status_line(529) == b"HTTP/1.1 529 \r\n"
    assert wording.status_line(999) == b"HTTP/1.1 502 Bad Gateway\r\n"


def test_fields_are_lines() -> None:
    assert wording.fields([(b"a", b"1"), (b"b", b"2")]) == b"a: 1\r\nb: 2\r\n"


def test_a_chunk_says_its_size_in_hexadecimal() -> None:
    assert wording.chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
