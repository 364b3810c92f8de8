"""Tools and the choice among them, as each generation takes them."""

import json

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import CustomTool, FunctionTool, ToolChoice
from llm_gateway.dialects.messages.families import family_of
from llm_gateway.dialects.messages.write_tools import Choice, choose, write_tools

TOOLS = (FunctionTool("f"), FunctionTool("g.h"))
AUTO = {"type": "auto"}
ALONE = {"disable_parallel_tool_use": True}


def chosen(choice: ToolChoice, model: str = "claude-opus-4-8", tools: int = 2) -> tuple[Choice, list[str]]:
    losses = Losses()
    made = choose(choice, TOOLS[:tools], family_of(model), losses)
    return made, [loss.what for loss in losses.found()]


@pytest.mark.parametrize(
    ("choice", "told", "names", "forced"),
    [
        (ToolChoice(), None, set(), False),
        (ToolChoice(parallel=True), None, set(), False),
        (ToolChoice(parallel=False), {**AUTO, **ALONE}, set(), False),
        (ToolChoice("auto", ("f",)), None, {"f"}, False),
        (ToolChoice("none", parallel=False), {"type": "none"}, set(), False),
        (ToolChoice("required"), {"type": "any"}, set(), True),
        (ToolChoice("required", ("f",), False), {"type": "any", **ALONE}, {"f"}, True),
        (ToolChoice("named", ("f",)), {"type": "tool", "name": "f"}, set(), True),
        (ToolChoice("named", ("g.h",)), {"type": "tool", "name": "g-2e-h-lgw1"}, set(), True),
        (ToolChoice("named", ("f", "g.h")), {"type": "any"}, {"f", "g.h"}, True),
    ],
)
def test_a_choice_is_told(choice: ToolChoice, told: object, names: set[str], forced: bool) -> None:
    made, lost = chosen(choice)
    assert (made.told, set(made.names), made.forced) == (told, names, forced)
    assert lost == []


@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("named", ("f",))])
def test_a_model_that_cannot_be_forced_is_asked(choice: ToolChoice) -> None:
    made, lost = chosen(choice, "claude-opus-5-5")
    assert (made.told, made.forced, lost) == (None, False, ["tool_choice"])
    assert made.names == set(choice.names)


@pytest.mark.parametrize(
    ("choice", "tools"),
    [(ToolChoice("required"), 0), (ToolChoice("named", ("z",)), 2), (ToolChoice("required", ("z",)), 2)],
)
def test_a_choice_of_nothing_is_a_loss(choice: ToolChoice, tools: int) -> None:
    assert chosen(choice, tools=tools) == (Choice(), ["tool_choice"])


def test_no_tools_no_choice() -> None:
    for choice in (ToolChoice(), ToolChoice("none"), ToolChoice(parallel=False)):
        assert chosen(choice, tools=0) == (Choice(), [])


def test_tools_are_written() -> None:
    losses = Losses()
    tools = (
        FunctionTool("f", "d", Raw(b'{"type":"object" }'), strict=False),
        FunctionTool("g.h", strict=True),
        CustomTool("patch", "edits", "lark", "start: /x/"),
        CustomTool("plain"),
    )
    told = json.loads(msgspec.json.encode(write_tools(tools, Choice(), losses)))
    assert told[0] == {"name": "f", "description": "d", "input_schema": {"type": "object"}}
    assert told[1] == {"name": "g-2e-h-lgw1", "input_schema": {"type": "object", "properties": {}}}
    assert "start: /x/" in told[2]["description"]
    assert told[2]["input_schema"]["required"] == ["input"]
    assert told[3]["name"] == "plain"
    assert [loss.what for loss in losses.found()] == ["tools.strict", "tools.grammar"]


def test_only_allowed_tools_are_offered() -> None:
    told = write_tools(TOOLS, Choice(names=frozenset(("f",))), Losses())
    assert [tool["name"] for tool in told] == ["f"]
