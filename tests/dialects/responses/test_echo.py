"""What a response repeats: the client's own words, and the usual ones where it said nothing."""

import json

from msgspec import Raw
from openai.types.responses import Response
from pydantic import TypeAdapter

from llm_gateway.dialects.responses.echo import NOTHING, echo_of
from llm_gateway.wire.jsonedit import Document


def echo(body: bytes) -> dict[str, object]:
    value = json.loads("{" + echo_of(Document.parse(body).fields) + "}")
    assert isinstance(value, dict)
    return value


def test_nothing_said_is_what_is_usual() -> None:
    usual = json.loads("{" + NOTHING + "}")
    assert echo(b"{}") == usual == echo(b'{"temperature":null,"service_tier":"auto","truncation":null}')
    assert (usual["store"], usual["tool_choice"], usual["tools"]) == (False, "auto", [])
    needed = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": []}
    TypeAdapter(Response).validate_python({**usual, **needed})


def test_what_was_said_is_repeated_as_it_was_written() -> None:
    body = (
        b'{"temperature":1.50,"tool_choice":"none","tools":[{"a":1e3}],"store":true,"input":"x","model":"m"}'
    )
    assert '"temperature":1.50' in echo_of(Document.parse(body).fields)
    assert '"tools":[{"a":1e3}]' in echo_of(Document.parse(body).fields)
    told = echo(body)
    assert (told["tool_choice"], told["store"]) == ("none", False)
    assert "input" not in told and "model" not in told


def test_what_is_dealt_with_here_is_repeated_though_the_request_no_longer_has_it() -> None:
    said = {"previous_response_id": Raw(b'"resp_1"'), "store": Raw(b"true")}
    told = json.loads("{" + echo_of({}, said) + "}")
    assert (told["previous_response_id"], told["store"]) == ("resp_1", True)
    usual = json.loads("{" + NOTHING + "}")
    assert {**told, "previous_response_id": None, "store": False} == usual


def test_a_function_has_every_member_that_clients_read() -> None:
    """The vendor's server fills in what a request does not say of its tools; others are left alone."""
    short = '{"type":"function","name":"a","parameters":{"x":1e3}}'
    full = '{"strict":false, "type":"function","name":"b","description":"","parameters":null}'
    other = '{"type":"custom","name":"c"}'
    body = f'{{"tools":[{short},{full} , {other}]}}'.encode()
    text = echo_of(Document.parse(body).fields)
    filled = short[:-1] + ',"description":null,"strict":null}'
    assert f'"tools":[{filled},{full},{other}]' in text
    untouched = f"[{full} , {other}]"
    assert f'"tools":{untouched}' in echo_of(Document.parse(f'{{"tools":{untouched}}}'.encode()).fields)


def test_tools_of_another_shape_are_repeated_all_the_same() -> None:
    for tools in ("{}", "[1,null]", '[{"type":1}]', "[{}]"):
        assert f'"tools":{tools}' in echo_of(Document.parse(f'{{"tools":{tools}}}'.encode()).fields)
