"""Tools and the choice among them, in every form that clients send."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import CustomTool, FunctionTool, Tool, ToolChoice
from llm_gateway.dialects.chat.tools import read_choice, read_tools, write_choice, write_tools
from llm_gateway.errors import MalformedRequest
from llm_gateway.wire.jsonedit import Document

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
ADD = {"type": "function", "function": {"name": "add", "description": "Add.", "parameters": SCHEMA}}


# JSON as a client sends it: of any shape.
def fields(**members: Any) -> dict[str, Raw]:
    return Document.parse(json.dumps(members).encode()).fields


def read(**members: Any) -> tuple[tuple[Tool, ...], list[str]]:
    losses = Losses()
    return read_tools(fields(**members), losses), [loss.what for loss in losses.found()]


def choice(**members: Any) -> tuple[ToolChoice, list[str]]:
    losses = Losses()
    return read_choice(fields(**members), losses), [loss.what for loss in losses.found()]


def function(name: str = "add", description: str = "", strict: bool | None = None) -> FunctionTool:
    return FunctionTool(name, description, Raw(json.dumps(SCHEMA).encode()), strict)


def written(tools: tuple[Tool, ...], chosen: ToolChoice, losses: Losses) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(write_tools(tools, chosen, losses)))
    return told


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (ADD, function(description="Add.")),
        ({"function": {"name": "add", "parameters": SCHEMA, "strict": True}}, function(strict=True)),
        ({"type": "function", "function": {"name": "now", "parameters": None}}, FunctionTool("now")),
        ({"type": "function", "name": "add", "parameters": SCHEMA, "strict": False}, function(strict=False)),
        ({"type": "custom", "custom": {"name": "sh", "description": "Run."}}, CustomTool("sh", "Run.")),
        ({"type": "custom", "custom": {"name": "sh", "format": {"type": "text"}}}, CustomTool("sh")),
        (
            {
                "type": "custom",
                "custom": {
                    "name": "sh",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}},
                },
            },
            CustomTool("sh", "", "lark", "start: x"),
        ),
        (
            {
                "type": "custom",
                "custom": {"name": "sh", "format": {"type": "grammar", "syntax": "regex", "definition": "x"}},
            },
            CustomTool("sh", "", "regex", "x"),
        ),
    ],
)
def test_a_tool_is_read(tool: object, expected: Tool) -> None:
    assert read(tools=[tool]) == ((expected,), [])


def test_a_schema_keeps_its_bytes() -> None:
    body = b'{"tools":[{"type":"function","function":{"name":"a","parameters":{ "x" : 1.0 }}}]}'
    (tool,) = read_tools(Document.parse(body).fields, Losses())
    assert isinstance(tool, FunctionTool)
    assert bytes(tool.schema or b"") == b'{ "x" : 1.0 }'


def test_functions_of_old_are_tools() -> None:
    assert read(functions=[{"name": "add", "parameters": SCHEMA}]) == ((function(),), [])
    assert read() == ((), [])
    assert read(tools=None, functions=None) == ((), [])


@pytest.mark.parametrize(
    ("tool", "lost"),
    [
        ({**ADD, "cache_control": {"type": "ephemeral"}}, "tools.cache_control"),
        ({"function": {"name": "add", "cache": 1}}, "tools.cache"),
        ({"type": "function", "name": "add", "cache": 1}, "tools.cache"),
        ({"type": "custom", "custom": {"name": "sh", "extra": 1}}, "tools.extra"),
        ({"type": "custom", "custom": {"name": "sh", "format": {"type": "ebnf"}}}, "tools.format"),
        ({"type": "web_search", "filters": {}}, "tools.web_search"),
    ],
)
def test_what_has_no_place_is_reported(tool: object, lost: str) -> None:
    assert read(tools=[tool])[1] == [lost]


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [7]}, "tools"),
        ({"tools": [{}]}, "tools[0]"),
        ({"tools": [ADD, {"type": "custom"}]}, "tools[1]"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [{"type": 7}]}, "tools[0].type"),
        ({"tools": [{"function": "add"}]}, "tools[0].function"),
        ({"tools": [{"function": {}}]}, "tools[0].name"),
        ({"tools": [{"function": {"name": ""}}]}, "tools[0].name"),
        ({"tools": [{"function": {"name": "a", "description": 7}}]}, "tools[0].description"),
        ({"functions": [{}]}, "functions[0].name"),
    ],
)
def test_what_is_no_tool_is_refused_with_its_place(members: dict[str, object], param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(**members)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ("any", ToolChoice("required")),
        ({"type": "function", "function": {"name": "add"}}, ToolChoice("named", ("add",))),
        ({"type": "custom", "custom": {"name": "sh"}}, ToolChoice("named", ("sh",))),
        ({"type": "function", "name": "add"}, ToolChoice("named", ("add",))),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [
                        {"type": "function", "function": {"name": "add"}},
                        {"type": "custom", "custom": {"name": "sh"}},
                        {"type": "function", "name": "sub"},
                    ],
                },
            },
            ToolChoice("required", ("add", "sh", "sub")),
        ),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}, ToolChoice()),
    ],
)
def test_a_choice_is_read(told: object, expected: ToolChoice) -> None:
    assert choice(tool_choice=told) == (expected, [])


def test_the_choice_of_old_is_read() -> None:
    assert choice(function_call="none") == (ToolChoice("none"), [])
    assert choice(function_call={"name": "add"}) == (ToolChoice("named", ("add",)), [])


@pytest.mark.parametrize("parallel", [True, False])
def test_one_call_at_a_time_is_a_part_of_the_choice(parallel: bool) -> None:
    for told in ("auto", "none", "required"):
        assert choice(tool_choice=told, parallel_tool_calls=parallel)[0].parallel is parallel


def test_a_choice_that_others_do_not_have_is_reported() -> None:
    assert choice(tool_choice={"type": "web_search"}) == (ToolChoice(), ["tool_choice"])
    allowed = {"type": "allowed_tools", "allowed_tools": {"tools": [{"type": "web_search"}]}}
    assert choice(tool_choice=allowed) == (ToolChoice(), ["tool_choice.allowed_tools"])


@pytest.mark.parametrize("told", [7, "sometimes", {}, {"type": "function"}, {"name": "add"}, ["auto"]])
def test_what_is_no_choice_is_refused(told: object) -> None:
    with pytest.raises(MalformedRequest) as caught:
        choice(tool_choice=told)
    assert caught.value.param == "tool_choice"


def test_tools_are_written_as_functions() -> None:
    losses = Losses()
    tools = (
        function(description="Add.", strict=False),
        FunctionTool("now"),
        CustomTool("sh", "", "lark", "start: x"),
    )
    told = written(tools, ToolChoice(), losses)
    assert told[0]["function"] == {
        "name": "add",
        "description": "Add.",
        "parameters": SCHEMA,
        "strict": False,
    }
    assert told[1]["function"] == {"name": "now", "parameters": {"type": "object", "properties": {}}}
    assert told[2]["type"] == "function" and told[2]["function"]["parameters"]["required"] == ["input"]
    assert "start: x" in told[2]["function"]["description"]
    assert [loss.what for loss in losses.found()] == ["tools.grammar"]


def test_only_the_allowed_tools_are_written() -> None:
    tools = (function("a"), function("b"), CustomTool("c"))
    for chosen in (ToolChoice("auto", ("b", "c")), ToolChoice("required", ("b", "c"))):
        assert [tool["function"]["name"] for tool in written(tools, chosen, Losses())] == ["b", "c"]
    assert len(write_tools(tools, ToolChoice("named", ("b",)), Losses())) == 3


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (ToolChoice(), {}),
        (ToolChoice("none"), {"tool_choice": "none"}),
        (ToolChoice("required", parallel=False), {"tool_choice": "required", "parallel_tool_calls": False}),
        (
            ToolChoice("named", ("add",)),
            {"tool_choice": {"type": "function", "function": {"name": "add"}}},
        ),
    ],
)
def test_a_choice_is_written(chosen: ToolChoice, told: object) -> None:
    losses = Losses()
    assert write_choice(chosen, losses) == told
    assert not losses.found()


def test_one_of_several_named_tools_cannot_be_said() -> None:
    losses = Losses()
    assert write_choice(ToolChoice("named", ("a", "b")), losses) == {"tool_choice": "required"}
    assert [loss.what for loss in losses.found()] == ["tool_choice.names"]
