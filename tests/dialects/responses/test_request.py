"""Reading a call: what is wrong with it is said with the field at fault."""

import json

import pytest

from llm_gateway.dialects.contract import Path
from llm_gateway.dialects.responses.request import address, kind, read_call, target
from llm_gateway.errors import MalformedRequest

RESPONSES = Path("responses")


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        (b"", "empty", None),
        (b"{", "not valid JSON", None),
        (b"[]", "JSON object", None),
        (b'{"model":"a","model":"b"}', "'model' comes twice", None),
        (b"{}", "`model` is missing", "model"),
        (b'{"model":null}', "must be a string", "model"),
        (b'{"model":"\xff"}', "must be a string", "model"),
        (b'{"model":"  "}', "is empty", "model"),
        (b'{"model":"a\\nb"}', "cannot be printed", "model"),
        (b'{"model":"' + b"x" * 513 + b'"}', "longer than 512", "model"),
        (b'{"model":"a","stream":"yes"}', "true or false", "stream"),
    ],
)
def test_a_bad_call_is_refused_with_the_field(body: bytes, message: str, param: str | None) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_call(body, RESPONSES)
    assert message in caught.value.message
    assert caught.value.param == param


@pytest.mark.parametrize(("text", "stream"), [("true", True), ("false", False), ("null", False)])
def test_stream_is_a_flag(text: str, stream: bool) -> None:
    assert read_call(b'{"model":"a","stream":%b}' % text.encode(), RESPONSES).stream is stream


def test_usage_is_always_told_and_never_asked_for() -> None:
    call = read_call(b'{"model":"a","stream":true}', RESPONSES)
    assert call.wants_usage
    assert address(call, "a") is call.document.body


def test_only_the_model_changes() -> None:
    body = b'{ "input": "x", "model" : "a", "z": 1.0e3 }'
    assert address(read_call(body, RESPONSES), "b/c") == body.replace(b'"a"', b'"b/c"')


def test_what_only_this_dialect_has_is_native_and_may_name_no_model() -> None:
    assert kind("responses") == "generate"
    for operation in ("responses/compact", "responses/input_tokens", "responses/resp_1/cancel"):
        assert kind(operation) == "native"
        call = read_call(b'{"input":"x","stream":"?"}', Path(operation, "given", "a=1&b"))
        assert (call.model, call.stream) == ("given", False)
        assert json.loads(address(call, "other")) == {"input": "x", "stream": "?"}
        assert target(call) == f"{operation}?a=1&b"


def test_the_query_goes_along() -> None:
    call = read_call(b'{"model":"a"}', Path("responses", query="api-version=preview"))
    assert target(call) == "responses?api-version=preview"
    assert target(read_call(b'{"model":"a"}', RESPONSES)) == "responses"
