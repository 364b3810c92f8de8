"""Embeddings, of one text and of many, read and written."""

import json

import pytest

from llm_gateway.canonical.embedding import DecodedEmbedding, Embedded, EmbeddingRequest
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked, Path, Target
from llm_gateway.dialects.gemini.embedding import EMBEDDING
from llm_gateway.dialects.gemini.request import read_call
from llm_gateway.errors import MalformedRequest, UpstreamBroken


def decode(verb: str, body: object) -> DecodedEmbedding:
    return EMBEDDING.decode_request(read_call(json.dumps(body).encode(), Path(verb, "m")))


def content(*texts: str) -> dict[str, object]:
    return {"parts": [{"text": text} for text in texts]}


def asked(verb: str) -> Asked:
    return Asked(verb, "01K", "m", stream=False, wants_usage=True, now=1)


@pytest.mark.parametrize(
    "body",
    [
        {"content": content("a", "b"), "outputDimensionality": 8},
        {"model": "models/m", "content": {"parts": {"text": "a\n\nb"}}, "output_dimensionality": "8"},
        {"content": "a\n\nb", "embedContentConfig": {"outputDimensionality": 8}},
    ],
)
def test_one_text(body: object) -> None:
    assert decode("embedContent", body) == DecodedEmbedding(EmbeddingRequest(("a\n\nb",), 8, single=True))


def test_many_texts() -> None:
    body = {"requests": [{"model": "models/m", "content": content(text)} for text in "ab"]}
    assert decode("batchEmbedContents", body) == DecodedEmbedding(EmbeddingRequest(("a", "b")))


def test_what_others_do_not_ask_is_lost() -> None:
    one = {
        "content": content("a"),
        "taskType": "CLUSTERING",
        "embed_content_config": {"title": "t"},
        "new": 1,
    }
    assert [loss.what for loss in decode("embedContent", one).losses] == ["taskType", "new", "title"]
    many = decode("batchEmbedContents", {"requests": [one], "other": 1})
    assert [loss.what for loss in many.losses] == ["other", "taskType", "new", "title"]


@pytest.mark.parametrize(
    ("verb", "body", "param"),
    [
        ("embedContent", {}, "content"),
        ("embedContent", {"content": {"parts": []}}, "content"),
        ("embedContent", {"content": {"parts": [{"inlineData": {}}]}}, "content.parts"),
        ("embedContent", {"content": content("a"), "outputDimensionality": "x"}, "outputDimensionality"),
        ("batchEmbedContents", {}, "requests"),
        ("batchEmbedContents", {"requests": [5]}, "requests"),
        ("batchEmbedContents", {"requests": [{}]}, "requests[0].content"),
        (
            "batchEmbedContents",
            {"requests": [{"content": content("a"), "outputDimensionality": 5}, {"content": content("a")}]},
            "requests",
        ),
    ],
)
def test_what_cannot_be_embedded_is_refused(verb: str, body: object, param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        decode(verb, body)
    assert caught.value.param == param


def test_writing_a_request() -> None:
    encoded = EMBEDDING.encode_request(EmbeddingRequest(("a", "b"), 8), Target("models/m"))
    one = {"model": "models/m", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 8}
    assert json.loads(encoded.body) == {"requests": [one, {**one, "content": {"parts": [{"text": "b"}]}}]}
    assert EMBEDDING.path("m") == "models/m:batchEmbedContents"
    again = decode("batchEmbedContents", json.loads(encoded.body)).request
    assert again == EmbeddingRequest(("a", "b"), 8)


def test_reading_an_answer() -> None:
    many = {
        "embeddings": [{"values": [1, 0.5]}, {"values": [2, 0]}],
        "usageMetadata": {"promptTokenCount": 5},
    }
    assert EMBEDDING.decode_response(json.dumps(many).encode()) == Embedded(
        ((1.0, 0.5), (2.0, 0.0)), usage=Usage(5)
    )
    assert EMBEDDING.decode_response(b'{"embedding": {"values": [1]}}') == Embedded(((1.0,),))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"embeddings": [{}]}', b'{"error": {"message": "no"}}'])
def test_what_is_no_answer_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        EMBEDDING.decode_response(body)


def test_writing_an_answer() -> None:
    embedded = Embedded(((1.0, 0.5),), usage=Usage(5))
    request = EmbeddingRequest(("a",), single=True)
    usage = {"promptTokenCount": 5, "totalTokenCount": 5}
    one = EMBEDDING.encode_response(embedded, request, asked("embedContent"))
    assert json.loads(one) == {"embedding": {"values": [1.0, 0.5]}, "usageMetadata": usage}
    many = EMBEDDING.encode_response(embedded, request, asked("batchEmbedContents"))
    assert json.loads(many) == {"embeddings": [{"values": [1.0, 0.5]}], "usageMetadata": usage}
    bare = EMBEDDING.encode_response(Embedded(((1.0,),)), request, asked("embedContent"))
    assert json.loads(bare) == {"embedding": {"values": [1.0]}}
