"""A request of this dialect read into the common model: every field understood, or reported as lost.

Four fields say nothing of the question and are no loss: `model`, `stream` and `stream_options` were read
with the call (`include_obfuscation` pads a stream of OpenAI's own), and `store: false` asks for nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Decoded, Effort, Format, Reasoning, Request, Sampling
from llm_gateway.dialects.chat.history import read_messages
from llm_gateway.dialects.chat.members import (
    lose,
    lose_unknown,
    optional,
    says_nothing,
    text_of,
    value_of,
    wrong,
)
from llm_gateway.dialects.chat.tools import read_choice, read_tools
from llm_gateway.dialects.contract import Call

__all__ = ["OLD_CALLS", "decode_request"]

OLD_CALLS: Mapping[str, str] = MappingProxyType({"calls": "function_call"})
"""The notes of a request that offers `functions`: its answer has calls in the form of old."""

_text = msgspec.json.Decoder(str)
_integer = msgspec.json.Decoder(int)
_number = msgspec.json.Decoder(float)
_flag = msgspec.json.Decoder(bool)
_members = msgspec.json.Decoder(dict[str, Raw])
_object = msgspec.json.Decoder(dict[str, object])
_stops = msgspec.json.Decoder(str | list[str])

_EFFORTS: Mapping[str, Effort] = {
    "none": "none",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
_UNDERSTOOD = frozenset(
    (
        "model",
        "stream",
        "stream_options",
        "messages",
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "parallel_tool_calls",
        "response_format",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "reasoning_effort",
        "reasoning",
        "include_reasoning",
        "thinking",
        "enable_thinking",
        "thinking_budget",
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "service_tier",
    )
)
_NO_PLACE = {
    "n": "other dialects give one answer",
    "logprobs": "other dialects do not tell probabilities in this way",
    "top_logprobs": "other dialects do not tell probabilities in this way",
    "logit_bias": "tokens are numbered in each model's own way",
    "modalities": "other dialects answer with text",
    "audio": "other dialects answer with text",
    "prediction": "other dialects take no prediction",
    "web_search_options": "another provider has no such search",
    "store": "another provider does not store the answer",
    "metadata": "another provider does not store the answer",
    "verbosity": "other dialects have no such setting",
}
_FORMS: Mapping[object, frozenset[str]] = {
    "text": frozenset(("type",)),
    "json_object": frozenset(("type", "schema")),
    "json_schema": frozenset(("type", "json_schema")),
}
_STREAM = frozenset(("include_usage", "include_obfuscation"))
# Values that mean the same as leaving the field out, beside those that say nothing at all.
_USUAL: dict[str, object] = {"n": 1, "modalities": ["text"], "verbosity": "medium"}


def decode_request(call: Call) -> Decoded:
    """Read a request; raise MalformedRequest with the field at fault."""
    fields = call.document.fields
    losses = Losses()
    request = Request(
        messages=read_messages(fields, losses),
        tools=read_tools(fields, losses),
        tool_choice=read_choice(fields, losses),
        sampling=_sampling(fields),
        reasoning=_reasoning(fields, losses),
        format=_format(fields, losses),
        stream=call.stream,
        user=_user(fields, losses),
        cache_key=optional(fields, "prompt_cache_key", _text, "a string") or "",
        service_tier=optional(fields, "service_tier", _text, "a string") or "",
    )
    for key, raw in fields.items():
        if key not in _UNDERSTOOD:
            value = value_of(raw)
            if not says_nothing(value) and value != _USUAL.get(key):
                lose(losses, "", key, _NO_PLACE.get(key, "not known outside of the dialect it came in"))
    if (options := optional(fields, "stream_options", _members, "an object")) is not None:
        _unknown(options, _STREAM, "stream_options.", losses)
    old = "functions" in fields and "tools" not in fields
    return Decoded(request, losses.found(), OLD_CALLS if old else {})


def _sampling(fields: Mapping[str, Raw]) -> Sampling:
    limit = optional(fields, "max_completion_tokens", _integer, "a whole number")
    if limit is None:
        limit = optional(fields, "max_tokens", _integer, "a whole number")
    stop = optional(fields, "stop", _stops, "a string or a list of strings")
    return Sampling(
        max_tokens=limit,
        temperature=optional(fields, "temperature", _number, "a number"),
        top_p=optional(fields, "top_p", _number, "a number"),
        top_k=optional(fields, "top_k", _integer, "a whole number"),
        seed=optional(fields, "seed", _integer, "a whole number"),
        presence_penalty=optional(fields, "presence_penalty", _number, "a number"),
        frequency_penalty=optional(fields, "frequency_penalty", _number, "a number"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
    )


def _reasoning(fields: Mapping[str, Raw], losses: Losses) -> Reasoning | None:
    """Read how much to think: OpenAI's field, or what other servers of this dialect have instead."""
    effort, budget, shown = _nested_reasoning(fields, losses)
    on = optional(fields, "enable_thinking", _flag, "true or false")  # Qwen
    if on is False:
        effort = "none"
    if (told := optional(fields, "reasoning_effort", _text, "a string")) is not None:
        effort = _effort(told, "reasoning_effort", losses) or effort
    if (most := optional(fields, "thinking_budget", _integer, "a whole number")) is not None:
        budget = most
    if (visible := optional(fields, "include_reasoning", _flag, "true or false")) is not None:
        shown = visible
    if effort is None and budget is None and shown is None and not on and not _thinks(fields):
        return None
    return Reasoning(effort, budget, shown)


