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
    SEAL,
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

__all__ = ["SPEECH", "told"]

_USAGE: Json = {
    "input_tokens": INPUT,
    "input_tokens_details": {"cached_tokens": CACHED},
    "output_tokens": OUTPUT,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": INPUT + OUTPUT,
}
_RESULTS = {"function_call_output": "function_call", "custom_tool_call_output": "custom_tool_call"}
# With what the vendor's ids of items begin; another one is refused.
_IDS = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}
_LONGEST_ID = 64


def _hear(_path: str, body: Json) -> Heard:
    items = list(records(body.get("input")))
    offered = list(_tools(body.get("tools")))
    for item in items:
        if item.get("type") == "additional_tools":
            offered += _tools(item.get("tools"))
    reasoning = body.get("reasoning")
    return Heard(
        str(body.get("model", "")),
        body.get("stream") is True,
        tuple(offered),
        tuple(joined(item.get("output")) for item in items if item.get("type") in _RESULTS),
        thinks=isinstance(reasoning, dict) and reasoning.get("effort") not in (None, "none"),
        refused=first(_wrong(items, tuple(offered))),
    )


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


def _wrong(items: list[Json], tools: tuple[Tool, ...]) -> Iterator[str]:
    yield from named_well(tools)
    made: set[tuple[object, object]] = set()
    for number, item in enumerate(items):
        kind, name, call = item.get("type", "message"), item.get("id"), item.get("call_id")
        if name is not None and not str(name).startswith(_IDS.get(str(kind), "")):
            yield f"Invalid 'input[{number}].id': '{name}'. Expected an ID that begins with another prefix."
        for one in (name, call):
            if len(str(one)) > _LONGEST_ID:
                yield f"Invalid 'input[{number}]': string too long. Expected a maximum of {_LONGEST_ID}."
        if kind in ("function_call", "custom_tool_call"):
            made.add((kind, call))
        if kind in _RESULTS and (_RESULTS[str(kind)], call) not in made:
            yield f"No tool call found for {kind} with call_id {call}."
        if kind == "reasoning" and item.get("encrypted_content") != SEAL:
            yield "The encrypted content could not be verified."


def _say(heard: Heard, answer: Said | Call) -> Script:
    if not heard.stream:
        return whole(_response(heard, "completed", [item for item, _, _ in _items(answer)]))
    parts = [(str(event["type"]).encode(), json.dumps(event).encode()) for event in told(heard, answer)]
    return events([b"event: %b\ndata: %b\n\n" % part for part in parts])


def told(heard: Heard, answer: Said | Call) -> list[Json]:
    """Return the events of an answer, as a stream and a WebSocket bring them."""
    items = list(_items(answer))
    listed: list[dict[str, object]] = [
        {"type": "response.created", "response": _response(heard, "in_progress", [])},
        {"type": "response.in_progress", "response": _response(heard, "in_progress", [])},
    ]
    for index, (item, empty, middle) in enumerate(items):
        where = {"output_index": index}
        listed.append({"type": "response.output_item.added", **where, "item": {**item, **empty}})
        listed += [{**event, **where, "item_id": item["id"]} for event in middle]
        listed.append({"type": "response.output_item.done", **where, "item": item})
    output = [item for item, _, _ in items]
    listed.append({"type": "response.completed", "response": _response(heard, "completed", output)})
    return [{**event, "sequence_number": number} for number, event in enumerate(listed)]


def _items(answer: Said | Call) -> Iterator[tuple[dict[str, object], Json, list[Json]]]:
    """Return each item as it is, what differs in it when it begins, and the events that bring it."""
    if thought := answer.thought:
        part = {"type": "summary_text", "text": thought}
        item: dict[str, object] = {
            "id": "rs_e2e",
            "type": "reasoning",
            "summary": [part],
            "encrypted_content": SEAL,
        }
        yield item, {"summary": [], "encrypted_content": ""}, list(_summary(thought))
    match answer:
        case Said(text):
            words = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
            item = {
                "id": "msg_e2e",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [words],
            }
            yield item, {"status": "in_progress", "content": []}, list(_text(text))
        case Call():
            about = {"status": "completed", "call_id": answer.id, "name": answer.tool.name}
            item = {"id": "fc_e2e", "type": "function_call", **about, "arguments": answer.arguments}
            kind, field = "function_call_arguments", "arguments"
            if answer.tool.free:
                item = {"id": "ctc_e2e", "type": "custom_tool_call", **about, "input": answer.arguments}
                kind, field = "custom_tool_call_input", "input"
            deltas = [
                {"type": f"response.{kind}.delta", "delta": piece} for piece in pieces(answer.arguments)
            ]
            done = {"type": f"response.{kind}.done", field: answer.arguments}
            yield item, {"status": "in_progress", field: ""}, [*deltas, done]


def _summary(thought: str) -> Iterator[Json]:
    where, kind = {"summary_index": 0}, "response.reasoning_summary"
    yield {"type": f"{kind}_part.added", **where, "part": {"type": "summary_text", "text": ""}}
    for piece in pieces(thought):
        yield {"type": f"{kind}_text.delta", **where, "delta": piece}
    yield {"type": f"{kind}_text.done", **where, "text": thought}
    yield {"type": f"{kind}_part.done", **where, "part": {"type": "summary_text", "text": thought}}


def _text(text: str) -> Iterator[Json]:
    where = {"content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    yield {"type": "response.content_part.added", **where, "part": part}
    for piece in pieces(text):
        yield {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **where, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **where, "part": {**part, "text": text}}


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


def _refuse(status: int, reason: str) -> Script:
    told = {"message": reason, "type": "invalid_request_error", "param": None, "code": None}
    return whole({"error": told}, status)


SPEECH = Speech("gpt-5.5", _hear, _say, _refuse)
