"""Ollama's native chat, as the scripted model hears and speaks it (docs/api.md of ollama/ollama)."""

import json
from collections.abc import Iterator

from clients_e2e.speech.turns import (
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


def _hear(_path: str, body: Json) -> Heard:
    messages = list(records(body.get("messages")))
    tools = tuple(_tool(tool) for tool in records(body.get("tools")))
    return Heard(
        str(body.get("model", "")),
        body.get("stream") is not False,
        tools,
        tuple(joined(said["content"]) for said in messages if said.get("role") == "tool"),
        thinks=bool(body.get("think")),
        refused=first(_wrong(body, messages, tools)),
    )


def _tool(tool: Json) -> Tool:
    function = tool["function"]
    assert isinstance(function, dict)
    return Tool(str(function["name"]), function.get("parameters") or {})


def _wrong(body: Json, messages: list[Json], tools: tuple[Tool, ...]) -> Iterator[str]:
    """Return what the server's own JSON reader stops at: Go's is typed."""
    yield from named_well(tools)
    if body.get("think") not in (None, True, False, "low", "medium", "high", "max"):
        yield "invalid think value"
    for said in messages:
        if not isinstance(said.get("content"), str):
            yield "json: cannot unmarshal into Go struct field Message.messages.content of type string"
        for call in records(said.get("tool_calls")):
            function = call["function"]
            if not isinstance(function, dict) or not isinstance(function.get("arguments"), dict):
                yield "json: cannot unmarshal into Go struct field .arguments of type map[string]interface {}"


def _say(heard: Heard, answer: Said | Call) -> Script:
    if not heard.stream:
        together = {key: value for part in _parts(answer, whole=True) for key, value in part.items()}
        return whole(_line(heard, together, done=True))
    lines = [_line(heard, {"content": "", **part}) for part in _parts(answer, whole=False)]
    lines.append(_line(heard, {"content": ""}, done=True))
    return events([json.dumps(line).encode() + b"\n" for line in lines], "application/x-ndjson")


def _parts(answer: Said | Call, *, whole: bool) -> Iterator[Json]:
    if answer.thought:
        yield {"thinking": answer.thought}
    match answer:
        case Said(text):
            yield from ({"content": piece} for piece in ([text] if whole else pieces(text)))
        case Call():
            call = {"function": {"name": answer.tool.name, "arguments": answer.given}}
            yield {"content": "", "tool_calls": [call]}


def _line(heard: Heard, part: Json, *, done: bool = False) -> Json:
    line = {
        "model": heard.model,
        "created_at": "2026-09-21T15:00:00.0Z",
        "message": {"role": "assistant", **part},
        "done": done,
    }
    if not done:
        return line
    counts = {"prompt_eval_count": INPUT, "eval_count": OUTPUT, "total_duration": 1, "load_duration": 1}
    return {**line, "done_reason": "stop", **counts}


def _refuse(status: int, reason: str) -> Script:
    return whole({"error": reason}, status)


SPEECH = Speech("qwen3:14b", _hear, _say, _refuse)
