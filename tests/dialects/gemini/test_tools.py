"""Tools and the choice among them, read and written."""

import json
from typing import Any

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import CustomTool, FunctionTool, Tool, ToolChoice
from llm_gateway.dialects.gemini.tools import read_choice, read_tools, write_choice, write_tools
from llm_gateway.errors import MalformedRequest


def raw(value: object) -> Raw:
    return Raw(json.dumps(value).encode())


# JSON as a client sends it: of any shape.
def tools(*groups: Any) -> tuple[tuple[FunctionTool, ...], list[str]]:
    losses = Losses()
    return read_tools({"tools": raw(list(groups))}, losses), [loss.what for loss in losses.found()]


def choice(**calling: Any) -> tuple[ToolChoice, list[str]]:
    losses = Losses()
    found = read_choice({"toolConfig": raw({"functionCallingConfig": calling})}, losses)
    return found, [loss.what for loss in losses.found()]


def test_functions_are_read() -> None:
    found, lost = tools(
        {
            "functionDeclarations": [
                {"name": "a", "description": "d", "parameters": {"type": "OBJECT"}},
                {"name": "b", "parametersJsonSchema": {"type": "object", "x": 1}},
            ]
        },
        {"function_declarations": {"name": "c", "parameters_json_schema": None, "behavior": "BLOCKING"}},
    )
    assert [(tool.name, tool.description) for tool in found] == [("a", "d"), ("b", ""), ("c", "")]
    schemas = [json.loads(bytes(tool.schema)) if tool.schema is not None else None for tool in found]
    assert schemas == [{"type": "object"}, {"type": "object", "x": 1}, None]
    assert lost == []
    assert read_tools({}, Losses()) == () and read_tools({"tools": raw(None)}, Losses()) == ()
    assert read_tools({"tools": raw({"functionDeclarations": [{"name": "a"}]})}, Losses()) == (
        FunctionTool("a"),
    )


def test_what_other_dialects_do_not_have_is_lost() -> None:
    found, lost = tools(
        {"googleSearch": {}, "code_execution": {}, "functionDeclarations": []},
        {"urlContext": None},
        {
            "functionDeclarations": [
                {
                    "name": "a",
                    "response_json_schema": {"type": "integer"},
                    "behavior": "NON_BLOCKING",
                    "new": 1,
                }
            ]
        },
    )
    assert [tool.name for tool in found] == ["a"]
    assert lost == [
        "tools.googleSearch",
        "tools.codeExecution",
        "tools.new",
        "tools.response",
        "tools.behavior",
    ]


@pytest.mark.parametrize(
    "told", [5, [5], [{"functionDeclarations": 5}], [{"functionDeclarations": [{"description": "x"}]}]]
)
def test_what_is_no_tool_is_refused(told: object) -> None:
    with pytest.raises(MalformedRequest, match="tools"):
        read_tools({"tools": raw(told)}, Losses())


@pytest.mark.parametrize(
    ("calling", "wanted"),
    [
        ({}, ToolChoice()),
        ({"mode": "AUTO"}, ToolChoice()),
        ({"mode": "MODE_UNSPECIFIED"}, ToolChoice()),
        ({"mode": "none"}, ToolChoice("none")),
        ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "ANY", "allowedFunctionNames": ["a"]}, ToolChoice("named", ("a",))),
        ({"mode": "ANY", "allowed_function_names": ["a", "b"]}, ToolChoice("required", ("a", "b"))),
    ],
)
def test_choices(calling: dict[str, object], wanted: ToolChoice) -> None:
    assert choice(**calling) == (wanted, [])


def test_choices_that_cannot_be_made_elsewhere_are_lost() -> None:
    where = "toolConfig.functionCallingConfig"
    assert choice(mode="VALIDATED", allowedFunctionNames=["a"]) == (
        ToolChoice("auto", ("a",)),
        [f"{where}.mode"],
    )
    assert choice(mode="NEW", streamFunctionCallArguments=True) == (
        ToolChoice(),
        [f"{where}.streamFunctionCallArguments", f"{where}.mode"],
    )
    losses = Losses()
    read_choice({"toolConfig": raw({"retrievalConfig": {"languageCode": "de"}})}, losses)
    assert [loss.what for loss in losses.found()] == ["toolConfig.retrievalConfig"]
    assert read_choice({}, Losses()) == ToolChoice()


def test_writing_tools() -> None:
    losses = Losses()
    schema = Raw(b'{"type":"object"}')
    offered = (
        FunctionTool("a", "d", schema, strict=True),
        FunctionTool("b/c"),
        CustomTool("t", "x", "lark", "start: /.+/"),
    )
    told = write_tools(offered, ToolChoice(), losses)
    assert told[0] == {"name": "a", "description": "d", "parametersJsonSchema": schema}
    assert told[1] == {"name": "_b-2f-c-lgw1"}
    assert told[2]["name"] == "t" and "lark" in str(told[2]["description"])
    assert [loss.what for loss in losses.found()] == ["tools.strict", "tools.grammar"]
    only = write_tools(offered, ToolChoice("auto", ("b/c",)), losses)
    assert [each["name"] for each in only] == ["_b-2f-c-lgw1"]
    assert len(write_tools(offered, ToolChoice("required", ("a",)), losses)) == 3


@pytest.mark.parametrize(
    ("wanted", "calling"),
    [
        (ToolChoice(), None),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("required", ("a", "b")), {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}),
        (ToolChoice("named", ("1",)), {"mode": "ANY", "allowedFunctionNames": ["_1-lgw1"]}),
    ],
)
def test_writing_a_choice(wanted: ToolChoice, calling: object) -> None:
    losses = Losses()
    told = write_choice(wanted, [FunctionTool("a"), FunctionTool("b"), FunctionTool("1")], losses)
    assert (told["functionCallingConfig"] if told else None) == calling
    assert not losses.found()


def test_names_of_tools_that_are_not_offered_are_not_told() -> None:
    losses = Losses()
    offered: tuple[Tool, ...] = (FunctionTool("a"), CustomTool("t"))
    told = write_choice(ToolChoice("required", ("t", "gone")), offered, losses)
    assert told == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["t"]}}
    assert not losses.found()
    assert write_choice(ToolChoice("named", ("gone",)), offered, losses) is None
    assert [loss.what for loss in losses.found()] == ["tool_choice"]


def test_a_choice_that_allows_no_tool_loses_them() -> None:
    losses = Losses()
    assert write_tools([FunctionTool("a")], ToolChoice("auto", ("gone",)), losses) == []
    assert [loss.what for loss in losses.found()] == ["tools"]


def test_one_call_at_a_time_cannot_be_asked_for() -> None:
    losses = Losses()
    write_choice(ToolChoice(parallel=False), (), losses)
    write_choice(ToolChoice(parallel=True), (), losses)
    assert [loss.what for loss in losses.found()] == ["parallel_tool_calls"]
