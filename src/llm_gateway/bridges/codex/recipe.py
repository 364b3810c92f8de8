"""A request as Codex is asked it: a thread of its own that is a plain model, with all that was said before.

Tried with the program of 0.169 against a scripted provider: what reaches the provider is the client's system
text, its conversation and its tools, and nothing else. `environments: []` alone leaves Codex's own tools
there; they go by their features. Nothing is remembered: the next turn is a thread of its own.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Raw

from llm_gateway.bridges.codex.catalogue import ENDLESS, Known
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.loss import Loss, Losses
from llm_gateway.canonical.parts import Image, Inline, Part, Refusal, Text, ToolCall, ToolResult
from llm_gateway.canonical.request import Effort, FunctionTool, Message, Reasoning, Request
from llm_gateway.dialects.responses.encode_items import encode_items

__all__ = ["Recipe", "recipe", "without"]

_Json: TypeAlias = dict[str, object]

# What an agent has and a model has not.
_FEATURES = (
    "apps",
    "code_mode",
    "code_mode_only",
    "collaboration_modes",
    "goals",
    "hooks",
    "image_generation",
    "memories",
    "multi_agent",
    "multi_agent_v2",
    "plugins",
    "shell_tool",
    "sleep_tool",
    "unified_exec",
    "view_image",
)
_PLAIN: _Json = {
    "analytics.enabled": False,
    "developer_instructions": "",
    "include_apps_instructions": False,
    "include_collaboration_mode_instructions": False,
    "include_environment_context": False,
    "include_permissions_instructions": False,
    "model_auto_compact_token_limit": ENDLESS,
    "model_context_window": ENDLESS,
    "notify": [],
    "project_doc_max_bytes": 0,
    "skills.include_instructions": False,
    "thread_unload_delay_secs": 1,
    "tool_output_token_limit": ENDLESS,
    "tools.experimental_request_user_input.enabled": False,
    "web_search": "disabled",
    **{f"features.{name}": False for name in _FEATURES},
}

# Names that Codex keeps to itself (0.169): it refuses the first kind, and leaves out the second in silence.
_RESERVED = re.compile(r"mcp(__.*)?|(?![A-Za-z0-9_-]{1,128}\Z).*", re.DOTALL)
_HIDDEN = frozenset(("exec_command", "shell_command"))
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_OURS = "client_"

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_BUDGETS: tuple[tuple[float, Effort], ...] = (
    (16384, "high"),
    (4096, "medium"),
    (1, "low"),
    (-math.inf, "none"),
)
_NO_ARGUMENTS = Raw(b'{"type":"object","properties":{}}')


class Recipe(msgspec.Struct, frozen=True):
    """The three messages of a turn, what they cannot say, and the client's names of renamed tools."""

    thread: _Json
    items: tuple[_Json, ...]
    turn: _Json
    losses: tuple[Loss, ...]
    names: Mapping[str, str]


def without(servers: Sequence[str], features: Sequence[str]) -> _Json:
    """Return the settings of a thread that has none of the person's own MCP servers and extra features."""
    return {
        **_PLAIN,
        **{f"mcp_servers.{name}.enabled": False for name in servers},
        **{f"features.{name}": False for name in features},
    }


def recipe(ask: Ask, known: Known, config: _Json, folder: str) -> Recipe:
    """Say how to ask; BridgeFault for what Codex takes in no form. `folder` is an empty one."""
    request, losses = ask.request, Losses()
    told = _told_names(request)
    messages = tuple(_plain(message, told, losses) for message in request.messages)
    items = tuple(encode_items(messages, losses))
    if not items:
        raise BridgeFault(
            "refused", "there is nothing to answer: the request has no message", param="messages"
        )
    thread: _Json = {
        "model": ask.model,
        "cwd": folder,
        "sandbox": "read-only",
        "approvalPolicy": "never",
        "ephemeral": True,
        "environments": [],
        "experimentalRawEvents": True,
        "baseInstructions": "",  # in it some models are told the client's twice; an item says the same
        "config": config,
    }
    if tools := _tools(request, told, losses):
        thread["dynamicTools"] = tools
    turn: _Json = {"input": [], "serviceTierForTurn": "default"}
    turn["summary"] = "auto" if request.reasoning is not None and request.reasoning.shown else "none"
    if effort := _effort(request.reasoning, known, losses):
        turn["effort"] = effort
    if request.format is not None:
        _put_format(turn, request, losses)
    names = {ours: theirs for theirs, ours in told.items() if ours != theirs}
    return Recipe(thread, items, turn, losses.found(), names)


