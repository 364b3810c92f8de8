"""Anthropic Messages, as the scripted model hears and speaks it (API reference, "Messages", "Streaming")."""

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
    "input_tokens": INPUT - CACHED,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": CACHED,
    "output_tokens": OUTPUT,
}


def _hear(_path: str, body: Json) -> Heard:
    blocks = [block for said in records(body.get("messages")) for block in records(said.get("content"))]
    return Heard(
        str(body.get("model", "")),
        body.get("stream") is True,
        tuple(_tool(tool) for tool in records(body.get("tools"))),
        tuple(joined(block.get("content")) for block in blocks if block.get("type") == "tool_result"),
    )


def _tool(tool: Json) -> Tool:
    schema = tool.get("input_schema")
    return Tool(str(tool["name"]), schema if isinstance(schema, dict) else {})


def _say(heard: Heard, answer: Said | Call) -> Script:
    block, deltas = _block(answer)
    message: dict[str, object] = {
        "id": "msg_e2e",
        "type": "message",
        "role": "assistant",
        "model": heard.model,
        "stop_sequence": None,
    }
    reason = "tool_use" if isinstance(answer, Call) else "end_turn"
    if not heard.stream:
        filled = (
            {**block, "text": answer.text} if isinstance(answer, Said) else {**block, "input": answer.given}
        )
        return whole({**message, "content": [filled], "stop_reason": reason, "usage": _USAGE})
    begun = {**message, "content": [], "stop_reason": None, "usage": {**_USAGE, "output_tokens": 1}}
    return events(
        [
            _event("message_start", message=begun),
            _event("content_block_start", index=0, content_block=block),
            _event("ping"),
            *(_event("content_block_delta", index=0, delta=delta) for delta in deltas),
            _event("content_block_stop", index=0),
            _event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=_USAGE),
            _event("message_stop"),
        ]
    )


def _block(answer: Said | Call) -> tuple[Json, list[Json]]:
    """Return the block as it begins, and what is added to it."""
    match answer:
        case Said(text):
            return {"type": "text", "text": ""}, [
                {"type": "text_delta", "text": piece} for piece in pieces(text)
            ]
        case Call():
            deltas: list[Json] = [
                {"type": "input_json_delta", "partial_json": piece} for piece in pieces(answer.arguments)
            ]
            return {"type": "tool_use", "id": answer.id, "name": answer.tool.name, "input": {}}, deltas


def _event(kind: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **fields}).encode())


SPEECH = Speech(_hear, _say)
