"""Vectors of the demo."""

import base64
import json
import math
import struct

import pytest
from openai.types import CreateEmbeddingResponse

from llm_gateway.engines.demo.embeddings import reply
from llm_gateway.engines.demo.reading import Unreadable


def ask(given: object, **fields: object) -> CreateEmbeddingResponse:
    body = reply(json.dumps({"input": given, **fields}).encode(), "demo/echo")
    return CreateEmbeddingResponse.model_validate_json(body)


def test_the_same_text_has_the_same_vector() -> None:
    first, again, other = (ask(text).data[0].embedding for text in ("a", "a", "b"))
    assert first == again != other
    assert len(first) == 64
    assert math.isclose(math.hypot(*first), 1.0)


def test_vectors_come_as_floats_or_packed_in_base64() -> None:
    floats = ask("a", dimensions=8).data[0].embedding
    body = reply(b'{"input":"a","dimensions":8,"encoding_format":"base64"}', "demo/echo")
    packed = json.loads(body)["data"][0]["embedding"]
    assert struct.unpack("<8f", base64.b64decode(packed)) == pytest.approx(floats, abs=1e-7)


@pytest.mark.parametrize(
    ("given", "count"),
    [("a", 1), (["a", "b", ""], 3), ([1, 2, 3], 1), ([[1, 2], [3]], 2)],
)
def test_takes_texts_and_tokens(given: object, count: int) -> None:
    assert [item.index for item in ask(given).data] == list(range(count))


def test_counts_what_came_in() -> None:
    usage = ask(["12345678", "1234"]).usage
    assert (usage.prompt_tokens, usage.total_tokens) == (3, 3)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", 1]}, "input"),
        ({"input": {"a": 1}}, "input"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": 5000}, "dimensions"),
        ({"input": ["a"] * 3000}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ],
)
def test_refuses_what_it_cannot_do(body: dict[str, object], param: str) -> None:
    with pytest.raises(Unreadable) as caught:
        reply(json.dumps(body).encode(), "demo/echo")
    assert caught.value.param == param
