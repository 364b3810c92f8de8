"""Google's schemas read into JSON Schema."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.gemini.schemas import parameters_schema, read_json_schema, read_schema


def read(schema: object) -> object:
    value: object = json.loads(bytes(read_schema(Raw(json.dumps(schema).encode()), Losses(), "x")))
    return value


@pytest.mark.parametrize(
    ("own", "standard"),
    [
        ({"type": "STRING"}, {"type": "string"}),
        ({"type": "TYPE_UNSPECIFIED"}, {}),
        ({"type": ["STRING", "NULL"]}, {"type": ["string", "null"]}),
        ({"type": "STRING", "format": "enum", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
        ({"type": "STRING", "format": "date-time"}, {"type": "string", "format": "date-time"}),
        ({"type": "INTEGER", "nullable": True}, {"type": ["integer", "null"]}),
        (
            {"type": "STRING", "enum": ["a"], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"anyOf": [{"type": "NUMBER"}], "nullable": True},
            {"anyOf": [{"type": "number"}, {"type": "null"}]},
        ),
        (
            {"oneOf": [{"type": "NUMBER"}], "nullable": True, "title": "t"},
            {"oneOf": [{"type": "number"}, {"type": "null"}], "title": "t"},
        ),
        ({"type": ["STRING", "INTEGER"], "nullable": True}, {"type": ["string", "integer", "null"]}),
        ({"type": ["STRING", "NULL"], "nullable": True}, {"type": ["string", "null"]}),
        (
            {"type": "STRING", "anyOf": [{"minLength": "1"}], "nullable": True},
            {"type": ["string", "null"], "anyOf": [{"minLength": 1}, {"type": "null"}]},
        ),
        (
            {"$ref": "#/$defs/a", "description": "d", "nullable": True},
            {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}], "description": "d"},
        ),
        (
            {"allOf": [{"type": "OBJECT"}], "oneOf": [{"minProperties": "1"}], "nullable": True},
            {"anyOf": [{"allOf": [{"type": "object"}], "oneOf": [{"minProperties": 1}]}, {"type": "null"}]},
        ),
        ({"enum": ["a"], "nullable": True}, {"enum": ["a", None]}),
        ({"description": "anything", "nullable": True}, {"description": "anything"}),
        (
            {"type": "ARRAY", "items": {"type": "BOOLEAN"}, "min_items": "2"},
            {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
        ),
        ({"example": 5}, {"examples": [5]}),
        (
            {"defs": {"a": {"type": "OBJECT"}}, "ref": "#/defs/a"},
            {"$defs": {"a": {"type": "object"}}, "$ref": "#/defs/a"},
        ),
        (
            {"additionalProperties": False, "default": "STRING"},
            {"additionalProperties": False, "default": "STRING"},
        ),
        ({"$ref": "#/$defs/a_b", "any_of": []}, {"$ref": "#/$defs/a_b", "any_of": []}),
    ],
)
def test_what_means_the_same(own: object, standard: object) -> None:
    assert read(own) == standard


def test_names_of_properties_are_left_alone_and_put_into_order() -> None:
    own = {
        "type": "OBJECT",
        "properties": {"first_name": {"type": "STRING"}, "type": {"type": "STRING"}, "z": {}},
        "propertyOrdering": ["z", "type", "missing"],
        "required": ["z"],
    }
    told = read(own)
    assert told == {
        "type": "object",
        "properties": {"z": {}, "type": {"type": "string"}, "first_name": {"type": "string"}},
        "required": ["z"],
    }
    assert list(json.loads(json.dumps(told))["properties"]) == ["z", "type", "first_name"]


def test_json_schema_is_left_as_it_is_unless_it_shouts() -> None:
    plain = Raw(b'{ "type": "object", "properties": {"a_b": {"nullable": true}} }')
    assert read_json_schema(plain, Losses(), "x") is plain
    loud = read_json_schema(
        Raw(b'{"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}'), Losses(), "x"
    )
    assert json.loads(bytes(loud)) == {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "told", "lost"),
    [
        ({"properties": {}}, {"type": "object", "properties": {}}, False),
        ({"type": ["object", "null"], "title": "t"}, {"type": "object", "title": "t"}, False),
        ({"type": "string"}, {"type": "object"}, True),
        (True, {"type": "object"}, True),
    ],
)
def test_parameters_are_an_object(schema: object, told: object, lost: bool) -> None:
    losses = Losses()
    found = parameters_schema(Raw(json.dumps(schema).encode()), losses)
    assert found == told
    assert [loss.what for loss in losses.found()] == ["tools.parameters"] * lost
    usual = Raw(b'{ "type": "object" }')
    assert parameters_schema(usual, losses) is usual


def test_what_is_no_object_stays() -> None:
    assert read_schema(Raw(b"true"), Losses(), "x") == Raw(b"true")


def test_what_is_nested_too_deeply_is_lost() -> None:
    schema: dict[str, object] = {}
    for _ in range(100):
        schema = {"items": schema}
    losses = Losses()
    read_schema(Raw(json.dumps(schema).encode()), losses, "tools.parameters")
    assert [loss.what for loss in losses.found()] == ["tools.parameters"]


SCHEMAS: st.SearchStrategy[dict[str, object]] = st.recursive(
    st.sampled_from([{"type": "STRING"}, {"type": "INTEGER"}, {"type": "BOOLEAN"}, {"enum": ["a", "b"]}]),
    lambda inner: (
        st.builds(lambda part: {"type": "ARRAY", "items": part}, inner)
        | st.builds(
            lambda parts: {"type": "OBJECT", "properties": parts},
            st.dictionaries(st.text(min_size=1), inner, max_size=3),
        )
    ),
    max_leaves=6,
)


@given(SCHEMAS)
def test_nothing_but_types_changes(schema: dict[str, object]) -> None:
    assert json.dumps(read(schema)).lower() == json.dumps(schema).lower()
    assert read(read(schema)) == read(schema)
