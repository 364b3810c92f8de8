"""Tools and the choice among them: `functionDeclarations` and `functionCallingConfig`, read and written.

Not their calls. What Google's servers do by themselves (a search, code) is no tool of the client's, and a
loss.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec
from msgspec import Raw

from llm_gateway.canonical.customs import function_of
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import CustomTool, FunctionTool, Tool, ToolChoice
from llm_gateway.dialects.gemini.members import (
    Json,
    lose,
    lose_unknown,
    members_of,
    named,
    optional,
    text_of,
    value_of,
    wrong,
)
from llm_gateway.dialects.gemini.names import write_name
from llm_gateway.dialects.gemini.schemas import parameters_schema, read_json_schema, read_schema

__all__ = ["read_choice", "read_tools", "write_choice", "write_tools"]

_groups = msgspec.json.Decoder(list[dict[str, Raw]] | dict[str, Raw])
_text = msgspec.json.Decoder(str)
_texts = msgspec.json.Decoder(list[str])

_DECLARED = "functionDeclarations"
_KNOWN = frozenset(
    (
        "name",
        "description",
        "parameters",
        "parametersJsonSchema",
        "response",
        "responseJsonSchema",
        "behavior",
    )
)
_CALLING = frozenset(("mode", "allowedFunctionNames"))
_OWN = "a tool of the provider's own, which another one does not have"
_TOOL_CONFIG = "toolConfig."
_CALLING_CONFIG = f"{_TOOL_CONFIG}functionCallingConfig."


def read_tools(fields: Mapping[str, Raw], losses: Losses) -> tuple[FunctionTool, ...]:
    """Read the tools that a request offers."""
    tools: list[FunctionTool] = []
    for index, group in enumerate(_listed(fields, "tools")):
        for kind, raw in named(group, f"tools[{index}]").items():
            if kind == _DECLARED:
                where = f"tools[{index}].{_DECLARED}"
                declared = _listed({where: raw}, where)
                tools += [_read(named(each), f"{where}[{at}]", losses) for at, each in enumerate(declared)]
            elif value_of(raw) not in (None, [], False):
                lose(losses, "tools.", kind, _OWN)
    return tuple(tools)


def _listed(fields: Mapping[str, Raw], key: str) -> list[dict[str, Raw]]:
    told = optional(fields, key, _groups, "a list of objects")
    if isinstance(told, dict):
        return [told]
    return told or []


def _read(told: Mapping[str, Raw], where: str, losses: Losses) -> FunctionTool:
    if not told.keys() <= _KNOWN:
        lose_unknown({key: value_of(raw) for key, raw in told.items()}, _KNOWN, "tools.", losses)
    name = value_of(told.get("name"))
    if not isinstance(name, str) or not name:
        raise wrong(f"{where}.name", "the name of a function")
    if value_of(told.get("response")) or value_of(told.get("responseJsonSchema")):
        losses.add("tools.response", "other dialects do not tell the form of a result")
    if value_of(told.get("behavior")) not in (None, "BLOCKING", "UNSPECIFIED"):
        losses.add("tools.behavior", "elsewhere a model waits for the results of its calls")
    own, standard = told.get("parameters"), told.get("parametersJsonSchema")
    schema: Raw | None = None
    if standard is not None and bytes(standard) != b"null":
        schema = read_json_schema(standard, losses, "tools.parameters")
    elif own is not None and bytes(own) != b"null":
        schema = read_schema(own, losses, "tools.parameters")
    return FunctionTool(name, text_of(value_of(told.get("description")), f"{where}.description"), schema)


def read_choice(fields: Mapping[str, Raw], losses: Losses) -> ToolChoice:
    """Read which tools may or must be called."""
    config = members_of(fields, "toolConfig")
    lose_unknown(
        {key: value_of(raw) for key, raw in config.items()},
        frozenset(("functionCallingConfig",)),
        _TOOL_CONFIG,
        losses,
    )
    calling = members_of(config, "functionCallingConfig", _TOOL_CONFIG)
    lose_unknown({key: value_of(raw) for key, raw in calling.items()}, _CALLING, _CALLING_CONFIG, losses)
    mode = optional(calling, "mode", _text, "a string", _CALLING_CONFIG)
    told = optional(calling, "allowedFunctionNames", _texts, "a list of names", _CALLING_CONFIG)
    names = tuple(told or ())
    match (mode or "AUTO").upper():
        case "NONE":
            return ToolChoice("none")
        case "ANY" if len(names) == 1:
            return ToolChoice("named", names)
        case "ANY":
            return ToolChoice("required", names)
        case "AUTO" | "MODE_UNSPECIFIED":
            return ToolChoice("auto", names)
        case "VALIDATED":
            losses.add(f"{_CALLING_CONFIG}mode", "elsewhere nothing holds calls to their schemas in this way")
            return ToolChoice("auto", names)
        case _:
            losses.add(f"{_CALLING_CONFIG}mode", "a mode that is not known")
            return ToolChoice("auto", names)


def write_tools(tools: Sequence[Tool], choice: ToolChoice, losses: Losses) -> list[Json]:
    """Write the tools that may be called. Free text is asked for by a function with one string.

    Names narrow a choice only where a tool must be called; else only the tools that they name are told.
    """
    allowed = frozenset(choice.names) if choice.mode == "auto" else frozenset()
    told: list[Json] = []
    for tool in tools:
        if allowed and tool.name not in allowed:
            continue
        match tool:
            case FunctionTool():
                told.append(_write(tool, losses))
            case CustomTool():
                if tool.grammar:
                    losses.add("tools.grammar", "told to the model, which nothing holds to it")
                told.append(_write(function_of(tool), losses))
            case _:
                assert_never(tool)
    if tools and not told:
        losses.add("tools", "the choice allows none of them")
    return told


def _write(tool: FunctionTool, losses: Losses) -> Json:
    told: dict[str, object] = {"name": write_name(tool.name, losses)}
    if tool.description:
        told["description"] = tool.description
    if tool.schema is not None:
        told["parametersJsonSchema"] = parameters_schema(tool.schema, losses)
    if tool.strict:
        losses.add("tools.strict", "calls are not held to their schemas unless one must be made")
    return told


def write_choice(choice: ToolChoice, tools: Sequence[Tool], losses: Losses) -> Json | None:
    """Write the choice among the tools that are told; None for `auto`, which goes without saying.

    A name that no tool has is refused ("allowed_function_names"), so that only those of tools are told.
    """
    if choice.parallel is False:
        losses.add("parallel_tool_calls", "this dialect cannot ask for one call at a time")
    match choice.mode:
        case "auto":
            return None
        case "none":
            return {"functionCallingConfig": {"mode": "NONE"}}
        case "required" | "named":
            calling: dict[str, object] = {"mode": "ANY"}
            offered = frozenset(tool.name for tool in tools)
            names = [name for name in choice.names if name in offered]
            if names:
                calling["allowedFunctionNames"] = [write_name(name, losses) for name in names]
            elif choice.names:
                losses.add("tool_choice", "there is no such tool to choose")
                return None
            return {"functionCallingConfig": calling}
        case _:
            assert_never(choice.mode)
