"""The dialect as the pipeline has it: one object, every part of the contract in place."""

import json

from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.response import Failure, Response, fold
from llm_gateway.dialects.contract import Asked, Dialect, Path, Target
from llm_gateway.dialects.gemini import GEMINI
from llm_gateway.errors import UpstreamTruncated
from scripted import gemini

BODY = b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'
STREAM = Path("streamGenerateContent", "m", "alt=sse")


def asked(*, stream: bool, query: str = "alt=sse") -> Asked:
    return Asked("generateContent", "01K", "m", stream=stream, wants_usage=True, now=1, query=query)


def test_it_is_a_dialect() -> None:
    dialect: Dialect = GEMINI
    assert dialect.name == "gemini" and dialect.keys_in_url and not dialect.takes_comments
    assert dialect.request_headers == b""
    verbs = ("generateContent", "countTokens", "embedContent", "x")
    assert [dialect.kind(verb) for verb in verbs] == ["generate", "count", "embed", "native"]


def test_a_call_passes_through() -> None:
    call = GEMINI.read_call(BODY, STREAM)
    assert call.stream and GEMINI.address(call, "other", ask_usage=True) is BODY
    assert GEMINI.target(call, "other") == "models/other:streamGenerateContent?alt=sse"
    assert GEMINI.is_stream(call, b"text/event-stream") and not GEMINI.is_stream(call, b"text/html")
    assert GEMINI.read_answer(b'{"responseId":"x"}', "generateContent").response_id == "x"
    meter = GEMINI.meter(call, strip_usage=True)
    assert b"".join(map(meter.feed, gemini.events("m"))) == b"".join(gemini.events("m"))
    assert meter.seen.complete and meter.fail(UpstreamTruncated("no")).startswith(b"data: ")


def test_a_request_is_translated_and_back() -> None:
    decoded = GEMINI.decode_request(GEMINI.read_call(BODY, STREAM))
    encoded = GEMINI.encode_request(decoded.request, Target("other"))
    assert json.loads(encoded.body) == json.loads(BODY)
    assert GEMINI.path("other", stream=True) == "models/other:streamGenerateContent?alt=sse"
    assert GEMINI.path("other", stream=False) == "models/other:generateContent"


def test_an_answer_is_translated_and_back() -> None:
    response = Response(parts=(Text("a"),))
    written = GEMINI.encode_response(response, asked(stream=False))
    assert written.id == "01K"
    assert GEMINI.decode_response(written.body).response.parts == response.parts


def test_a_stream_is_translated_and_back() -> None:
    decoder, encoder = GEMINI.decoder(), GEMINI.encoder(asked(stream=True))
    events = decoder.feed(b"".join(gemini.events("m")))
    stream = b"".join(map(encoder.feed, events + decoder.close()))
    again = GEMINI.decoder()
    assert fold(again.feed(stream) + again.close()).parts == (Text(gemini.TEXT),)


def test_what_clients_read_beside_the_body() -> None:
    assert GEMINI.content_type(asked(stream=True)).startswith(b"text/event-stream")
    assert GEMINI.content_type(asked(stream=True, query="")).startswith(b"application/json")
    assert GEMINI.content_type(asked(stream=False)).startswith(b"application/json")
    assert GEMINI.id_headers(asked(stream=True)) == b""


def test_errors_are_told_in_its_form() -> None:
    assert json.loads(GEMINI.encode_error(UpstreamTruncated("no")))["error"]["status"] == "UNAVAILABLE"
    failure = GEMINI.decode_error(429, gemini.error("slow down", 429))
    assert failure == Failure(429, "slow down", "RESOURCE_EXHAUSTED")
    assert json.loads(GEMINI.encode_failure(failure))["error"]["message"] == "slow down"


def test_embeddings_and_counting_are_parts_of_it() -> None:
    assert GEMINI.embedding is not None and GEMINI.embedding.path("m") == "models/m:batchEmbedContents"
    assert json.loads(GEMINI.encode_count(5)) == {"totalTokens": 5}
