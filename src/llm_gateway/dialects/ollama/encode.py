"""A request of the common model written in this dialect, always as a chat.

Only what was said is written: options that are left out are the model's own, or the engine's defaults.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.customs import function_of
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import (
    CustomTool,
    Effort,
    Encoded,
    Format,
    FunctionTool,
    Reasoning,
    Request,
    Sampling,
    Tool,
)
from llm_gateway.dialects.contract import Target
from llm_gateway.dialects.ollama.encode_messages import Written, write_messages

__all__ = ["encode_request"]

_encode = msgspec.json.encode

_ANYTHING = Raw(b'{"type":"object","properties":{}}')
_JSON = Raw(b'"json"')
_TIERS = frozenset(("", "auto", "default"))

# As Ollama itself reads OpenAI's efforts (`openai/openai.go`, thinkFromReasoningEffort).
_LEVELS: Mapping[Effort, bool | str] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "max": "max",
}


class _Function(msgspec.Struct):
    name: str
    description: str
    parameters: Raw


class _Tool(msgspec.Struct):
    function: _Function
    type: str = "function"


class _Options(msgspec.Struct, omit_defaults=True):
    num_predict: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: tuple[str, ...] = ()


class _Chat(msgspec.Struct, omit_defaults=True):
    model: str
    messages: list[Written]
    stream: bool  # always said: without it Ollama streams
    tools: list[_Tool] = []
    format: Raw | None = None
    think: bool | str | None = None
    options: _Options | None = None


def encode_request(request: Request, target: Target) -> Encoded:
    """Write a request for this target."""
    losses = Losses()
    chat = _Chat(
        model=target.model,
        messages=write_messages(request.messages, losses),
        stream=request.stream,
        tools=_tools(request, losses),
        format=_format(request.format, losses),
        think=_think(request.reasoning, losses),
        options=_options(request.sampling),
    )
    if request.user:
        losses.add("user", "there is no place for who asks")
    if request.cache_key:
        losses.add("prompt_cache_key", "the engine decides by itself what it keeps")
    if request.service_tier not in _TIERS:
        losses.add("service_tier", "a tier of another provider's")
    return Encoded(_encode(chat), losses.found())


def _tools(request: Request, losses: Losses) -> list[_Tool]:
    """Return the tools that may be called. Nothing can make the model call one, or only one at a time."""
    choice = request.tool_choice
    if choice.mode == "none" or not request.tools:
        return []
    if choice.mode != "auto":
        losses.add("tool_choice", "the model decides by itself whether it calls a tool")
    if choice.parallel is False:
        losses.add("parallel_tool_calls", "the model decides by itself how many tools it calls")
    offered = [tool for tool in request.tools if not choice.names or tool.name in choice.names]
    if not offered:
        losses.add("tools", "the choice allows none of them")
    return [_tool(tool, losses) for tool in offered]


def _tool(tool: Tool, losses: Losses) -> _Tool:
    if isinstance(tool, CustomTool):
        if tool.grammar:
            losses.add("tools.grammar", "told to the model, which nothing holds to it")
        tool = function_of(tool)
    if tool.strict:
        losses.add("tools.strict", "nothing holds a model to the schema of a tool")
    return _Tool(_Function(tool.name, tool.description, _parameters(tool)))


def _parameters(tool: FunctionTool) -> Raw:
    return _ANYTHING if tool.schema is None else tool.schema


def _format(form: Format | None, losses: Losses) -> Raw | None:
    """Return the form of the answer. A schema always holds here, so that `strict` need not be said."""
    if form is None:
        return None
    if form.description:
        losses.add("response_format.description", "a schema comes without words about it")
    return form.schema if form.kind == "schema" and form.schema is not None else _JSON


def _think(reasoning: Reasoning | None, losses: Losses) -> bool | str | None:
    """Return how much the model is to think.

    A model that cannot think refuses to be told to, and one that can does so, at a medium level, when
    nothing is said (`server/routes.go`, ChatHandler): then nothing is.
    """
    if reasoning is None:
        return None
    if reasoning.budget == 0:
        return False
    if reasoning.budget is not None:
        losses.add("reasoning.budget", "tokens for thinking cannot be counted out")
    if reasoning.shown is False and reasoning.effort != "none":
        losses.add("reasoning.shown", "a model that thinks shows what it thinks")
    if reasoning.effort is None or reasoning.effort == "medium":
        return None
    level = _LEVELS[reasoning.effort]
    if isinstance(level, str) and level != reasoning.effort:
        losses.add("reasoning.effort", f"`{level}` is the nearest that can be asked for")
    return level


def _options(sampling: Sampling) -> _Options | None:
    options = _Options(
        num_predict=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        seed=sampling.seed,
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        stop=sampling.stop,
    )
    return None if options == _Options() else options
