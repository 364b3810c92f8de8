"""Tools and the choice among them: `tools` and `tool_choice`, `functions` and `function_call` of old.

Not their calls. What a server does by itself (a search, code) is no tool of the client's, and a loss.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec
from msgspec import Raw

from llm_gateway.canonical.customs import function_of
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import CustomTool, FunctionTool, Tool, ToolChoice
from llm_gateway.dialects.chat.members import (
    UNREADABLE,
    Json,
    lose,
    lose_unknown,
    optional,
    text_of,
    value_of,
    wrong,
)

__all__ = ["read_choice", "read_tools", "write_choice", "write_tools"]

_list = msgspec.json.Decoder(list[dict[str, Raw]])
_members = msgspec.json.Decoder(dict[str, Raw])
_flag = msgspec.json.Decoder(bool)

_TOOL = frozenset(("type", "function", "custom"))
_FLAT = frozenset(("type", "name", "description", "parameters", "strict"))
_FUNCTION = frozenset(("name", "description", "parameters", "strict"))
_CUSTOM = frozenset(("name", "description", "format"))
_FORM = frozenset(("type", "grammar", "syntax", "definition"))
_CHOICE = frozenset(("type", "function", "custom", "name", "allowed_tools", "mode", "tools"))
_NO_SCHEMA = Raw(b'{"type":"object","properties":{}}')


def read_tools(fields: Mapping[str, Raw], losses: Losses) -> tuple[Tool, ...]:
    """Read the tools that a request offers."""
    tools: list[Tool] = []
    told = optional(fields, "tools", _list, "a list of objects")
    for index, tool in enumerate(told or ()):
        where = f"tools[{index}]"
        if "function" in tool:
            _unknown(tool, _TOOL, losses)
            tools.append(_function(_inside(tool["function"], f"{where}.function"), where, losses))
            continue
        kind = text_of(value_of(tool.get("type", Raw(b"null"))), f"{where}.type")
        if kind == "custom" and "custom" in tool:
            _unknown(tool, _TOOL, losses)
            tools.append(_custom(_inside(tool["custom"], f"{where}.custom"), where, losses))
        elif kind == "function" and "name" in tool:  # as the Responses API has it; some clients mix them up
            tools.append(_function({k: tool[k] for k in tool if k != "type"}, where, losses))
        elif kind in ("function", "custom", ""):
            raise wrong(where, "an object with a `function` or a `custom`")
        else:
            lose(losses, "tools.", kind, "a tool of the provider's own, which another one does not have")
    told = optional(fields, "functions", _list, "a list of objects")
    for index, function in enumerate(told or ()):
        tools.append(_function(function, f"functions[{index}]", losses))
    return tuple(tools)


def _inside(raw: Raw, where: str) -> dict[str, Raw]:
    try:
        return _members.decode(raw)
    except UNREADABLE:
        raise wrong(where, "an object") from None


def _unknown(tool: Mapping[str, Raw], known: frozenset[str], losses: Losses) -> None:
    if not tool.keys() <= known:
        lose_unknown({key: value_of(tool[key]) for key in tool if key not in known}, known, "tools.", losses)


def _function(function: Mapping[str, Raw], where: str, losses: Losses) -> FunctionTool:
    _unknown(function, _FUNCTION, losses)
    schema = function.get("parameters")
    return FunctionTool(
        _name(function, where),
        _description(function, where),
        schema if schema is not None and bytes(schema) != b"null" else None,
        optional(function, "strict", _flag, "true or false"),
    )


def _custom(custom: Mapping[str, Raw], where: str, losses: Losses) -> CustomTool:
    _unknown(custom, _CUSTOM, losses)
    syntax = grammar = ""
    form = value_of(custom.get("format", Raw(b"null")))
    for told in (form, form.get("grammar")) if isinstance(form, dict) else ():
        if isinstance(told, dict):
            lose_unknown(told, _FORM, "tools.format.", losses)
    match form:
        case None | {"type": "text"}:
            pass
        case {"type": "grammar", "grammar": {"syntax": str(syntax), "definition": str(grammar)}}:
            pass
        case {"type": "grammar", "syntax": str(syntax), "definition": str(grammar)}:
            pass  # without the envelope, as the Responses API has it
        case _:
            losses.add("tools.format", "of a type that is not known")
    return CustomTool(_name(custom, where), _description(custom, where), syntax, grammar)


def _name(tool: Mapping[str, Raw], where: str) -> str:
    name = value_of(tool.get("name", Raw(b"null")))
    if not isinstance(name, str) or not name:
        raise wrong(f"{where}.name", "the name of a tool")
    return name


def _description(tool: Mapping[str, Raw], where: str) -> str:
    return text_of(value_of(tool.get("description", Raw(b"null"))), f"{where}.description")


def read_choice(fields: Mapping[str, Raw], losses: Losses) -> ToolChoice:
    """Read which tools may or must be called."""
    parallel = optional(fields, "parallel_tool_calls", _flag, "true or false")
    key = "tool_choice" if "tool_choice" in fields else "function_call"
    told = value_of(fields.get(key, Raw(b"null")))
    _lose_strays(told, losses)
    match told:
        case None | "auto":
            return ToolChoice(parallel=parallel)
        case "none":
            return ToolChoice("none", parallel=parallel)
        case "required" | "any":  # Mistral's word, and Anthropic's
            return ToolChoice("required", parallel=parallel)
        case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}}:
            return ToolChoice("named", (name,), parallel)
        case {"type": "function" | "custom", "name": str(name)}:
            return ToolChoice("named", (name,), parallel)
        case {"name": str(name)} if key == "function_call":
            return ToolChoice("named", (name,), parallel)
        case {"type": "allowed_tools", "allowed_tools": dict(allowed)}:
            mode, names = _allowed(allowed, losses)
            return ToolChoice("required" if mode == "required" else "auto", names, parallel)
        case {"type": str(kind)} if kind not in ("function", "custom", "allowed_tools"):
            losses.add("tool_choice", "a choice of a type that is not known")
            return ToolChoice(parallel=parallel)
    raise wrong(key, "`none`, `auto`, `required` or an object that names a tool")


def _lose_strays(told: object, losses: Losses) -> None:
    """Report what nobody knows of a choice, however deep it stands."""
    match told:
        case dict():
            lose_unknown(told, _CHOICE, "tool_choice.", losses)
            for inner in told.values():
                _lose_strays(inner, losses)
        case list():
            for inner in told:
                _lose_strays(inner, losses)


def _allowed(allowed: Json, losses: Losses) -> tuple[object, tuple[str, ...]]:
    names: list[str] = []
    tools = allowed.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        match tool:
            case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}} | {"name": str(name)}:
                names.append(name)
            case _:
                losses.add("tool_choice.allowed_tools", "a tool of the provider's own")
    return allowed.get("mode"), tuple(names)


def write_tools(tools: Sequence[Tool], choice: ToolChoice, losses: Losses) -> list[Json]:
    """Write the tools that may be called. Free text is asked for by a function with one string.

    OpenAI's own server alone knows `custom` tools and `allowed_tools` (github/copilot-cli issue 4840);
    functions, and no others than those allowed, mean the same everywhere.
    """
    allowed = frozenset(choice.names)
    told: list[Json] = []
    for tool in tools:
        if allowed and choice.mode != "named" and tool.name not in allowed:
            continue
        match tool:
            case FunctionTool():
                told.append(_write_function(tool))
            case CustomTool():
                if tool.grammar:
                    losses.add("tools.grammar", "told to the model, which nothing holds to it")
                told.append(_write_function(function_of(tool)))
            case _:
                assert_never(tool)
    if tools and not told and choice.mode == "auto":
        losses.add("tools", "the choice allows none of them")
    return told


def _write_function(tool: FunctionTool) -> Json:
    function: dict[str, object] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.schema if tool.schema is not None else _NO_SCHEMA
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def write_choice(choice: ToolChoice, losses: Losses) -> dict[str, object]:
    """Write the choice among the tools that are told; `auto` goes without saying."""
    told: dict[str, object] = {}
    match choice.mode:
        case "auto":
            pass
        case "none" | "required":
            told["tool_choice"] = choice.mode
        case "named" if len(choice.names) == 1:
            told["tool_choice"] = {"type": "function", "function": {"name": choice.names[0]}}
        case "named":
            told["tool_choice"] = "required"
            losses.add("tool_choice.names", "one tool can be named, or any of them")
        case _:
            assert_never(choice.mode)
    if choice.parallel is not None:
        told["parallel_tool_calls"] = choice.parallel
    return told
