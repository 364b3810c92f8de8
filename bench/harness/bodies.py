"""The request bodies: a short chat, a coding agent's turn, streams of two kinds; always the same bytes."""

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any  # bodies are JSON of many shapes

__all__ = ["write_bodies"]

_WORDS = (
    *(
        "the",
        "of",
        "gateway",
        "token",
        "model",
        "cache",
        "request",
        "stream",
        "reply",
        "file",
        "edit",
        "function",
    ),
    *(
        "class",
        "import",
        "return",
        "value",
        "test",
        "error",
        "path",
        "line",
        "read",
        "write",
        "search",
        "call",
    ),
    *("result", "user", "system", "agent", "tool"),
)


def write_bodies(into: Path, model: str) -> dict[str, Path]:
    """Write the bodies for a model's name; return their paths by name.

    `max_tokens` and `seed` are the mock's knobs: events of a stream, and milliseconds between them.
    """
    random = Random(7)
    chat: dict[str, object] = {
        "model": model,
        "temperature": 0.2,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant. " * 6},
            {"role": "user", "content": _text(random, 700)},
        ],
    }
    stream = {**chat, "stream": True, "stream_options": {"include_usage": True}}
    bodies = {
        "1k": chat,
        "60k": {"model": model, **_agent(random)},
        "stream": {**stream, "max_tokens": 64, "seed": 20},
        "brisk": {**stream, "max_tokens": 64, "seed": 5},
        "hold": {**stream, "max_tokens": 40, "seed": 500},
        "warm": {**stream, "max_tokens": 4, "seed": 1},
    }
    bodies |= {f"messages-{name}": _as_messages(bodies[name]) for name in ("60k", "brisk", "stream")}
    paths = {}
    for name, body in bodies.items():
        paths[name] = into / f"{model.replace('/', '_')}.{name}.json"
        paths[name].write_text(json.dumps(body), encoding="utf-8")
    return paths


def _agent(random: Random) -> dict[str, object]:
    """Return a turn of a coding agent: 20 tools, 14 calls with their results, about 60 KB."""
    tools = []
    for number in range(20):
        arguments = {
            f"arg{index}": {"type": "string", "description": _text(random, 80)} for index in range(5)
        }
        parameters = {"type": "object", "properties": arguments, "required": ["arg0"]}
        function = {"name": f"tool_{number}", "description": _text(random, 400), "parameters": parameters}
        tools.append({"type": "function", "function": function})
    messages: list[dict[str, object]] = [{"role": "system", "content": _text(random, 9000)}]
    for number in range(14):
        arguments_text = json.dumps({"arg0": _text(random, 100)})
        call = {"id": f"call_{number}", "type": "function"}
        calls = [{**call, "function": {"name": "tool_1", "arguments": arguments_text}}]
        result = _text(random, 1100) + '\n\t"quoted" \\ back'
        messages += [
            {"role": "user", "content": _text(random, 300)},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": f"call_{number}", "content": result},
        ]
    return {"tools": tools, "messages": messages}


def _as_messages(body: Mapping[str, Any]) -> dict[str, object]:
    """Return the same request as a client of Anthropic's Messages would send it."""
    said: list[dict[str, object]] = []
    for message in body["messages"]:
        match message["role"]:
            case "system":
                continue
            case "tool":
                part = {"type": "tool_result", "tool_use_id": message["tool_call_id"]}
                said.append({"role": "user", "content": [{**part, "content": message["content"]}]})
            case "assistant":
                (call,) = message["tool_calls"]
                part = {"type": "tool_use", "id": call["id"], "name": call["function"]["name"]}
                part["input"] = json.loads(call["function"]["arguments"])
                said.append({"role": "assistant", "content": [part]})
            case _:
                said.append(message)
    tools = [
        {"name": each["name"], "description": each["description"], "input_schema": each["parameters"]}
        for each in (tool["function"] for tool in body.get("tools", ()))
    ]
    # The mock's pace travels in the thousands: a translated request has no seed.
    events = body.get("max_tokens", 64) + 1000 * body.get("seed", 0)
    whole = {"model": body["model"], "max_tokens": events, "system": body["messages"][0]["content"]}
    whole |= {"messages": said} | ({"tools": tools} if tools else {})
    return whole | ({"stream": True} if body.get("stream") else {})


def _text(random: Random, length: int) -> str:
    return " ".join(random.choice(_WORDS) + str(random.randrange(1000)) for _ in range(length // 8))
