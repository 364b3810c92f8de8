"""Counting where no upstream counts: from the text's size, and said to be an estimate."""

import asyncio
import json

import pytest

from llm_gateway.engines.counting import Counting, counted


class Plain:
    """A dialect that says a count in one word."""

    name = "plain"

    def encode_count(self, tokens: int) -> bytes:
        return b'{"tokens":%d}' % tokens


def test_text_counts_a_quarter_of_its_bytes() -> None:
    few = counted(json.dumps({"messages": [{"role": "user", "content": "a" * 400}]}).encode())
    many = counted(json.dumps({"messages": [{"role": "user", "content": "a b " * 1000}]}).encode())
    assert 100 <= few <= 125
    assert 1000 <= many <= 1025


def test_media_counts_by_the_piece() -> None:
    one = {"type": "image", "source": {"type": "base64", "data": "A" * 900_000}}
    assert 1500 <= counted(json.dumps({"messages": [{"content": [one]}]}).encode()) <= 1550


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 5000 + b"]" * 5000])
def test_what_cannot_be_read_is_counted_by_its_size(body: bytes) -> None:
    assert counted(body) == -(-len(body) // 4)


def test_nothing_counts_one() -> None:
    assert counted(b"null") == 1


def test_the_answer_says_that_it_is_an_estimate() -> None:
    engine = Counting(Plain())
    answer = asyncio.run(engine.answer("count", b'{"messages":["' + b"a" * 400 + b'"]}', "m"))
    assert answer.status == 200
    assert dict(answer.headers)[b"x-llm-gateway-count"].startswith(b"estimate")
    assert 100 <= json.loads(answer.take())["tokens"] <= 120
    asyncio.run(engine.close())
    assert not engine.counts and list(engine.models) == []
