"""OpenAI Chat Completions, as the scripted model hears and speaks it (API reference, "Chat").

Thinking is shown as `reasoning_content`, as many servers of this dialect do.
"""

import json
from collections.abc import Iterator

from clients_e2e.speech.turns import (
    CACHED,
    INPUT,
    OUTPUT,
    Call,
    Heard,
    Json,
    Said,
    Speech,
    Tool,
    events,
    first,
    joined,
    named_well,
    pieces,
    records,
    whole,
)
from scripted.script import Script

__all__ = ["SPEECH"]

_USAGE: Json = {
    "prompt_tokens": INPUT,
    "completion_tokens": OUTPUT,
    "total_tokens": INPUT + OUTPUT,
    "prompt_tokens_details": {"cached_tokens": CACHED},
}


def _hear(_path: str, body: Json) -> Heard:
    messages = list(records(body.get("messages")))
    tools = tuple(_tool(tool) for tool in records(body.get("tools")))
    options = body.get("stream_options")
    return Heard(
        str(body.get("model", "")),
        body.get("stream") is True,
        tools,
        tuple(joined(said["content"]) for said in messages if said.get("role") == "tool"),
        thinks=body.get("reasoning_effort") not in (None, "none"),
        refused=first(_wrong(body, messages, tools)),
        wants_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _tool(tool: Json) -> Tool:
    if isinstance(custom := tool.get("custom"), dict):
        return Tool(str(custom["name"]), free=True)
    function = tool["function"]
    assert isinstance(function, dict)
    return Tool(str(function["name"]), function.get("parameters") or {})


def _wrong(body: Json, messages: list[Json], tools: tuple[Tool, ...]) -> Iterator[str]:
    yield from named_well(tools)
    open_calls: list[object] = []
    for said in messages:
        if said.get("role") == "tool":
            if said.get("tool_call_id") not in open_calls:
                yield "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'"
            open_calls = [call for call in open_calls if call != said.get("tool_call_id")]
            continue
        if open_calls:
            yield "an assistant message with 'tool_calls' must be followed by tool messages"
        open_calls = [call.get("id") for call in records(said.get("tool_calls"))]
        if said.get("role") == "assistant" and not said.get("content") and not open_calls:
            yield "an assistant message needs content or tool_calls"
    if open_calls:
        yield "an assistant message with 'tool_calls' must be followed by tool messages"
    if not tools and (body.get("tool_choice") is not None or body.get("parallel_tool_calls") is not None):
        yield "tool_choice and parallel_tool_calls are only allowed when tools are specified"
    if body.get("stream_options") is not None and body.get("stream") is not True:
        yield "stream_options is only allowed when stream is enabled"


def _say(heard: Heard, answer: Said | Call) -> Script:
    if not heard.stream:
        message: dict[str, object] = {"role": "assistant", "content": None}
        if answer.thought:
            message["reasoning_content"] = answer.thought
        match answer:
            case Said(text):
                message["content"] = text
            case Call():
                message["tool_calls"] = [_call(answer, answer.arguments)]
        choice = {"index": 0, "message": message, "finish_reason": _reason(answer)}
        return whole({**_envelope(heard, "chat.completion"), "choices": [choice], "usage": _USAGE})
    parts = [_event(heard, {"role": "assistant", "content": ""})]
    parts += [_event(heard, delta) for delta in _deltas(answer)]
    parts.append(_event(heard, {}, _reason(answer)))
    if heard.wants_usage:
        parts.append(_data({**_envelope(heard, "chat.completion.chunk"), "choices": [], "usage": _USAGE}))
    return events([*parts, b"data: [DONE]\n\n"])


def _deltas(answer: Said | Call) -> Iterator[Json]:
    if answer.thought:
        yield from ({"reasoning_content": piece} for piece in pieces(answer.thought))
    match answer:
        case Said(text):
            yield from ({"content": piece} for piece in pieces(text))
        case Call():
            kind, field = ("custom", "input") if answer.tool.free else ("function", "arguments")
            yield {"tool_calls": [{"index": 0, **_call(answer, "")}]}
            for piece in pieces(answer.arguments):
                yield {"tool_calls": [{"index": 0, kind: {field: piece}}]}


def _call(call: Call, arguments: str) -> Json:
    if call.tool.free:
        return {"id": call.id, "type": "custom", "custom": {"name": call.tool.name, "input": arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.tool.name, "arguments": arguments}}


def _reason(answer: Said | Call) -> str:
    return "tool_calls" if isinstance(answer, Call) else "stop"


def _envelope(heard: Heard, kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-e2e", "object": kind, "created": 1_790_000_000, "model": heard.model}


def _event(heard: Heard, delta: Json, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return _data({**_envelope(heard, "chat.completion.chunk"), "choices": [choice]})


def _data(body: Json) -> bytes:
    return b"data: %b\n\n" % json.dumps(body).encode()


def _refuse(status: int, reason: str) -> Script:
    told = {"message": reason, "type": "invalid_request_error", "param": None, "code": None}
    return whole({"error": told}, status)


SPEECH = Speech("gpt-5.5", _hear, _say, _refuse)
