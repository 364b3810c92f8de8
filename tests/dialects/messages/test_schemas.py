"""Schemas that this dialect takes."""

import json

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.messages.schemas import answer_schema, input_schema


def raw(value: object) -> Raw:
    return Raw(json.dumps(value).encode())


def answer(schema: object) -> tuple[object, list[str]]:
    losses = Losses()
    return answer_schema(raw(schema), losses), [loss.what for loss in losses.found()]


def test_a_schema_of_an_object_goes_along_byte_for_byte() -> None:
    schema = Raw(b'{ "type":"object","properties":{"a":{"minimum":1.0}} }')
    losses = Losses()
    assert input_schema(schema, losses) is schema
    assert losses.found() == ()


@pytest.mark.parametrize(
    ("schema", "written", "lost"),
    [
        ({}, {"type": "object"}, []),
        ({"properties": {"a": {}}}, {"properties": {"a": {}}, "type": "object"}, []),
        ({"type": "object", "anyOf": [{}]}, {"type": "object"}, ["tools.parameters"]),
        ({"type": "string"}, {"type": "object"}, ["tools.parameters"]),
        ([], {"type": "object", "properties": {}}, ["tools.parameters"]),
    ],
)
def test_the_input_of_a_tool_is_an_object(schema: object, written: object, lost: list[str]) -> None:
    losses = Losses()
    told = input_schema(raw(schema), losses)
    assert (json.loads(bytes(told)) if isinstance(told, Raw) else told) == written
    assert [loss.what for loss in losses.found()] == lost


def test_a_tool_without_a_schema_takes_nothing() -> None:
    assert json.loads(bytes(input_schema(None, Losses()))) == {"type": "object", "properties": {}}  # type: ignore[arg-type]


def test_an_answers_schema_that_is_taken_stays() -> None:
    schema = {
        "type": "object",
        "title": "T",
        "properties": {
            "a": {"type": ["string", "null"], "description": "d"},
            "b": {"type": "array", "items": {"$ref": "#/$defs/x"}, "minItems": 1},
            "c": {"anyOf": [{"const": 1}, {"enum": ["x"]}]},
            "d": {"type": "string", "format": "date"},
        },
        "required": ["a"],
        "additionalProperties": False,
        "$defs": {"x": {"type": "integer"}},
    }
    assert answer(schema) == (schema, [])


def test_objects_are_closed() -> None:
    told, lost = answer({"type": "object", "$schema": "x", "properties": {"a": {"type": "object"}}})
    assert told == {
        "type": "object",
        "properties": {"a": {"type": "object", "additionalProperties": False}},
        "additionalProperties": False,
    }
    assert lost == []
    told, lost = answer({"type": "object", "additionalProperties": {"type": "string"}})
    assert told == {"type": "object", "additionalProperties": False}
    assert lost == ["response_format.additionalProperties"]


def test_rules_that_cannot_be_said_are_told_to_the_model() -> None:
    told, lost = answer({"type": "integer", "minimum": 1, "description": "A number."})
    assert told == {"type": "integer", "description": 'A number.\n\n{"minimum":1}'}
    assert lost == ["response_format.schema"]
    told, _ = answer({"type": "string", "format": "color", "pattern": "^#", "oneOf": [{"minLength": 1}]})
    assert told == {
        "type": "string",
        "anyOf": [{"description": '{"minLength":1}'}],
        "description": '{"format":"color","pattern":"^#"}',
    }
    told, _ = answer({"type": "array", "minItems": 2})
    assert told == {"type": "array", "description": '{"minItems":2}'}


def test_a_property_may_have_the_name_of_a_rule() -> None:
    schema = {"type": "object", "properties": {"minimum": {"type": "integer"}}, "additionalProperties": False}
    assert answer(schema) == (schema, [])


def test_what_is_no_schema_is_none() -> None:
    assert answer([]) == (None, [])


def test_a_schema_that_has_no_end_is_cut_short() -> None:
    schema: dict[str, object] = {"minimum": 1}
    for _ in range(200):
        schema = {"items": schema}
    assert answer(schema)[1] == []
