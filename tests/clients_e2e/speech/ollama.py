"""Ollama's native chat, as the scripted model hears and speaks it (docs/api.md of ollama/ollama)."""

import json

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
    joined,
    pieces,
    records,
    whole,
)
from scripted.script import Script

__all__ = ["SPEECH"]


def _hear(_path: str, body: Json) -> Heard:
    results = [
        joined(said["content"]) for said in records(body.get("messages")) if said.get("role") == "tool"
    ]
    return Heard(
        str(body.get("model", "")),
        body.get("stream") is not False,
        tuple(_tool(tool) for tool in records(body.get("tools"))),
        tuple(results),
    )


def _tool(tool: Json) -> Tool:
    function = tool["function"]
    assert isinstance(function, dict)
    return Tool(str(function["name"]), function.get("parameters") or {})


def _say(heard: Heard, answer: Said | Call) -> Script:
    told = _parts(heard, answer)
    if not heard.stream:
        return whole(_line(heard, told[0], done=True))
    lines = [*(_line(heard, part) for part in told), _line(heard, {"content": ""}, done=True)]
    return events([json.dumps(line).encode() + b"\n" for line in lines], "application/x-ndjson")


def _parts(heard: Heard, answer: Said | Call) -> list[Json]:
    match answer:
        case Said(text):
            return [{"content": piece} for piece in (pieces(text) if heard.stream else [text])]
        case Call():
            call = {"function": {"name": answer.tool.name, "arguments": answer.given}}
            return [{"content": "", "tool_calls": [call]}]


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


SPEECH = Speech(_hear, _say)
