"""Reading a call: what is wrong with it is said with the field at fault."""

import json

import pytest

from llm_gateway.dialects.contract import Path
from llm_gateway.dialects.messages.request import address, is_stream, kind, read_call, target
from llm_gateway.errors import MalformedRequest


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        (b"", "empty", None),
        (b"[]", "JSON object", None),
        (b'{"model":"a","model":"b"}', "'model' comes twice", None),
        (b"{}", "`model` is missing", "model"),
        (b'{"model":null}', "must be a string", "model"),
        (b'{"model":"\xff"}', "must be a string", "model"),
        (b'{"model":""}', "is empty", "model"),
        (b'{"model":"  "}', "is empty", "model"),
        (b'{"model":"a\\nb"}', "cannot be printed", "model"),
        (b'{"model":"' + b"x" * 513 + b'"}', "longer than 512", "model"),
        (b'{"model":"a","stream":"yes"}', "true or false", "stream"),
    ],
)
def test_a_bad_call_is_refused_with_the_field(body: bytes, message: str, param: str | None) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_call(body, Path("messages"))
    assert message in caught.value.message
    assert caught.value.param == param


@pytest.mark.parametrize(("text", "stream"), [("true", True), ("false", False), ("null", False)])
def test_stream_is_a_flag_of_the_one_operation_that_answers(text: str, stream: bool) -> None:
    body = b'{"model":"a","stream":%b}' % text.encode()
    assert read_call(body, Path("messages")).stream is stream
    assert not read_call(body, Path("messages/count_tokens")).stream


def test_usage_is_always_a_part_of_answers() -> None:
    assert read_call(b'{"model":"a"}', Path("messages")).wants_usage


def test_other_operations_may_name_no_model() -> None:
    call = read_call(b'{"requests":[]}', Path("messages/batches", model="from the route"))
    assert call.model == "from the route"
    assert address(call, "b") is call.document.body


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("messages", "generate"),
        ("messages/count_tokens", "count"),
        ("messages/batches", "native"),
        ("messages/batches/x/cancel", "native"),
    ],
)
def test_what_an_operation_is_for(operation: str, expected: str) -> None:
    assert kind(operation) == expected


def test_only_the_model_is_edited() -> None:
    body = b'{"mo\\u0064el": "\\u0061", "max_tokens":1.0,"x":[1 ]}'
    call = read_call(body, Path("messages"))
    assert call.model == "a"
    assert address(call, "a") is body
    assert address(call, "b") == body.replace(b'"\\u0061"', b'"b"')
    assert json.loads(address(call, 'q"\\é'))["model"] == 'q"\\é'


def test_the_query_goes_along_as_it_came() -> None:
    assert target(read_call(b'{"model":"a"}', Path("messages"))) == "messages"
    call = read_call(b'{"model":"a"}', Path("messages/count_tokens", query="beta=true&x=%20"))
    assert target(call) == "messages/count_tokens?beta=true&x=%20"


def test_the_content_type_tells_a_stream() -> None:
    assert is_stream(b"text/event-stream; charset=utf-8")
    assert not is_stream(b"application/json")
