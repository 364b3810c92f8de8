"""A request of the common model written in this dialect, for servers of every make.

Many servers speak it, most of them only its older half. So what means the same in words that all of them
know is said in those: content that is text alone as one string, `system` for developers, `max_tokens`,
functions for tools that take free text. What only some servers take and others refuse is a loss: `top_k`,
`prompt_cache_key` (zed-industries/zed issue 36215). Mistral's refuses `max_completion_tokens`
(editor-code-assistant/eca issue 231); OpenAI's own, which wants nothing else, speaks `responses`, too.
"""

from collections.abc import Iterable, Sequence

import msgspec

from llm_gateway.canonical.customs import wrapped
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Part, Refusal, Seal, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Encoded, Format, Message, Reasoning, Request, Sampling
from llm_gateway.dialects.chat.calls import write_call
from llm_gateway.dialects.chat.content import joined, write_content
from llm_gateway.dialects.chat.members import Json
from llm_gateway.dialects.chat.reasoning import write_thoughts
from llm_gateway.dialects.chat.tools import write_choice, write_tools
from llm_gateway.dialects.contract import Target

__all__ = ["encode_request"]

_encode = msgspec.json.encode

# ai.google.dev, "OpenAI compatibility": what the efforts are worth in tokens of thinking.
_BUDGETS = ((0, "none"), (1024, "low"), (8192, "medium"))
_MAX_USER = 64
_FAILED = "The tool failed."
_SEE_BELOW = "The result is in the next message."


def encode_request(request: Request, target: Target) -> Encoded:
    """Write a request for this target."""
    losses = Losses()
    told: dict[str, object] = {"model": target.model, "messages": _messages(request.messages, losses)}
    if request.tools and (tools := write_tools(request.tools, request.tool_choice, losses)):
        told["tools"] = tools
        told.update(write_choice(request.tool_choice, losses))
    elif request.tool_choice.mode in ("required", "named"):
        losses.add("tool_choice", "there is no tool to choose")
    _add_sampling(told, request.sampling, losses)
    if request.reasoning is not None:
        _add_reasoning(told, request.reasoning, losses)
    if request.format is not None:
        told["response_format"] = _format(request.format)
    if 0 < len(request.user) <= _MAX_USER:
        told["user"] = request.user
    elif request.user:
        losses.add("user", f"longer than the {_MAX_USER} characters that are taken")
    if request.cache_key:
        losses.add("prompt_cache_key", "most servers refuse it")
    if request.service_tier not in ("", "auto", "default"):
        losses.add("service_tier", "a tier of another provider's")
    if request.stream:
        told["stream"] = True
        if target.usage:
            told["stream_options"] = {"include_usage": True}
    return Encoded(_encode(told), losses.found())


def _messages(messages: Iterable[Message], losses: Losses) -> list[Json]:
    told: list[Json] = []
    for message in messages:
        match message.role:
            case "system":
                told.append({"role": "system", "content": _system(message.parts, losses)})
            case "assistant":
                if (said := _assistant(message.parts, losses)) is not None:
                    told.append(said)
            case "user":
                told += _user(message.parts, losses)
    if told and told[-1]["role"] == "assistant" and told[-1]["content"] and "tool_calls" not in told[-1]:
        # Some go on unasked (ggml-org/llama.cpp pull request 13174), others when told so in words of their
        # own, which the next refuse (vLLM's `continue_final_message`, Mistral's `prefix`).
        losses.add("messages.assistant", "most servers do not go on with an answer, but begin a new one")
    return told


def _system(parts: Sequence[Part], losses: Losses) -> str:
    if not all(isinstance(part, Text) for part in parts):
        losses.add("messages.system", "a system message is text alone")
    return joined(parts)


