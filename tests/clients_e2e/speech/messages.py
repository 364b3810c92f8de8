"""Anthropic Messages, as the scripted model hears and speaks it (API reference, "Messages", "Streaming").

The model is of the generation that thinks in budgets, the one with the most rules ("Extended thinking").
"""

import json
import re
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

__all__ = ["SPEECH"]

_USAGE: Json = {
    "input_tokens": INPUT - CACHED,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": CACHED,
    "output_tokens": OUTPUT,
}
_CALL = re.compile(r"[a-zA-Z0-9_-]+")
_MOST_MARKS = 4
_LEAST_TOP_P = 0.95


def _hear(_path: str, body: Json) -> Heard:
    messages = [
        (said.get("role"), list(records(said.get("content")))) for said in records(body.get("messages"))
    ]
    blocks = [block for _, said in messages for block in said]
    tools = tuple(_tool(tool) for tool in records(body.get("tools")))
    thinking = body.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    return Heard(
        str(body.get("model", "")),
        body.get("stream") is True,
        tools,
        tuple(joined(block.get("content")) for block in blocks if block.get("type") == "tool_result"),
        thinks=kind in ("enabled", "adaptive"),
        refused=first(_wrong(body, messages, tools)),
    )


def _tool(tool: Json) -> Tool:
    schema = tool.get("input_schema")
    return Tool(str(tool["name"]), schema if isinstance(schema, dict) else {})


def _wrong(body: Json, messages: list[tuple[object, list[Json]]], tools: tuple[Tool, ...]) -> Iterator[str]:
    yield from named_well(tools)
    most = body.get("max_tokens")
    if not isinstance(most, int):
        yield "max_tokens: Field required"
        return
    if '"cache_control": {' in (text := json.dumps(body)) and text.count('"cache_control": {') > _MOST_MARKS:
        yield f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided."
    if body.get("temperature") is not None and body.get("top_p") is not None:
        yield "`temperature` and `top_p` cannot both be specified for this model."
    yield from _wrong_calls(messages)
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and thinking.get("type") == "enabled":
        yield from _wrong_thinking(body, messages, int(thinking["budget_tokens"]), most)


def _wrong_calls(messages: list[tuple[object, list[Json]]]) -> Iterator[str]:
    open_calls: set[object] = set()
    for number, (_, blocks) in enumerate(messages):
        results = {block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"}
        if results != open_calls:
            yield f"messages.{number}: tool_use ids were found without tool_result blocks, or the other way"
        open_calls = {block["id"] for block in blocks if block.get("type") == "tool_use"}
        yield from (f"tool_use.id: {call!r}" for call in open_calls if not _CALL.fullmatch(str(call)))
        for block in blocks:
            if block.get("type") == "text" and not str(block.get("text")).strip():
                yield f"messages.{number}: text content blocks must contain non-whitespace text"
            if block.get("type") == "thinking" and block.get("signature") != SEAL:
                yield f"messages.{number}: Invalid `signature` in `thinking` block"


def _wrong_thinking(
    body: Json, messages: list[tuple[object, list[Json]]], budget: int, most: int
) -> Iterator[str]:
    if not 1024 <= budget < most:
        yield "`max_tokens` must be greater than `thinking.budget_tokens`, and that at least 1024"
    if body.get("temperature") not in (None, 1):
        yield "`temperature` may only be set to 1 when thinking is enabled."
    if body.get("top_k") is not None:
        yield "`top_k` must be unset when thinking is enabled."
    top_p = body.get("top_p")
    if isinstance(top_p, int | float) and top_p < _LEAST_TOP_P:
        yield "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("any", "tool"):
        yield "Thinking may not be enabled when tool_choice forces tool use."
    spoken = [blocks for role, blocks in messages if role == "assistant"]
    if not spoken or not any(block.get("type") == "tool_result" for block in messages[-1][1]):
        return
    if (kind := spoken[-1][0].get("type")) not in ("thinking", "redacted_thinking"):
        yield f"Expected `thinking` or `redacted_thinking`, but found `{kind}`."


def _say(heard: Heard, answer: Said | Call) -> Script:
    blocks = list(_blocks(answer))
    message: dict[str, object] = {
        "id": "msg_e2e",
        "type": "message",
        "role": "assistant",
        "model": heard.model,
        "stop_sequence": None,
    }
    reason = "tool_use" if isinstance(answer, Call) else "end_turn"
    if not heard.stream:
        content = [whole_block for whole_block, _, _ in blocks]
        return whole({**message, "content": content, "stop_reason": reason, "usage": _USAGE})
    begun = {**message, "content": [], "stop_reason": None, "usage": {**_USAGE, "output_tokens": 1}}
    told = [_event("message_start", message=begun), _event("ping")]
    for index, (_, empty, deltas) in enumerate(blocks):
        told.append(_event("content_block_start", index=index, content_block=empty))
        told += [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
        told.append(_event("content_block_stop", index=index))
    ended = {"stop_reason": reason, "stop_sequence": None}
    return events([*told, _event("message_delta", delta=ended, usage=_USAGE), _event("message_stop")])


def _blocks(answer: Said | Call) -> Iterator[tuple[Json, Json, list[Json]]]:
    """Return each block as it is, as it begins, and what is added to it."""
    if thought := answer.thought:
        block = {"type": "thinking", "thinking": thought, "signature": SEAL}
        deltas: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(thought)]
        deltas.append({"type": "signature_delta", "signature": SEAL})
        yield block, {**block, "thinking": "", "signature": ""}, deltas
    match answer:
        case Said(text):
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(text)]
            yield {"type": "text", "text": text}, {"type": "text", "text": ""}, deltas
        case Call():
            call = {"type": "tool_use", "id": answer.id, "name": answer.tool.name}
            deltas = [
                {"type": "input_json_delta", "partial_json": piece} for piece in pieces(answer.arguments)
            ]
            yield {**call, "input": answer.given}, {**call, "input": {}}, deltas


def _event(kind: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **fields}).encode())


def _refuse(status: int, reason: str) -> Script:
    kind = "invalid_request_error" if status == 400 else "permission_error"
    told = {"type": kind, "message": reason}
    return whole({"type": "error", "error": told, "request_id": "req_e2e"}, status)


SPEECH = Speech("claude-opus-4-5", _hear, _say, _refuse)
