"""The items of an upstream's answer as parts of the common model, and what its ending means."""

from collections.abc import Mapping

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Refusal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart
from llm_gateway.dialects.responses.fields import named
from llm_gateway.dialects.responses.seals import with_id

__all__ = ["finish_of", "parts_of", "said"]

_ENDINGS: Mapping[str, Finish] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}


def parts_of(item: Mapping[str, object], losses: Losses) -> list[AnswerPart]:
    """Return the parts that one item of an output is made of."""
    match item.get("type"):
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


def _reasoning(item: Mapping[str, object], losses: Losses) -> list[AnswerPart]:
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
