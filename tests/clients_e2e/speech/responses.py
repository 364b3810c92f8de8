"""OpenAI Responses, as the scripted model hears and speaks it (API reference, "Responses", "Streaming").

Tools stand in `tools`, or, in what Codex calls responses-lite, in an item `additional_tools`; both may
hold them in groups (`namespace`).
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
    joined,
    pieces,
    records,
    whole,
)
from scripted.script import Script

__all__ = ["SPEECH", "told"]

_USAGE: Json = {
    "input_tokens": INPUT,
    "input_tokens_details": {"cached_tokens": CACHED},
    "output_tokens": OUTPUT,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": INPUT + OUTPUT,
}
_RESULTS = ("function_call_output", "custom_tool_call_output")


def _hear(_path: str, body: Json) -> Heard:
    items = list(records(body.get("input")))
    offered = list(_tools(body.get("tools")))
    for item in items:
        if item.get("type") == "additional_tools":
            offered += _tools(item.get("tools"))
    results = [joined(item.get("output")) for item in items if item.get("type") in _RESULTS]
    return Heard(str(body.get("model", "")), body.get("stream") is True, tuple(offered), tuple(results))


def _tools(value: object) -> Iterator[Tool]:
    for tool in records(value):
        match tool.get("type"):
            case "function":
                schema = tool.get("parameters")
                yield Tool(str(tool["name"]), schema if isinstance(schema, dict) else {})
            case "custom":
                yield Tool(str(tool["name"]), free=True)
            case "namespace":
                yield from _tools(tool.get("tools"))


def _say(heard: Heard, answer: Said | Call) -> Script:
    if not heard.stream:
        return whole(_response(heard, "completed", [_item(answer)]))
    return events(
        [
            b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), json.dumps(event).encode())
            for event in told(heard, answer)
        ]
    )


def told(heard: Heard, answer: Said | Call) -> list[Json]:
    """Return the events of an answer, as a stream and a WebSocket bring them."""
    item = _item(answer)
    empty, middle = _middle(answer, str(item["id"]))
    listed: list[dict[str, object]] = [
        {"type": "response.created", "response": _response(heard, "in_progress", [])},
        {"type": "response.in_progress", "response": _response(heard, "in_progress", [])},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, **empty}},
        *({**event, "output_index": 0, "item_id": item["id"]} for event in middle),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": _response(heard, "completed", [item])},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(listed)]


def _item(answer: Said | Call) -> dict[str, object]:
    match answer:
        case Said(text):
            part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
            about = {"id": "msg_e2e", "type": "message", "role": "assistant", "status": "completed"}
            return {**about, "content": [part]}
        case Call():
            about = {"status": "completed", "call_id": answer.id, "name": answer.tool.name}
            if answer.tool.free:
                return {"id": "ctc_e2e", "type": "custom_tool_call", **about, "input": answer.arguments}
            return {"id": "fc_e2e", "type": "function_call", **about, "arguments": answer.arguments}


def _middle(answer: Said | Call, item: str) -> tuple[Json, list[Json]]:
    """Return what an item lacks when it begins, and the events that bring it."""
    match answer:
        case Said(text):
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            deltas = [
                {"type": "response.output_text.delta", "content_index": 0, "delta": piece, "logprobs": []}
                for piece in pieces(text)
            ]
            return {"status": "in_progress", "content": []}, [
                {"type": "response.content_part.added", "content_index": 0, "part": part},
                *deltas,
                {"type": "response.output_text.done", "content_index": 0, "text": text, "logprobs": []},
                {"type": "response.content_part.done", "content_index": 0, "part": {**part, "text": text}},
            ]
        case Call():
            kind, field = "function_call_arguments", "arguments"
            if answer.tool.free:
                kind, field = "custom_tool_call_input", "input"
            return {"status": "in_progress", field: ""}, [
                *({"type": f"response.{kind}.delta", "delta": piece} for piece in pieces(answer.arguments)),
                {"type": f"response.{kind}.done", field: answer.arguments},
            ]


def _response(heard: Heard, status: str, output: list[dict[str, object]]) -> Json:
    return {
        "id": "resp_e2e",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "model": heard.model,
        "output": output,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": _USAGE if status == "completed" else None,
    }


SPEECH = Speech(_hear, _say)
