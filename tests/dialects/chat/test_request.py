"""Reading a call: what is wrong with it is said with the field at fault."""

import json

import pytest

from llm_gateway.dialects.chat.request import address, is_stream, kind, read_call, target
from llm_gateway.dialects.contract import Path
from llm_gateway.errors import MalformedRequest


def refusal(body: bytes, operation: str = "chat/completions") -> tuple[str, str | None]:
    with pytest.raises(MalformedRequest) as caught:
        read_call(body, Path(operation))
    assert caught.value.status == 400
    return caught.value.message, caught.value.param


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        (b"", "empty", None),
        (b"{", "not valid JSON", None),
        (b"[]", "JSON object", None),
        (b'{"model":"a","model":"b"}', "'model' comes twice", None),
        (b"{}", "`model` is missing", "model"),
        (b'{"model":null}', "must be a string", "model"),
        (b'{"model":5}', "must be a string", "model"),
        (b'{"model":["a"]}', "must be a string", "model"),
        (b'{"model":"\xff"}', "must be a string", "model"),
        (b'{"model":""}', "is empty", "model"),
        (b'{"model":"  "}', "is empty", "model"),
        (b'{"model":"a\\nb"}', "cannot be printed", "model"),
        (b'{"model":"a\\r\\nset-cookie: x"}', "cannot be printed", "model"),
        (b'{"model":"' + b"x" * 513 + b'"}', "longer than 512", "model"),
        (b'{"model":"a","stream":"yes"}', "true or false", "stream"),
        (b'{"model":"a","stream":1}', "true or false", "stream"),
    ],
)
def test_a_bad_call_is_refused_with_the_field(body: bytes, message: str, param: str | None) -> None:
    told, field = refusal(body)
    assert message in told
    assert field == param


@pytest.mark.parametrize(
    ("text", "stream"), [("true", True), ("false", False), ("null", False)], ids=["true", "false", "null"]
)
def test_stream_is_a_flag(text: str, stream: bool) -> None:
    assert read_call(b'{"model":"a","stream":%b}' % text.encode(), Path("completions")).stream is stream


def test_embeddings_never_stream() -> None:
    call = read_call(b'{"model":"a","stream":true,"input":"x"}', Path("embeddings"))
    assert not call.stream
    assert address(call, "a", ask_usage=True) is call.document.body


@pytest.mark.parametrize(
    ("options", "wants"),
    [
        ('{"include_usage":true}', True),
        ('{ "include_usage" : true , "x":1}', True),
        ('{"include_usage":false}', False),
        ("{}", False),
        ("null", False),
        ('"yes"', False),
        ('{"include_usage":true,"include_usage":false}', False),
    ],
)
def test_asking_for_usage_is_noticed(options: str, wants: bool) -> None:
    body = f'{{"model":"a","stream":true,"stream_options":{options}}}'.encode()
    assert read_call(body, Path("chat/completions")).wants_usage is wants


def test_usage_is_not_wanted_without_a_stream() -> None:
    assert not read_call(
        b'{"model":"a","stream_options":{"include_usage":true}}', Path("chat/completions")
    ).wants_usage


@pytest.mark.parametrize(
    ("options", "becomes"),
    [
        (b'{"include_usage":false}', b'{"include_usage":true}'),
        (b'{ "include_usage": false, "x": [1 ]}', b'{ "include_usage": true, "x": [1 ]}'),
        (b"{}", b'{"include_usage":true}'),
        (b"null", b'{"include_usage":true}'),
        (b'"yes"', b'"yes"'),  # the upstream's to refuse
    ],
)
def test_usage_is_asked_for_beside_what_the_client_set(options: bytes, becomes: bytes) -> None:
    body = b'{"stream":true,"stream_options":%b,"model":"a"}'
    call = read_call(body % options, Path("chat/completions"))
    assert address(call, "a", ask_usage=True) == body % becomes


def test_an_escaped_spelling_of_the_same_model_stays() -> None:
    body = b'{"mo\\u0064el":"\\u0061","n":1}'
    call = read_call(body, Path("chat/completions"))
    assert call.model == "a"
    assert address(call, "a", ask_usage=False) is body
    assert address(call, "b", ask_usage=False) == b'{"mo\\u0064el":"b","n":1}'


def test_a_model_name_is_written_as_json() -> None:
    call = read_call(b'{"model":"a"}', Path("chat/completions"))
    assert json.loads(address(call, 'q"\\é', ask_usage=False)) == {"model": 'q"\\é'}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [("chat/completions", "generate"), ("embeddings", "embed"), ("completions", "native"), ("x", "native")],
)
def test_completions_without_messages_are_like_nothing_elsewhere(operation: str, expected: str) -> None:
    assert kind(operation) == expected


def test_a_query_goes_along_as_it_came() -> None:
    body = b'{"model":"a"}'
    assert target(read_call(body, Path("completions"))) == "completions"
    call = read_call(body, Path("chat/completions", query="api-version=2&x=%20"))
    assert target(call) == "chat/completions?api-version=2&x=%20"


def test_the_content_type_tells_a_stream() -> None:
    assert is_stream(b"text/event-stream; charset=utf-8")
    assert not is_stream(b"application/json")
