"""Embeddings, in the form of today and the one before it."""

import json

import pytest

from llm_gateway.canonical.embedding import Embedded, EmbeddingRequest
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked, Path, Target
from llm_gateway.dialects.ollama.embedding import EMBEDDING
from llm_gateway.dialects.ollama.request import read_call
from llm_gateway.errors import MalformedRequest, UpstreamBroken
from scripted import ollama


def decoded(operation: str, /, **members: object) -> tuple[EmbeddingRequest, list[str]]:
    body = json.dumps({"model": "m", **members}).encode()
    found = EMBEDDING.decode_request(read_call(body, Path(operation)))
    return found.request, [loss.what for loss in found.losses]


def asked(operation: str) -> Asked:
    return Asked(operation, "01K", "m", stream=False, wants_usage=True, now=1)


def test_requests_are_read() -> None:
    assert decoded("embed", input="a") == (EmbeddingRequest(("a",), single=True), [])
    assert decoded("embed", input=["a", ""], dimensions=8, truncate=False) == (
        EmbeddingRequest(("a", ""), 8),
        [],
    )
    assert decoded("embed", input=["a"], dimensions=0, options={}) == (EmbeddingRequest(("a",)), [])
    assert decoded("embeddings", prompt="a") == (EmbeddingRequest(("a",), single=True), [])


def test_what_others_cannot_say_is_lost() -> None:
    _, losses = decoded(
        "embed", input="a", truncate=True, keep_alive="1m", options={"num_ctx": 1, "seed": None}, more=1
    )
    assert losses == ["more", "keep_alive", "truncate", "options.num_ctx"]
    assert decoded("embeddings", prompt="a", input="b", dimensions=3)[1] == ["input", "dimensions"]


@pytest.mark.parametrize(
    ("operation", "members", "param"),
    [
        ("embed", {}, "input"),
        ("embed", {"input": ""}, "input"),
        ("embed", {"input": []}, "input"),
        ("embed", {"input": None}, "input"),
        ("embed", {"input": [1]}, "input"),
        ("embed", {"input": 5}, "input"),
        ("embed", {"input": "a", "dimensions": "many"}, "dimensions"),
        ("embeddings", {"input": "a"}, "prompt"),
        ("embeddings", {"prompt": ["a"]}, "prompt"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(operation: str, members: dict[str, object], param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        decoded(operation, **members)
    assert caught.value.param == param


def test_requests_are_written() -> None:
    assert EMBEDDING.path("m") == "embed"
    one = EMBEDDING.encode_request(EmbeddingRequest(("a",), packed=True, single=True), Target("n"))
    assert (one.body, one.losses) == (b'{"model":"n","input":"a"}', ())
    several = EMBEDDING.encode_request(EmbeddingRequest(("a", "b"), 8), Target("n"))
    assert several.body == b'{"model":"n","input":["a","b"],"dimensions":8}'


def test_answers_are_read() -> None:
    found = EMBEDDING.decode_response(ollama.embedded("m", ["a", "b"], dimensions=3))
    assert (len(found.vectors), len(found.vectors[0]), found.model) == (2, 3, "m")
    assert found.usage == Usage(6)
    assert EMBEDDING.decode_response(b'{"embedding":[1,0.5]}') == Embedded(((1.0, 0.5),))
    assert EMBEDDING.decode_response(b'{"embeddings":[]}') == Embedded(())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"no", "no list of embeddings"),
        (b'{"embeddings":[["a"]]}', "no list of embeddings"),
        (b"{}", "it has none"),
        (b'{"embedding":[]}', "it has none"),
        (b'{"error":"no memory"}', "no memory"),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(UpstreamBroken, match=message):
        EMBEDDING.decode_response(body)


def test_answers_are_written() -> None:
    request, embedded = EmbeddingRequest(("a",), single=True), Embedded(((1.0, 0.5),), "up", Usage(3))
    assert EMBEDDING.encode_response(embedded, request, asked("embed")) == (
        b'{"model":"m","embeddings":[[1.0,0.5]],"prompt_eval_count":3}'
    )
    assert EMBEDDING.encode_response(embedded, request, asked("embeddings")) == b'{"embedding":[1.0,0.5]}'
    assert EMBEDDING.encode_response(Embedded(()), request, asked("embeddings")) == b'{"embedding":[]}'
    assert b"prompt_eval_count" not in EMBEDDING.encode_response(Embedded(()), request, asked("embed"))
