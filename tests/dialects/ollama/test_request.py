"""Reading a call: what is wrong with it is said with the field at fault."""

import pytest

from llm_gateway.dialects.contract import Call, Path
from llm_gateway.dialects.ollama.request import address, is_stream, kind, read_call, target
from llm_gateway.errors import MalformedRequest


def called(body: bytes, operation: str = "chat", query: str = "") -> Call:
    return read_call(body, Path(operation, query=query))


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
        (b'{"model":"a\\nb"}', "cannot be printed", "model"),
        (b'{"model":"' + b"x" * 513 + b'"}', "longer than 512", "model"),
        (b'{"model":"a","stream":"yes"}', "true or false", "stream"),
        (b'{"model":"a","stream":0}', "true or false", "stream"),
    ],
)
def test_a_bad_call_is_refused_with_the_field(body: bytes, message: str, param: str | None) -> None:
    with pytest.raises(MalformedRequest) as caught:
        called(body)
    assert message in caught.value.message
    assert caught.value.param == param


@pytest.mark.parametrize("operation", ["chat", "generate", "pull"])
def test_streaming_is_the_rule(operation: str) -> None:
    assert called(b'{"model":"a"}', operation).stream
    assert called(b'{"model":"a","stream":null}', operation).stream
    assert called(b'{"model":"a","stream":true}', operation).stream
    assert not called(b'{"model":"a","stream":false}', operation).stream


@pytest.mark.parametrize("operation", ["embed", "embeddings", "show"])
def test_what_has_no_pieces_never_streams(operation: str) -> None:
    assert not called(b'{"model":"a","stream":true}', operation).stream


def test_only_the_model_changes() -> None:
    body = b'{ "mod\\u0065l" : "a", "options": {"model": "a"} }'
    call = called(body)
    assert call.wants_usage  # it comes unasked
    assert address(call, "a") is body
    assert address(call, "b:q4") == b'{ "mod\\u0065l" : "b:q4", "options": {"model": "a"} }'


def test_older_clients_name_the_model_by_name() -> None:
    body = b'{"name":"a"}'
    call = called(body, "show")
    assert call.model == "a"
    assert address(call, "a") is body
    assert address(call, "b") == b'{"name":"b"}'
    assert called(b'{"name":"x","model":"a"}', "show").model == "a"


def test_where_a_call_goes() -> None:
    assert target(called(b'{"model":"a"}')) == "chat"
    assert target(called(b'{"model":"a"}', "embed", "x=%20")) == "embed?x=%20"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("chat", "generate"),
        ("generate", "generate"),
        ("embed", "embed"),
        ("embeddings", "embed"),
        ("show", "native"),
    ],
)
def test_kinds(operation: str, expected: str) -> None:
    assert kind(operation) == expected


def test_lines_of_json_are_a_stream_by_either_name() -> None:
    streaming, whole = called(b'{"model":"a"}'), called(b'{"model":"a","stream":false}')
    assert is_stream(streaming, b"application/x-ndjson") and is_stream(whole, b"application/x-ndjson")
    assert is_stream(streaming, b"application/json; charset=utf-8")
    assert not is_stream(whole, b"application/json; charset=utf-8")
    assert not is_stream(streaming, b"text/html")
