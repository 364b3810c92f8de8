"""A request of the common model written in this dialect, so that every server of it takes it.

What a model takes depends on its generation (`families.py`); what it would refuse is left out and is a loss.
A name for the conversation (`cache_key`) has no place here, but what it is for does: the end of the system
prompt and of the conversation are marked to be cached, which is what Anthropic's clients do.
"""

from collections.abc import Mapping

import msgspec

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Encoded, Format, FunctionTool, Request, Sampling, Tool
from llm_gateway.dialects.contract import Target
from llm_gateway.dialects.messages.families import Family, family_of
from llm_gateway.dialects.messages.schemas import answer_schema
from llm_gateway.dialects.messages.write_messages import Conversation, write_messages
from llm_gateway.dialects.messages.write_thinking import Situation, ThinkingPlan, plan_thinking
from llm_gateway.dialects.messages.write_tools import Choice, choose, write_tools

__all__ = ["encode_request"]

_encode = msgspec.json.encode

_TIERS: Mapping[str, str] = {"auto": "auto", "default": "standard_only"}
_MARK = {"type": "ephemeral"}
_JSON_ONLY = "Answer with one JSON object and nothing else: no other text, no code fence."
_MAX_USER = 256


def encode_request(request: Request, target: Target) -> Encoded:
    """Write a request for this target."""
    losses = Losses()
    family = family_of(target.model)
    talk = write_messages(request.messages, family, losses)
    choice = choose(request.tool_choice, request.tools, family, losses)
    limit = request.sampling.max_tokens
    if limit is not None and family.most is not None and limit > family.most:
        losses.add("max_tokens", "brought down to the most that this model generates")
    situation = Situation(limit, target.max_tokens, choice.forced, talk.resumed)
    plan = plan_thinking(request.reasoning, family, situation, losses)
    told: dict[str, object] = {"model": target.model, "max_tokens": max(plan.max_tokens, 1)}
    output: dict[str, object] = {} if plan.effort is None else {"effort": plan.effort}
    if request.format is not None:
        _add_format(request.format, family, output, talk, losses)
    if request.cache_key:
        _mark(talk, family, losses)
    if talk.system:
        told["system"] = talk.system
    told["messages"] = talk.messages
    _add_tools(told, request.tools, choice, talk, losses)
    if plan.thinking is not None:
        told["thinking"] = plan.thinking
    if output:
        told["output_config"] = output
    _add_sampling(told, request.sampling, family, plan, losses)
    _add_rest(told, request, losses)
    return Encoded(_encode(told), losses.found())


def _add_tools(
    told: dict[str, object], tools: tuple[Tool, ...], choice: Choice, talk: Conversation, losses: Losses
) -> None:
    """Add the tools. Calls in a conversation are refused where no tools are, so theirs are named then."""
    if tools:
        told["tools"] = write_tools(tools, choice, losses)
        if choice.told is not None:
            told["tool_choice"] = choice.told
    elif talk.called:
        told["tools"] = write_tools([FunctionTool(name) for name in talk.called], Choice(), losses)
        told["tool_choice"] = {"type": "none"}


def _add_format(
    form: Format, family: Family, output: dict[str, object], talk: Conversation, losses: Losses
) -> None:
    """Hold the answer to a schema, or, where that cannot be, tell the model what is wanted."""
    if form.kind == "schema" and form.schema is not None and family.formats:
        schema = answer_schema(form.schema, losses)
        if schema is not None:
            if form.description:
                if schema.get("description") not in (None, "", form.description):
                    losses.add("response_format.description", "the schema describes itself")
                schema = {**schema, "description": schema.get("description") or form.description}
            output["format"] = {"type": "json_schema", "schema": schema}
            return
    losses.add("response_format", "told to the model, which nothing holds to it")
    wanted = _JSON_ONLY
    if form.schema is not None:
        wanted = f"{wanted} It must match this JSON schema:\n{bytes(form.schema).decode()}"
    if form.description:
        wanted = f"{wanted}\nWhat it is: {form.description}"
    talk.system.append({"type": "text", "text": wanted})


def _mark(talk: Conversation, family: Family, losses: Losses) -> None:
    """Mark what stays the same from turn to turn, for servers that bill by such marks."""
    if not family.claude:
        losses.add("prompt_cache_key", "each server decides by itself what it caches")
        return
    if talk.system:
        talk.system[-1] = {**talk.system[-1], "cache_control": _MARK}
    blocks = talk.messages[-1]["content"]
    if isinstance(blocks, list) and blocks and talk.messages[-1]["role"] == "user":
        blocks[-1] = {**blocks[-1], "cache_control": _MARK}


def _add_sampling(
    told: dict[str, object], sampling: Sampling, family: Family, plan: ThinkingPlan, losses: Losses
) -> None:
    for name, value in (
        ("seed", sampling.seed),
        ("presence_penalty", sampling.presence_penalty),
        ("frequency_penalty", sampling.frequency_penalty),
    ):
        if value or (value is not None and name == "seed"):
            losses.add(name, "this dialect has no such setting")
    stops = [stop for stop in sampling.stop if stop and not stop.isspace()]
    if len(stops) < len(sampling.stop):
        losses.add("stop", "white space alone ends no answer here")
    if stops:
        told["stop_sequences"] = stops
    why = "this model does not take it" if not family.sampling else "a model that thinks does not take it"
    free = family.sampling and not plan.on
    temperature, top_p = sampling.temperature, sampling.top_p
    if temperature is not None and not (family.claude and temperature == 1):
        if not free:
            losses.add("temperature", why)
        elif family.claude and temperature > 1:
            losses.add("temperature", "1 is the most that can be asked for")
        else:
            told["temperature"] = temperature
    if top_p is not None and not (family.claude and top_p == 1):
        if not family.sampling or (plan.on and top_p < 0.95):
            losses.add("top_p", why)
        elif family.claude and "temperature" in told:
            losses.add("top_p", "the temperature is set, and there may be but one of them")
        else:
            told["top_p"] = top_p
    if sampling.top_k is not None:
        if free:
            told["top_k"] = sampling.top_k
        else:
            losses.add("top_k", why)


def _add_rest(told: dict[str, object], request: Request, losses: Losses) -> None:
    if "@" in request.user or len(request.user) > _MAX_USER:
        losses.add("user", "an address, or too long: this dialect takes neither")
    elif request.user:
        told["metadata"] = {"user_id": request.user}
    if request.service_tier in _TIERS:
        told["service_tier"] = _TIERS[request.service_tier]
    elif request.service_tier:
        losses.add("service_tier", "a tier of another provider's")
    if request.stream:
        told["stream"] = True
