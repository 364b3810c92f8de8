"""The dialect as the pipeline has it: one object, every part of the contract in place."""

import json

import pytest

from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.response import Failure, Response, fold
from llm_gateway.dialects.contract import Asked, Dialect, Path, Target
from llm_gateway.dialects.ollama import OLLAMA
from llm_gateway.errors import UpstreamTruncated

BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


def asked(*, stream: bool) -> Asked:
    return Asked("chat", "01K", "m", stream=stream, wants_usage=False, now=1)


def test_it_is_a_dialect() -> None:
    dialect: Dialect = OLLAMA
    assert dialect.name == "ollama" and not dialect.keys_in_url and not dialect.takes_comments
    assert dialect.request_headers == b""
    assert [dialect.kind(operation) for operation in ("chat", "embed", "show")] == [
        "generate",
        "embed",
        "native",
    ]


def test_a_call_passes_through() -> None:
    call = OLLAMA.read_call(BODY, Path("chat", query="a=b"))
    assert call.stream
    assert OLLAMA.address(call, "m", ask_usage=True) is BODY
    assert OLLAMA.target(call, "m") == "chat?a=b"
    assert OLLAMA.is_stream(call, b"application/x-ndjson")
    assert OLLAMA.read_answer(b'{"model":"x"}', "chat").model == "x"
    meter = OLLAMA.meter(call, strip_usage=True)
    assert meter.feed(b'{"done":true}\n') and meter.seen.complete


def test_a_request_is_translated_and_back() -> None:
    decoded = OLLAMA.decode_request(OLLAMA.read_call(BODY, Path("chat")))
    encoded = OLLAMA.encode_request(decoded.request, Target("other"))
    assert json.loads(encoded.body) == {**json.loads(BODY), "model": "other", "stream": True}
    assert OLLAMA.path("other", stream=True) == OLLAMA.path("other", stream=False) == "chat"


def test_an_answer_is_translated_and_back() -> None:
    response = Response(parts=(Text("a"),))
    written = OLLAMA.encode_response(response, asked(stream=False))
    assert OLLAMA.decode_response(written.body).response.parts == response.parts


def test_a_stream_is_translated_and_back() -> None:
    decoder, encoder = OLLAMA.decoder(), OLLAMA.encoder(asked(stream=True))
    events = decoder.feed(b'{"message":{"content":"a"},"done":true}\n')
    stream = b"".join(map(encoder.feed, events + decoder.close()))
    again = OLLAMA.decoder()
    assert fold(again.feed(stream) + again.close()).parts == (Text("a"),)


def test_what_clients_read_beside_the_body() -> None:
    assert OLLAMA.content_type(asked(stream=True)) == b"application/x-ndjson"
    assert OLLAMA.content_type(asked(stream=False)) == b"application/json; charset=utf-8"
    assert OLLAMA.id_headers(asked(stream=True)) == b""


def test_errors_are_told_in_its_form() -> None:
    assert OLLAMA.encode_error(UpstreamTruncated("no")) == b'{"error":"no"}'
    assert OLLAMA.decode_error(404, b'{"error":"no"}') == Failure(404, "no")
    assert OLLAMA.encode_failure(Failure(404, "no", "t")) == b'{"error":"no"}'


def test_embeddings_are_a_part_of_it_and_counting_is_not() -> None:
    assert OLLAMA.embedding is not None and OLLAMA.embedding.path("m") == "embed"
    with pytest.raises(AssertionError):
        OLLAMA.encode_count(5)
