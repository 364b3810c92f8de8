"""The dialect as the pipeline sees it: every verb of the contract, delegated to its file."""

import json

from llm_gateway.canonical.events import Finished, Started
from llm_gateway.canonical.request import Request
from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.contract import Asked, Dialect, Path, Target
from llm_gateway.dialects.responses import RESPONSES
from llm_gateway.errors import Internal
from scripted import responses

BODY = b'{"model":"m","input":"hi","stream":true}'
WHOLE = Asked("responses", "t1", "m", False, True, 1)
STREAM = Asked("responses", "t1", "m", True, True, 1)


def test_its_name_and_where_things_are() -> None:
    dialect: Dialect = RESPONSES
    assert dialect.name == "responses"
    assert dialect.embedding is None and not dialect.keys_in_url and dialect.takes_comments
    assert dialect.path("m", stream=True) == dialect.path("m", stream=False) == "responses"
    assert dialect.request_headers == b""
    assert dialect.id_headers(WHOLE) == b"x-request-id: req_t1\r\n"
    assert dialect.content_type(WHOLE) == b"application/json"
    assert dialect.content_type(STREAM) == b"text/event-stream; charset=utf-8"


def test_passing_through() -> None:
    call = RESPONSES.read_call(BODY, Path("responses"))
    assert RESPONSES.kind(call.operation) == "generate"
    assert RESPONSES.address(call, "m", ask_usage=True) is BODY
    assert RESPONSES.target(call, "m") == "responses"
    assert RESPONSES.is_stream(call, b"text/event-stream; charset=utf-8")
    assert not RESPONSES.is_stream(call, b"application/json")
    meter = RESPONSES.meter(call, strip_usage=True)
    for event in responses.events("m"):
        assert meter.feed(event) is event
    assert meter.seen.complete
    answer = json.dumps(responses.completed("m")).encode()
    assert RESPONSES.read_answer(answer, "responses").usage == meter.seen.usage


def test_translating() -> None:
    call = RESPONSES.read_call(BODY, Path("responses"))
    request = RESPONSES.decode_request(call).request
    assert isinstance(request, Request)
    assert json.loads(RESPONSES.encode_request(request, Target("other")).body)["model"] == "other"
    answer = RESPONSES.decode_response(json.dumps(responses.completed("m")).encode()).response
    assert json.loads(RESPONSES.encode_response(answer, WHOLE).body)["id"] == "resp_t1"
    encoder = RESPONSES.encoder(STREAM)
    stream = encoder.feed(Started()) + encoder.feed(Finished("stop"))
    assert RESPONSES.decoder().feed(stream)[-1] == Finished("stop", native="completed")
    assert json.loads(RESPONSES.encode_count(3))["input_tokens"] == 3


def test_errors() -> None:
    assert json.loads(RESPONSES.encode_error(Internal("no")))["error"]["code"] == "internal_error"
    failure = RESPONSES.decode_error(429, b'{"error":{"message":"slow","type":"rate_limit_error"}}')
    assert failure == Failure(429, "slow", "rate_limit_error")
    assert json.loads(RESPONSES.encode_failure(failure))["error"]["message"] == "slow"
