"""The dialect as the pipeline has it: one object, every part of the contract in place."""

import json

import pytest

from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.response import Failure, Response, fold
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Asked, Dialect, Path, Target
from llm_gateway.errors import UpstreamTruncated

BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}'
PATH = Path("chat/completions", query="a=b")


def asked(*, stream: bool) -> Asked:
    return Asked("chat/completions", "01K", "m", stream=stream, wants_usage=False, now=1)


def test_it_is_a_dialect() -> None:
    dialect: Dialect = CHAT
    assert dialect.name == "chat" and not dialect.keys_in_url and dialect.takes_comments
    assert dialect.request_headers == b""
    assert [dialect.kind(operation) for operation in ("chat/completions", "embeddings", "completions")] == [
        "generate",
        "embed",
        "native",
    ]


def test_a_call_passes_through() -> None:
    call = CHAT.read_call(BODY, PATH)
    assert CHAT.address(call, "m", ask_usage=False) is BODY
    assert CHAT.target(call, "m") == "chat/completions?a=b"
    assert CHAT.is_stream(call, b"text/event-stream") and not CHAT.is_stream(call, b"application/json")
    assert CHAT.read_answer(b'{"id":"x"}', "chat/completions").response_id == "x"
    meter = CHAT.meter(call, strip_usage=False)
    assert meter.feed(b"data: [DONE]\n\n") and meter.seen.complete


def test_a_request_is_translated_and_back() -> None:
    decoded = CHAT.decode_request(CHAT.read_call(BODY, PATH))
    encoded = CHAT.encode_request(decoded.request, Target("other"))
    assert json.loads(encoded.body)["model"] == "other"
    assert CHAT.path("other", stream=True) == CHAT.path("other", stream=False) == "chat/completions"


def test_an_answer_is_translated_and_back() -> None:
    response = Response(parts=(Text("a"),))
    written = CHAT.encode_response(response, asked(stream=False))
    assert written.id == "chatcmpl-01K"
    assert CHAT.decode_response(written.body).response.parts == response.parts


def test_a_stream_is_translated_and_back() -> None:
    decoder, encoder = CHAT.decoder(), CHAT.encoder(asked(stream=True))
    events = decoder.feed(b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n')
    stream = b"".join(map(encoder.feed, events + decoder.close()))
    again = CHAT.decoder()
    assert fold(again.feed(stream) + again.close()).parts == (Text("a"),)


def test_what_clients_read_beside_the_body() -> None:
    assert CHAT.content_type(asked(stream=True)).startswith(b"text/event-stream")
    assert CHAT.content_type(asked(stream=False)) == b"application/json"
    assert CHAT.id_headers(asked(stream=True)) == b"x-request-id: req_01K\r\n"


def test_errors_are_told_in_its_form() -> None:
    assert json.loads(CHAT.encode_error(UpstreamTruncated("no")))["error"]["code"] == "upstream_truncated"
    failure = CHAT.decode_error(429, b'{"error":{"message":"slow down","type":"t"}}')
    assert failure == Failure(429, "slow down", "t")
    assert json.loads(CHAT.encode_failure(failure))["error"]["message"] == "slow down"


def test_embeddings_are_a_part_of_it_and_counting_is_not() -> None:
    assert CHAT.embedding is not None and CHAT.embedding.path("m") == "embeddings"
    with pytest.raises(AssertionError):
        CHAT.encode_count(5)
