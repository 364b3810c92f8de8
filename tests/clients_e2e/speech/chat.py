"""OpenAI Chat Completions, as the scripted model hears and speaks it (API reference, "Chat")."""

import json

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
    joined,
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
    results = [
        joined(said["content"]) for said in records(body.get("messages")) if said.get("role") == "tool"
    ]
    return Heard(
        str(body.get("model", "")),
        body.get("stream") is True,
        tuple(_tool(tool) for tool in records(body.get("tools"))),
        tuple(results),
        isinstance(options := body.get("stream_options"), dict) and options.get("include_usage") is True,
    )


def _tool(tool: Json) -> Tool:
    if isinstance(custom := tool.get("custom"), dict):
        return Tool(str(custom["name"]), free=True)
    function = tool["function"]
    assert isinstance(function, dict)
    return Tool(str(function["name"]), function.get("parameters") or {})


def _say(heard: Heard, answer: Said | Call) -> Script:
    if not heard.stream:
        message: dict[str, object] = {"role": "assistant", "content": None}
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


def _deltas(answer: Said | Call) -> list[Json]:
    match answer:
        case Said(text):
            return [{"content": piece} for piece in pieces(text)]
        case Call():
            kind, field = ("custom", "input") if answer.tool.free else ("function", "arguments")
            more = [{"index": 0, kind: {field: piece}} for piece in pieces(answer.arguments)]
            return [{"tool_calls": [call]} for call in ({"index": 0, **_call(answer, "")}, *more)]


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


SPEECH = Speech(_hear, _say)
