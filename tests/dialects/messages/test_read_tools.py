"""Tools: those of the client, those held back, those of the provider; and the choice among them."""

import json

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import FunctionTool, ToolChoice
from llm_gateway.dialects.messages.read_messages import Said
from llm_gateway.dialects.messages.read_tools import read_choice, read_tools
from llm_gateway.errors import MalformedRequest

SCHEMA = {"type": "object"}


def tool(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "input_schema": SCHEMA, **more}


def read(
    *tools: object,
    added: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
    defined: tuple[object, ...] = (),
) -> tuple[list[str], list[str]]:
    losses = Losses()
    said = Said([], set(added), set(removed), [Raw(json.dumps(each).encode()) for each in defined])
    found = read_tools({"tools": Raw(json.dumps(tools).encode())}, said, losses)
    return [each.name for each in found], [loss.what for loss in losses.found()]


def test_a_tool_is_read_with_its_schema_as_it_came() -> None:
    fields = {
        "tools": Raw(b'[{"name":"f","description":"d","input_schema":{ "type":"object"},"strict":true}]')
    }
    losses = Losses()
    assert read_tools(fields, Said([], set(), set(), []), losses) == (
        FunctionTool("f", "d", Raw(b'{ "type":"object"}'), True),
    )
    assert losses.found() == ()


def test_no_tools() -> None:
    assert read_tools({}, Said([], set(), set(), []), Losses()) == ()
    assert read() == ([], [])


def test_examples_are_told_in_the_description() -> None:
    fields = {"tools": Raw(json.dumps([tool("f", input_examples=[{"a": 1}, {"a": 2}])]).encode())}
    (read_one,) = read_tools(fields, Said([], set(), set(), []), Losses())
    assert read_one.description == 'Examples of its input:\n{"a": 1}\n{"a": 2}'
    fields = {"tools": Raw(json.dumps([tool("f", description="d", input_examples=[{}])]).encode())}
    (read_one,) = read_tools(fields, Said([], set(), set(), []), Losses())
    assert read_one.description == "d\n\nExamples of its input:\n{}"


@pytest.mark.parametrize(
    ("more", "lost"),
    [
        ({"type": "custom"}, []),
        ({"type": None}, []),
        ({"eager_input_streaming": True}, []),
        ({"cache_control": {"type": "ephemeral"}}, ["cache_control"]),
        ({"allowed_callers": ["direct"]}, []),
        ({"allowed_callers": ["code_execution_20260120"]}, ["tools.allowed_callers"]),
        ({"x_new": 1}, ["tools.x_new"]),
    ],
)
def test_what_a_tool_may_say_beside(more: dict[str, object], lost: list[str]) -> None:
    assert read(tool("f", **more)) == (["f"], lost)


def test_tools_that_are_held_back_are_offered_when_they_came_up() -> None:
    held = tool("later", defer_loading=True)
    assert read(held, tool("now")) == (["now"], [])
    assert read(held, tool("now"), added=("later",)) == (["later", "now"], [])
    assert read(held, tool("now", defer_loading=False), removed=("now",)) == ([], [])


def test_where_the_provider_would_have_searched_all_are_offered() -> None:
    search = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
    assert read(search, tool("later", defer_loading=True)) == (["later"], ["tools.tool_search_tool_regex"])


def test_tools_defined_in_the_conversation() -> None:
    assert read(tool("a"), defined=(tool("b", defer_loading=True), tool("a"))) == (["a", "b"], [])


@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        ("web_search_20260318", "tools.web_search"),
        ("bash_20250124", "tools.bash"),
        ("text_editor_20250728", "tools.text_editor"),
        ("computer_20251124", "tools.computer"),
        ("memory_20250818", "tools.memory"),
        ("mcp_toolset", "tools.mcp_toolset"),
        ("a sentence", "tools.(unknown)"),
    ],
)
def test_the_providers_own_tools_are_lost_by_name(kind: str, lost: str) -> None:
    assert read({"type": kind, "name": "x"}) == ([], [lost])


@pytest.mark.parametrize(
    ("told", "place"),
    [
        (tool(""), "tools[0].name"),
        ({"input_schema": SCHEMA}, "tools[0].name"),
        (tool("f", description=7), "tools[0].description"),
        (tool("f", strict="yes"), "strict"),
        (7, "tools"),
    ],
)
def test_what_is_wrong_is_said(told: object, place: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(told)
    assert caught.value.param == place


def choice(told: object) -> tuple[ToolChoice, list[str]]:
    losses = Losses()
    fields = {"tool_choice": Raw(json.dumps(told).encode())}
    return read_choice(fields, (FunctionTool("f"),), losses), [loss.what for loss in losses.found()]


@pytest.mark.parametrize(
    ("told", "read_as", "lost"),
    [
        (None, ToolChoice(), []),
        ({"type": "auto"}, ToolChoice(), []),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(parallel=False), []),
        ({"type": "any", "disable_parallel_tool_use": False}, ToolChoice("required", parallel=True), []),
        ({"type": "none"}, ToolChoice("none"), []),
        ({"type": "tool", "name": "f"}, ToolChoice("named", ("f",)), []),
        ({"type": "tool", "name": "web_search"}, ToolChoice(), ["tool_choice"]),
        ({"type": "newer"}, ToolChoice(), ["tool_choice"]),
        ({"type": "auto", "x": 1}, ToolChoice(), ["tool_choice.x"]),
    ],
)
def test_the_choice(told: object, read_as: ToolChoice, lost: list[str]) -> None:
    assert choice(told) == (read_as, lost)


@pytest.mark.parametrize(
    "told", ["auto", {}, {"type": "tool"}, {"type": "any", "disable_parallel_tool_use": 1.5}]
)
def test_a_choice_of_another_form_is_refused(told: object) -> None:
    with pytest.raises(MalformedRequest, match="tool_choice"):
        choice(told)
