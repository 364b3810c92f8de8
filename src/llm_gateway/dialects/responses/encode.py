"""A request of the common model written in the `responses` dialect.

Nothing is stored at the provider: answers are asked for with their thinking sealed, so that the client can
send it back.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import (
    CustomTool,
    Encoded,
    Format,
    Reasoning,
    Request,
    Sampling,
    Tool,
)
from llm_gateway.dialects.contract import Target
from llm_gateway.dialects.responses.encode_items import encode_items, leading_text
from llm_gateway.dialects.responses.names import legal_text

__all__ = ["encode_request"]

_Json = dict[str, object]

# OpenAI's models before reasoning refuse `reasoning` and sealed thinking ("Encrypted content is not
# supported with this model"); no new ones of these families will come.
_WITHOUT_REASONING = ("gpt-4", "gpt-3.5", "chatgpt-4o")

# Those that reason take no other temperature than 1 while they do (vercel/ai issue 10932); servers of other
# makers' models have names of their own.
_OPENAIS = ("gpt-", "o1", "o3", "o4", "codex")
_OTHERS = ("gpt-oss",)

_LEAST_OUTPUT = 16
_NO_ARGUMENTS = Raw(b'{"type":"object","properties":{}}')
_TIERS = ("default", "flex", "priority", "scale", "auto", "fast", "ultrafast")

_encode = msgspec.json.encode


def encode_request(request: Request, target: Target) -> Encoded:
    """Write a request for a model."""
    losses = Losses()
    instructions, messages = leading_text(request.messages)
    if not messages:  # nothing but instructions: Responses wants an input
        instructions, messages = "", request.messages
    body: _Json = {"model": target.model}
    if instructions:
        body["instructions"] = instructions
    body["input"] = encode_items(messages, losses)
    if request.tools:
        _put_tools(body, request, losses)
    model = target.model.rpartition("/")[2]
    reasons = not model.startswith(_WITHOUT_REASONING)
    free = not reasons or model.startswith(_OTHERS) or not model.startswith(_OPENAIS)
    free = free or "chat" in model or (request.reasoning is not None and request.reasoning.effort == "none")
    _put_sampling(body, request.sampling, losses, free=free)
    if request.reasoning is not None:
        told = _reasoning(request.reasoning, losses)
        if told and reasons:
            body["reasoning"] = told
        elif told:
            losses.add("reasoning", "this model does not reason")
    if request.format is not None:
        body["text"] = {"format": _format(request.format)}
    if request.user:
        body["safety_identifier"] = legal_text(request.user)
    if request.cache_key:
        body["prompt_cache_key"] = legal_text(request.cache_key)
    if request.service_tier in _TIERS:
        body["service_tier"] = request.service_tier
    elif request.service_tier:
        losses.add("service_tier", "OpenAI has other tiers")
    if reasons:
        body["include"] = ["reasoning.encrypted_content"]
    body["store"] = False
    if request.stream:
        body["stream"] = True
    return Encoded(_encode(body), losses.found())


def _put_tools(body: _Json, request: Request, losses: Losses) -> None:
    body["tools"] = [_tool(tool) for tool in request.tools]
    kinds = {tool.name: "custom" if isinstance(tool, CustomTool) else "function" for tool in request.tools}
    choice = request.tool_choice
    named = [{"type": kinds[name], "name": name} for name in choice.names if name in kinds]
    if len(named) < len(choice.names):  # which OpenAI refuses
        losses.add("tool_choice", "a tool that is not offered cannot be chosen")
    match choice.mode:
        case "named" if len(named) == 1:
            body["tool_choice"] = named[0]
        case "named" | "required" if named:
            body["tool_choice"] = {"type": "allowed_tools", "mode": "required", "tools": named}
        case "auto" if named:
            body["tool_choice"] = {"type": "allowed_tools", "mode": "auto", "tools": named}
        case "none" | "required":
            body["tool_choice"] = choice.mode
    if choice.parallel is not None:
        body["parallel_tool_calls"] = choice.parallel


def _tool(tool: Tool) -> _Json:
    told: _Json
    if isinstance(tool, CustomTool):
        told = {"type": "custom", "name": tool.name}
        if tool.grammar:
            told["format"] = {"type": "grammar", "syntax": tool.syntax, "definition": tool.grammar}
    else:
        # Where nothing is said, Responses is strict where it can be; the other dialects are not.
        told = {"type": "function", "name": tool.name, "strict": bool(tool.strict)}
        told["parameters"] = _NO_ARGUMENTS if tool.schema is None else tool.schema
    if tool.description:
        told["description"] = tool.description
    return told


def _put_sampling(body: _Json, sampling: Sampling, losses: Losses, *, free: bool) -> None:
    if sampling.max_tokens is not None:
        body["max_output_tokens"] = max(sampling.max_tokens, _LEAST_OUTPUT)
        if sampling.max_tokens < _LEAST_OUTPUT:
            losses.add("max_tokens", f"Responses allows {_LEAST_OUTPUT} at least")
    # Models that reason refuse both, even at what they are anyway.
    for name, value in (("temperature", sampling.temperature), ("top_p", sampling.top_p)):
        if value not in (None, 1):
            if free:
                body[name] = value
            else:
                losses.add(name, "a model that reasons does not take it")
    if sampling.stop:
        losses.add("stop", "Responses has no stop sequences")
    for what in ("top_k", "seed"):
        if getattr(sampling, what) is not None:
            losses.add(what, "not known to Responses")
    for what in ("presence_penalty", "frequency_penalty"):
        if getattr(sampling, what):
            losses.add(what, "not known to Responses")


def _reasoning(reasoning: Reasoning, losses: Losses) -> _Json:
    told: _Json = {}
    if reasoning.effort is not None:
        told["effort"] = reasoning.effort
    elif reasoning.budget is not None:
        told["effort"] = _effort(reasoning.budget)
    if reasoning.budget is not None:
        losses.add("reasoning.budget", "told as an effort")
    if reasoning.shown:
        told["summary"] = "auto"
    return told


def _effort(budget: int) -> str:
    """Return the effort whose usual thinking is about this many tokens."""
    if budget <= 0:
        return "none"
    if budget < 4096:
        return "low"
    return "medium" if budget < 16384 else "high"


def _format(form: Format) -> _Json:
    if form.kind == "json":
        return {"type": "json_object"}
    told: _Json = {"type": "json_schema", "name": form.name or "answer", "schema": form.schema or Raw(b"{}")}
    if form.description:
        told["description"] = form.description
    if form.strict is not None:
        told["strict"] = form.strict
    return told
