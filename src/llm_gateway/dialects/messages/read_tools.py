"""Tools and the choice among them, read.

Tools that are held back (`defer_loading`) are offered when the conversation brought them up: by a reference
in a result, or a system message. Those that were not are invisible to a model of this dialect, too, so that
leaving them out is no loss; but where the provider itself would have searched them, all are offered.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import FunctionTool, ToolChoice
from llm_gateway.dialects.messages.members import (
    lose,
    lose_unknown,
    optional,
    text_of,
    value_of,
    wrong,
)
from llm_gateway.dialects.messages.read_messages import Said
from llm_gateway.dialects.messages.read_usual import read_usual_tools

__all__ = ["read_choice", "read_tools"]

_list = msgspec.json.Decoder(list[dict[str, Raw]])
_members = msgspec.json.Decoder(dict[str, Raw])
_flag = msgspec.json.Decoder(bool)
_object = msgspec.json.Decoder(dict[str, object])
_examples = msgspec.json.Decoder(list[Raw])

_NULL = Raw(b"null")
_SEARCH = "tool_search_tool"
_TOOL = frozenset(
    # `eager_input_streaming` is about the pieces in which a call's input comes, not what is in it.
    (
        *("type", "name", "description", "input_schema", "strict"),
        *("defer_loading", "input_examples", "allowed_callers", "eager_input_streaming"),
    )
)
_CHOICE = frozenset(("type", "name", "disable_parallel_tool_use"))


def read_tools(fields: Mapping[str, Raw], said: Said, losses: Losses) -> tuple[FunctionTool, ...]:
    """Read the tools that are offered at the end of the conversation."""
    raw = fields.get("tools")
    usual = read_usual_tools(raw, losses) if raw is not None and not said.defined else None
    if usual is not None:
        return tuple([tool for name, tool in usual.items() if name not in said.removed])
    told = optional(fields, "tools", _list, "a list of objects") or []
    for definition in said.defined:
        told.append(_members.decode(definition))
        said.added.add(text_of(value_of(told[-1].get("name")), "tools.name"))
    searched = any(_kind(tool).startswith(_SEARCH) for tool in told)
    tools: dict[str, FunctionTool] = {}
    for index, tool in enumerate(told):
        where = f"tools[{index}]"
        kind = _kind(tool)
        if kind not in ("", "custom"):
            lose(
                losses,
                "tools.",
                _undated(kind),
                "a tool of the provider's own, which another one does not have",
            )
            continue
        name = value_of(tool.get("name"))
        if not isinstance(name, str) or not name:
            raise wrong(f"{where}.name", "the name of a tool")
        held = optional(tool, "defer_loading", _flag, "true or false")
        if name in said.removed or (held and not searched and name not in said.added):
            continue
        tools[name] = _read(tool, name, where, losses)
    return tuple(tools.values())


def _kind(tool: Mapping[str, Raw]) -> str:
    kind = value_of(tool.get("type"))
    return kind if isinstance(kind, str) else ""


def _undated(kind: str) -> str:
    """Return the kind of a tool without the date of its version."""
    name, _, date = kind.rpartition("_")
    return name if date.isdecimal() else kind


def _read(tool: Mapping[str, Raw], name: str, where: str, losses: Losses) -> FunctionTool:
    if not tool.keys() <= _TOOL:
        lose_unknown({key: value_of(raw) for key, raw in tool.items()}, _TOOL, "tools.", losses)
    callers = value_of(tool.get("allowed_callers"))
    if isinstance(callers, list) and callers and callers != ["direct"]:
        losses.add("tools.allowed_callers", "elsewhere only the model itself calls tools")
    description = text_of(value_of(tool.get("description")), f"{where}.description")
    examples = optional(tool, "input_examples", _examples, "a list of objects")
    if examples:
        lines = [bytes(example).decode() for example in examples]
        shown = "\n".join(["Examples of its input:", *lines])
        description = f"{description}\n\n{shown}" if description else shown
    schema = tool.get("input_schema", _NULL)
    return FunctionTool(
        name,
        description,
        schema if bytes(schema) != b"null" else None,
        optional(tool, "strict", _flag, "true or false"),
    )


def read_choice(fields: Mapping[str, Raw], tools: Sequence[FunctionTool], losses: Losses) -> ToolChoice:
    """Read which tools may or must be called."""
    told = optional(fields, "tool_choice", _object, "an object with a `type`")
    if told is None:
        return ToolChoice()
    lose_unknown(told, _CHOICE, "tool_choice.", losses)
    alone = told.get("disable_parallel_tool_use")
    if alone not in (None, True, False):
        raise wrong("tool_choice.disable_parallel_tool_use", "true or false")
    parallel = None if alone is None else not alone
    match told:
        case {"type": "auto"}:
            return ToolChoice(parallel=parallel)
        case {"type": "none"}:
            return ToolChoice("none", parallel=parallel)
        case {"type": "any"}:
            return ToolChoice("required", parallel=parallel)
        case {"type": "tool", "name": str(name)}:
            if any(tool.name == name for tool in tools):
                return ToolChoice("named", (name,), parallel)
            losses.add("tool_choice", "the tool that it names is not offered")
            return ToolChoice(parallel=parallel)
        case {"type": str(kind)} if kind != "tool":
            losses.add("tool_choice", "a choice of a type that is not known")
            return ToolChoice(parallel=parallel)
    raise wrong("tool_choice", "an object with a `type`: auto, any, none, or tool with a `name`")