def _thinks(fields: Mapping[str, Raw]) -> bool:
    """Whether thinking is switched on without saying how much."""
    thinking = optional(fields, "thinking", _object, "an object") or {}
    reasoning = optional(fields, "reasoning", _object, "an object") or {}
    return thinking.get("type") in ("enabled", "adaptive", "auto") or reasoning.get("enabled") is True


def _nested_reasoning(
    fields: Mapping[str, Raw], losses: Losses
) -> tuple[Effort | None, int | None, bool | None]:
    """Read `thinking` (DeepSeek, GLM, Kimi, after Anthropic) and `reasoning` (OpenRouter)."""
    effort: Effort | None = None
    budget: int | None = None
    shown: bool | None = None
    if (thinking := optional(fields, "thinking", _members, "an object")) is not None:
        budget = optional(thinking, "budget_tokens", _integer, "a whole number")
        if value_of(thinking.get("type", Raw(b"null"))) == "disabled":
            effort = "none"
        _unknown(thinking, frozenset(("type", "budget_tokens")), "thinking.", losses)
    if (reasoning := optional(fields, "reasoning", _members, "an object")) is not None:
        told = optional(reasoning, "effort", _text, "a string")
        effort = _effort(told, "reasoning.effort", losses) if told is not None else effort
        budget = optional(reasoning, "max_tokens", _integer, "a whole number") or budget
        hidden = optional(reasoning, "exclude", _flag, "true or false")
        shown = None if hidden is None else not hidden
        if optional(reasoning, "enabled", _flag, "true or false") is False:
            effort = "none"
        _unknown(reasoning, frozenset(("effort", "max_tokens", "exclude", "enabled")), "reasoning.", losses)
    return effort, budget, shown


def _effort(told: str, where: str, losses: Losses) -> Effort | None:
    effort = _EFFORTS.get(told)
    if effort is None:
        losses.add(where, "an effort that is not known")
    return effort


def _unknown(told: Mapping[str, Raw], known: frozenset[str], prefix: str, losses: Losses) -> None:
    lose_unknown({key: value_of(raw) for key, raw in told.items()}, known, prefix, losses)


def _format(fields: Mapping[str, Raw], losses: Losses) -> Format | None:
    told = optional(fields, "response_format", _members, "an object")
    if told is None:
        return None
    kind = value_of(told.get("type", Raw(b"null")))
    if kind in _FORMS:
        _unknown(told, _FORMS[kind], "response_format.", losses)
    match kind:
        case "text":
            return None
        case "json_object":  # with a schema beside it in llama.cpp, Together and others
            schema = told.get("schema", Raw(b"null"))
            return Format("json") if bytes(schema) == b"null" else Format("schema", schema=schema)
        case "json_schema":
            named = optional(told, "json_schema", _members, "an object")
            if named is None:
                raise wrong("response_format.json_schema", "an object with a `schema`")
            return _schema(named, losses)
        case str():
            losses.add("response_format", "a form that other dialects do not have")
            return None
    raise wrong("response_format.type", "text, json_object or json_schema")


def _schema(told: Mapping[str, Raw], losses: Losses) -> Format:
    _unknown(told, frozenset(("name", "description", "schema", "strict")), "response_format.", losses)
    schema = told.get("schema")
    return Format(
        "schema",
        text_of(value_of(told.get("name", Raw(b"null"))), "response_format.json_schema.name"),
        text_of(value_of(told.get("description", Raw(b"null"))), "response_format.json_schema.description"),
        schema if schema is not None and bytes(schema) != b"null" else None,
        optional(told, "strict", _flag, "true or false"),
    )


def _user(fields: Mapping[str, Raw], losses: Losses) -> str:
    """Read who asks: `safety_identifier` replaces `user` in the vendor's documentation."""
    user = optional(fields, "user", _text, "a string") or ""
    person = optional(fields, "safety_identifier", _text, "a string") or ""
    if person and user and user != person:
        losses.add("user", "`safety_identifier` says who asks")
    return person or user
