"""Tools and the choice among them, written. Not their calls."""

from collections.abc import Iterable, Sequence
from typing import assert_never

import msgspec

from llm_gateway.canonical.customs import function_of
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import CustomTool, FunctionTool, Tool, ToolChoice
from llm_gateway.dialects.messages.families import Family
from llm_gateway.dialects.messages.members import Json
from llm_gateway.dialects.messages.names import write_name
from llm_gateway.dialects.messages.schemas import input_schema

__all__ = ["Choice", "choose", "write_tools"]


_ALL: frozenset[str] = frozenset()


class Choice(msgspec.Struct, frozen=True):
    """What is written of a choice. `names` are the tools that may be offered; none: all of them."""

    told: Json | None = None
    names: frozenset[str] = frozenset()
    forced: bool = False


def choose(choice: ToolChoice, tools: Sequence[Tool], family: Family, losses: Losses) -> Choice:
    """Return how a choice is told: the one named, or fewer tools and any of them."""
    offered = frozenset(tool.name for tool in tools)
    names = offered.intersection(choice.names)
    if choice.mode in ("required", "named") and (not tools or (choice.names and not names)):
        losses.add("tool_choice", "there is no such tool to choose")
        return Choice()
    if tools and choice.mode == "auto" and choice.names and not names:
        losses.add("tool_choice", "it allows none of the tools, and all are offered")
    told: dict[str, object]
    forced = False
    match choice.mode:
        case "none":
            return Choice({"type": "none"} if tools else None)
        case "auto":
            told = {"type": "auto"}
        case "required" | "named" if not family.forced:
            losses.add("tool_choice", "this model decides by itself whether it calls a tool")
            told = {"type": "auto"}
        case "required":
            told, forced = {"type": "any"}, True
        case "named" if len(names) == 1:
            name = write_name(next(iter(names)), losses)
            told, forced, names = {"type": "tool", "name": name}, True, _ALL
        case "named":
            told, forced = {"type": "any"}, True
        case _:
            assert_never(choice.mode)
    if choice.parallel is False and tools:
        told["disable_parallel_tool_use"] = True
    return Choice(told if len(told) > 1 or forced else None, names, forced)


def write_tools(tools: Iterable[Tool], choice: Choice, losses: Losses) -> list[Json]:
    """Write the tools that may be called. Free text is asked for by a tool with one string."""
    return [_write(tool, losses) for tool in tools if not choice.names or tool.name in choice.names]


def _write(tool: Tool, losses: Losses) -> Json:
    match tool:
        case FunctionTool():
            return _function(tool, losses)
        case CustomTool():
            if tool.grammar:
                losses.add("tools.grammar", "told to the model, which nothing holds to it")
            return _function(function_of(tool), losses)
        case _:
            assert_never(tool)


def _function(tool: FunctionTool, losses: Losses) -> Json:
    if tool.strict:
        # What strict schemas may hold, and how many there may be, differs too much between vendors.
        losses.add("tools.strict", "told to the model, which nothing holds to it")
    told: dict[str, object] = {"name": write_name(tool.name, losses)}
    if tool.description:
        told["description"] = tool.description
    told["input_schema"] = input_schema(tool.schema, losses)
    return told
