"""The model that behaves: it obeys, by rules, and in every dialect alike."""

import json

import pytest

from behaving.model import Asked, Calling, Saying, answer, filled
from clients_e2e.speech import Tool

ADD = Tool("add", {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}})
NAME = Tool("name", {"properties": {"it": {"type": "string"}}})


def says(text: str, **fields: object) -> Saying | Calling:
    tools, choice, schema = fields.get("tools", ()), fields.get("choice"), fields.get("schema")
    assert isinstance(tools, tuple) and (schema is None or isinstance(schema, dict))
    return answer(Asked({"messages": [{"role": "user", "content": text}]}, tools, choice, schema))


def test_a_tool_is_called_with_what_was_said() -> None:
    assert says("What is 3 + 4?", tools=(ADD, NAME)) == Calling("add", {"a": 3, "b": 4})
    assert says("Find a name for '你好'.", tools=(ADD, NAME)) == Calling("name", {"it": "你好"})
    assert says("Hello!", tools=(ADD, NAME), choice={"function": {"name": "name"}}) == Calling(
        "name", {"it": "Hello!"}
    )


@pytest.mark.parametrize(("choice", "calls"), [("auto", False), ("required", True), ("none", False)])
def test_after_a_result_a_tool_is_called_only_by_force(choice: str, calls: bool) -> None:
    result = {"role": "tool", "tool_call_id": "call_1", "content": "7"}
    body = {"messages": [{"role": "user", "content": "3 + 4?"}, result]}
    assert isinstance(answer(Asked(body, (ADD,), choice)), Calling) is calls


def test_an_answer_is_of_the_schema() -> None:
    schema = {
        "$defs": {"Kind": {"enum": ["cat", "dog"]}},
        "properties": {
            "kind": {"$ref": "#/$defs/Kind"},
            "age": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "well": {"type": "boolean"},
        },
    }
    whole = {"kind": "cat", "age": 7, "tags": ["Mimi"], "well": True}
    assert filled(schema, "A cat of 7 named 'Mimi'") == whole
    said = says("A cat of 7 named 'Mimi'", schema=schema)
    assert isinstance(said, Saying) and json.loads(said.text) == whole
    free = says("JSON with 'setup' and 'punchline' keys", schema={})
    assert isinstance(free, Saying) and set(json.loads(free.text)) == {"setup", "punchline"}