# tools


def _told_names(request: Request) -> dict[str, str]:
    """Return the name that Codex is told for each of the client's tools, present or past."""
    theirs = {tool.name: None for tool in request.tools}
    for part in _all_parts(request.messages):
        if isinstance(part, ToolCall):
            theirs[part.name] = None
    taken = {name for name in theirs if _fits(name)}
    told: dict[str, str] = {}
    for name in theirs:
        ours = name
        if name not in taken:
            ours = _OURS + _UNFIT.sub("_", name)[: 120 - len(_OURS)]
            while ours in taken:
                ours += "_"
            taken.add(ours)
        told[name] = ours
    return told


def _fits(name: str) -> bool:
    return not _RESERVED.fullmatch(name) and name not in _HIDDEN


def _tools(request: Request, told: Mapping[str, str], losses: Losses) -> list[_Json]:
    choice = request.tool_choice
    if choice.mode == "none":
        return []
    offered = [tool for tool in request.tools if isinstance(tool, FunctionTool)]
    if choice.names:
        offered = [tool for tool in offered if tool.name in choice.names]
    if choice.mode in ("required", "named"):
        losses.add("tool_choice", "Codex lets the model choose whether it calls a tool")
    if choice.parallel is not None:
        losses.add("parallel_tool_calls", "Codex decides that by the model")
    if any(tool.strict for tool in offered):
        losses.add("tools.strict", "Codex holds no tool to its schema")
    return [
        {
            "type": "function",
            "name": told[tool.name],
            "description": tool.description,
            "inputSchema": tool.schema or _NO_ARGUMENTS,
        }
        for tool in offered
    ]


# what was said


def _plain(message: Message, told: Mapping[str, str], losses: Losses) -> Message:
    """Return a message as Codex can be given it."""
    return Message(message.role, tuple(_part(part, told, losses) for part in message.parts))


def _part(part: Part, told: Mapping[str, str], losses: Losses) -> Part:
    match part:
        case Refusal(text):  # its items have no such content
            return Text(text)
        case Image():
            return _image(part, losses)
        case ToolCall() if told[part.name] != part.name:
            return msgspec.structs.replace(part, name=told[part.name])
        case ToolResult(parts=parts):
            fit = tuple(_image(each, losses) if isinstance(each, Image) else each for each in parts)
            return msgspec.structs.replace(part, parts=fit)
        case _:
            return part


def _image(image: Image, losses: Losses) -> Image:
    if not isinstance(image.source, Inline):
        raise BridgeFault(
            "refused",
            "Codex takes pictures in the request itself only: send the picture as a data URL, not as a link",
            param="messages.image",
        )
    if image.detail == "low":  # in its stead Codex would say that there was a picture
        losses.add("messages.image.detail", "Codex knows no low detail")
        return Image(image.source, "auto")
    return image


def _all_parts(messages: Sequence[Message]) -> list[Part]:
    parts: list[Part] = []
    for message in messages:
        for part in message.parts:
            parts += (part, *part.parts) if isinstance(part, ToolResult) else (part,)
    return parts


# how to answer


def _effort(reasoning: Reasoning | None, known: Known, losses: Losses) -> str:
    """Return how hard to think, as this model can; unasked as is its default, whatever the person's own."""
    wanted = reasoning.effort if reasoning is not None else None
    if reasoning is not None and wanted is None and reasoning.budget is not None:
        losses.add("reasoning.budget", "told as an effort")
        wanted = next(effort for least, effort in _BUDGETS if reasoning.budget >= least)
    if wanted is None:
        return known.effort
    offered = [effort for effort in _EFFORTS if effort in known.efforts]
    if not offered or wanted in offered:
        return wanted
    losses.add("reasoning.effort", "this model does not think so much or so little: the nearest is asked for")
    return min(offered, key=lambda effort: abs(_EFFORTS.index(effort) - _EFFORTS.index(wanted)))


def _put_format(turn: _Json, request: Request, losses: Losses) -> None:
    form = request.format
    assert form is not None
    if form.schema is None:
        losses.add("response_format", "Codex takes a schema only: nobody holds the model to JSON")
        return
    turn["outputSchema"] = form.schema
    if form.description:
        losses.add("response_format.description", "Codex takes the schema alone")
    if form.strict is False:
        losses.add("response_format.strict", "Codex holds the model to the schema strictly")