def _user(parts: Sequence[Part], losses: Losses) -> list[Json]:
    """Write the results of tools as messages of their own: they follow the calls, so they come first.

    A result is text in this dialect; its pictures and files go into the message that comes after.
    """
    match parts:  # an agent's conversation is made of these two
        case (Text(text),):
            return [{"role": "user", "content": text}]
        case (ToolResult(call_id, (Text(text),), _, False),):
            return [{"role": "tool", "tool_call_id": call_id, "content": text}]
    results = [part for part in parts if isinstance(part, ToolResult)]
    told: list[Json] = []
    seen: list[Part] = []
    for result in results:
        text = joined(result.parts)
        media = [part for part in result.parts if not isinstance(part, Text)]
        if media:
            seen += [Text(f"The result of the call {result.call_id}:"), *media]
        if result.is_error:
            losses.add("messages.tool.is_error", "told in the text")
            text = f"{_FAILED}\n{text}" if text else _FAILED
        content = text or (_SEE_BELOW if media else "")
        told.append({"role": "tool", "tool_call_id": result.call_id, "content": content})
    rest = [*seen, *(part for part in parts if not isinstance(part, ToolResult))]
    if rest or not results:
        told.append({"role": "user", "content": write_content(rest, losses)})
    return told


def _assistant(parts: Sequence[Part], losses: Losses) -> Json | None:
    """Write what the model said; None for what it only thought.

    A client that asks again after an answer broke off repeats the thought (Codex does), and servers refuse a
    message of the assistant without content and calls.
    """
    match parts:
        case (Text(text),):
            return {"role": "assistant", "content": text}
        case (ToolCall(_, _, _, False, None) as call,):
            return {
                "role": "assistant",
                "content": None,
                "tool_calls": [write_call(_function_call(call), None)],
            }
    calls: list[Json] = []
    thoughts: list[Thinking] = []
    refusal = ""
    for part in parts:
        match part:
            case ToolCall():
                calls.append(write_call(_function_call(part), _own_seal(part, losses)))
            case Thinking():
                thoughts.append(part)
            case Refusal(text):
                refusal += text
            case Text():
                pass
            case _:
                losses.add("messages.assistant", "the model's own part of a conversation is text and calls")
    text = joined(parts, "")
    if thoughts and not (text or refusal or calls):
        losses.add("messages.thinking", "the model thought, and said nothing")
        return None
    told: dict[str, object] = {"role": "assistant", "content": text}
    if not text and (calls or refusal):
        told["content"] = None
    if refusal:
        told["refusal"] = refusal
    if thoughts:
        told.update(write_thoughts(thoughts, losses))
    if calls:
        told["tool_calls"] = calls
    return told


def _function_call(call: ToolCall) -> ToolCall:
    """Return a call as one of a function; servers parse its arguments, so that nothing is an empty object."""
    if call.custom:
        return wrapped(call)
    return call if call.arguments else msgspec.structs.replace(call, arguments="{}")


def _own_seal(call: ToolCall, losses: Losses) -> Seal | None:
    """Return the seal of a call that a server of this dialect made: to others the member is an error."""
    seal = call.seal
    if seal is None:
        return None
    if seal.dialect == "chat":
        return Seal("gemini", seal.data)  # as it was said, in Google's place
    losses.add("messages.tool_calls.extra_content", "sealed by another dialect's model")
    return None


def _add_sampling(told: dict[str, object], sampling: Sampling, losses: Losses) -> None:
    if sampling.top_k is not None:
        losses.add("top_k", "OpenAI's own server and others refuse it")
    values = (
        ("max_tokens", sampling.max_tokens),
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
        ("seed", sampling.seed),
        ("presence_penalty", sampling.presence_penalty),
        ("frequency_penalty", sampling.frequency_penalty),
    )
    told.update((name, value) for name, value in values if value is not None)
    if sampling.stop:
        told["stop"] = sampling.stop


def _add_reasoning(told: dict[str, object], reasoning: Reasoning, losses: Losses) -> None:
    effort: str | None = reasoning.effort
    if effort == "max":
        losses.add("reasoning.effort", "`xhigh` is the most that can be asked for")
        effort = "xhigh"
    if reasoning.budget is not None:
        losses.add("reasoning.budget", "told as an effort: tokens for thinking cannot be counted out")
        effort = effort or next((word for most, word in _BUDGETS if reasoning.budget <= most), "high")
    if reasoning.shown is not None:
        losses.add("reasoning.shown", "each server decides whether it shows what the model thought")
    if effort is not None:
        told["reasoning_effort"] = effort


def _format(form: Format) -> Json:
    if form.kind == "json":
        return {"type": "json_object"}
    told: dict[str, object] = {"name": form.name or "answer"}
    if form.description:
        told["description"] = form.description
    if form.schema is not None:
        told["schema"] = form.schema
    if form.strict is not None:
        told["strict"] = form.strict
    return {"type": "json_schema", "json_schema": told}
