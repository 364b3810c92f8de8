"""Embeddings: texts in, numbers or packed numbers out, in the order of the texts."""

import json
import struct
from base64 import b64decode, b64encode
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.embedding import DecodedEmbedding, Embedded, EmbeddingRequest
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.embedding import EMBEDDING
from llm_gateway.dialects.chat.request import read_call
from llm_gateway.dialects.contract import Asked, Path, Target
from llm_gateway.errors import MalformedRequest, UpstreamBroken

CASE = File(__file__).parents[2] / "fixtures" / "chat" / "embeddings"
ASKED = Asked("embeddings", "01K", "m", stream=False, wants_usage=False, now=1)


# JSON as a client sends it: of any shape.
def decode(**members: Any) -> DecodedEmbedding:
    body = json.dumps({"model": "m", **members}).encode()
    return EMBEDDING.decode_request(read_call(body, Path("embeddings")))


@pytest.mark.parametrize(
    ("members", "request_"),
    [
        ({"input": "a"}, EmbeddingRequest(("a",), single=True)),
        ({"input": ["a", "b"]}, EmbeddingRequest(("a", "b"))),
        ({"input": "a", "encoding_format": "base64"}, EmbeddingRequest(("a",), packed=True, single=True)),
        ({"input": ["a"], "encoding_format": "float", "dimensions": 3}, EmbeddingRequest(("a",), 3)),
        ({"input": [""], "user": None}, EmbeddingRequest(("",))),
    ],
)
def test_a_request_is_read(members: dict[str, Any], request_: EmbeddingRequest) -> None:
    assert decode(**members) == DecodedEmbedding(request_)


def test_what_has_no_place_is_reported() -> None:
    assert [loss.what for loss in decode(input="a", user="u", input_type="query").losses] == [
        "user",
        "input_type",
    ]


@pytest.mark.parametrize(
    ("members", "message", "param"),
    [
        ({}, "`input` is missing or empty", "input"),
        ({"input": []}, "`input` is missing or empty", "input"),
        ({"input": [1, 2]}, "is made of tokens", "input"),
        ({"input": [[1], [2]]}, "is made of tokens", "input"),
        ({"input": ["a", 1]}, "a string or a list of strings", "input"),
        ({"input": {"text": "a"}}, "a string or a list of strings", "input"),
        ({"input": "a", "encoding_format": "int8"}, "`float` or `base64`", "encoding_format"),
        ({"input": "a", "dimensions": "3"}, "a whole number", "dimensions"),
    ],
)
def test_what_cannot_be_embedded_is_refused(members: dict[str, Any], message: str, param: str) -> None:
    with pytest.raises(MalformedRequest, match=message) as caught:
        decode(**members)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (EmbeddingRequest(("a",), single=True), {"model": "x", "input": "a"}),
        (EmbeddingRequest(("a",), packed=True), {"model": "x", "input": ["a"]}),
        (EmbeddingRequest(("a", "b"), 3), {"model": "x", "input": ["a", "b"], "dimensions": 3}),
    ],
)
def test_a_request_is_written(request_: EmbeddingRequest, told: object) -> None:
    encoded = EMBEDDING.encode_request(request_, Target("x"))
    assert json.loads(encoded.body) == told
    assert not encoded.losses
    assert EMBEDDING.path("x") == "embeddings"


def test_an_answer_is_read_in_the_order_of_its_numbers() -> None:
    packed = b64encode(struct.pack("<2f", 0.5, -1)).decode()
    told = {
        "data": [{"index": 1, "embedding": packed}, {"index": 0, "embedding": [1, 0.25]}],
        "model": "m",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }
    expected = Embedded(((1.0, 0.25), (0.5, -1.0)), "m", Usage(4))
    assert EMBEDDING.decode_response(json.dumps(told).encode()) == expected
    bare = {"data": [{"embedding": [1]}, {"embedding": [2]}], "model": None}
    assert EMBEDDING.decode_response(json.dumps(bare).encode()) == Embedded(((1.0,), (2.0,)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"data":[{}]}',
        b'{"data":[{"embedding":"AAA"}]}',
        b'{"data":[{"embedding":"AAA="}]}',
        b'{"data":[{"embedding":"no base64"}]}',
        b'{"error":{"message":"gone"}}',
    ],
)
def test_what_is_no_answer_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        EMBEDDING.decode_response(body)


def test_the_answer_on_disk_is_read() -> None:
    embedded = EMBEDDING.decode_response((CASE / "upstream.json").read_bytes())
    assert embedded.vectors and embedded.usage is not None


def test_an_answer_without_usage_says_nought() -> None:
    told = json.loads(EMBEDDING.encode_response(Embedded(((1.0,),), "up"), EmbeddingRequest(("a",)), ASKED))
    assert told["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert told["data"] == [{"object": "embedding", "index": 0, "embedding": [1.0]}]
    assert (told["object"], told["model"]) == ("list", "m")


vectors = st.lists(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=4).map(tuple), max_size=3).map(
    tuple
)


@given(told=vectors, packed=st.booleans(), tokens=st.integers(1, 99))
def test_what_is_written_is_read_back(told: tuple[tuple[float, ...], ...], packed: bool, tokens: int) -> None:
    request = EmbeddingRequest(tuple("x" * len(told)), packed=packed)
    body = EMBEDDING.encode_response(Embedded(told, "up", Usage(tokens)), request, ASKED)
    if packed and told:
        assert len(b64decode(json.loads(body)["data"][0]["embedding"])) == 4 * len(told[0])
    assert EMBEDDING.decode_response(body) == Embedded(told, "m", Usage(tokens))
