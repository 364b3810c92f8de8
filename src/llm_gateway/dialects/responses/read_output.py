"""The items of an upstream's answer as parts of the common model, and what its ending means."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Refusal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart
from llm_gateway.dialects.responses.fields import UNREADABLE, named, report_strays
from llm_gateway.dialects.responses.seals import with_id

__all__ = ["finish_of", "parts_of", "report_envelope", "said"]

_ENDINGS: Mapping[str, Finish] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}


_members = msgspec.json.Decoder(dict[str, Raw])

# `id`, `status` and `created_by` are bookkeeping.
_KEPT = frozenset(("type", "id", "status", "created_by"))
_MEMBERS: Mapping[str, frozenset[str]] = {
    "message": _KEPT | {"role", "content"},
    "reasoning": _KEPT | {"summary", "content", "encrypted_content"},
    "function_call": _KEPT | {"call_id", "name", "arguments"},
    "custom_tool_call": _KEPT | {"call_id", "name", "input"},
    "output_text": frozenset(("type", "text", "annotations", "logprobs")),
    "refusal": frozenset(("type", "refusal")),
    "summary_text": frozenset(("type", "text")),
    "reasoning_text": frozenset(("type", "text")),
}
# What a response object repeats of its request, and when, where and how it was made.
_ENVELOPE = frozenset(
    (
        *("id", "object", "created_at", "completed_at", "status", "model", "output", "output_text", "usage"),
        *("incomplete_details", "error", "background", "conversation", "instructions", "max_output_tokens"),
        *("max_tool_calls", "metadata", "parallel_tool_calls", "previous_response_id", "prompt"),
        *("prompt_cache_key", "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier"),
        *("store", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation"),
        *("user", "frequency_penalty", "presence_penalty", "billing", "tool_usage"),
    )
)


def report_envelope(response: bytes | Raw, losses: Losses) -> None:
    """Report what a response object says that nobody knows; what is none says nothing."""
    try:
        told = _members.decode(response)
    except UNREADABLE:
        return
    if strays := told.keys() - _ENVELOPE:  # what it repeats can be long, and is left as it is
        report_strays({key: _said(told[key]) for key in strays}, frozenset(), "response", losses)


def _said(member: Raw) -> object:
    """Return what a member says; one that was skipped and cannot be read says something all the same."""
    try:
        return msgspec.json.decode(member)
    except UNREADABLE:
        return "unreadable"


def parts_of(item: Mapping[str, object], losses: Losses) -> list[AnswerPart]:
    """Return the parts that one item of an output is made of."""
    kind = item.get("type")
    if isinstance(kind, str) and kind in _MEMBERS:
        report_strays(item, _MEMBERS[kind], "response", losses)
    match kind:
        case "message":
            return _message(item, losses)
        case "reasoning":
            return _reasoning(item, losses)
        case "function_call":
            return [_call(item, "arguments")]
        case "custom_tool_call":
            return [_call(item, "input")]
        case str() as kind:
            losses.add(f"response.{named(kind)}", "the provider's own work, which other dialects do not tell")
    return []


def finish_of(reason: str, *, calls: bool, refused: bool) -> Finish:
    """Return why an answer ended: `reason` is that of `incomplete_details`, "" where it is complete."""
    if reason:
        return _ENDINGS.get(reason, "other")
    if calls:
        return "tool_calls"
    return "refusal" if refused else "stop"


def said(item: Mapping[str, object], key: str) -> str:
    """Return a string member; "" where it is none."""
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _message(item: Mapping[str, object], losses: Losses) -> list[AnswerPart]:
    parts: list[AnswerPart] = []
    content = item.get("content")
    for part in content if isinstance(content, list) else ():
        _report_part(part, losses)
        match part:
            case {"type": "output_text" | "text", "text": str() as text}:
                if part.get("annotations"):
                    losses.add("response.annotations", "sources beside a text are told by this dialect alone")
                if part.get("logprobs"):
                    losses.add("response.logprobs", "not known to other dialects")
                parts.append(Text(text))
            case {"type": "refusal", "refusal": str() as text}:
                parts.append(Refusal(text))
            case {"type": str() as kind}:
                losses.add(f"response.{named(kind)}", "a kind of content that other dialects do not have")
    return parts


def _report_part(part: object, losses: Losses) -> None:
    if isinstance(part, dict) and isinstance(kind := part.get("type"), str) and kind in _MEMBERS:
        report_strays(part, _MEMBERS[kind], "response", losses)


def _reasoning(item: Mapping[str, object], losses: Losses) -> list[AnswerPart]:
    for parts in (item.get("summary"), item.get("content")):
        for part in parts if isinstance(parts, list) else ():
            _report_part(part, losses)
    summary, content = _texts(item.get("summary")), _texts(item.get("content"))
    if summary and content:
        losses.add("response.reasoning.content", "thinking is told once, as its summary")
    text = summary or content
    encrypted = said(item, "encrypted_content")
    if not text and not encrypted:
        return []
    return [Thinking(text, with_id(encrypted, said(item, "id")) if encrypted else None)]


def _texts(parts: object) -> str:
    if not isinstance(parts, list):
        return ""
    return "\n\n".join(part["text"] for part in parts if isinstance(part, dict) and said(part, "text"))


def _call(item: Mapping[str, object], key: str) -> ToolCall:
    call_id = said(item, "call_id") or said(item, "id")
    return ToolCall(call_id, said(item, "name"), said(item, key), custom=key == "input")
