"""Answers in the language of OpenAI's Responses, as its servers give them.

`respond` is the default behaviour of the scripted upstream for this dialect; tests build anything else
from the pieces. An item is what an output holds; the events of a stream are made from the items.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from scripted.records import Received
from scripted.script import Script, Send
from scripted.wording import LAST_CHUNK, chunk, cut, response, stream_head

__all__ = [
    "ENCRYPTED",
    "ID",
    "TEXT",
    "USAGE",
    "completed",
    "custom_call",
    "error",
    "error_event",
    "events",
    "function_call",
    "message",
    "plain",
    "reasoning",
    "refusal",
    "respond",
    "stream",
]

Json = Mapping[str, object]

ID = "resp_scripted_1"
TEXT = "Grüße aus dem Skript: 你好, мир 🌍."
ENCRYPTED = "gAAAAABscripted_reasoning=="
USAGE: Json = {
    "input_tokens": 40,
    "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
    "output_tokens": 12,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 52,
}


def message(text: str = TEXT, item_id: str = "msg_scripted_1") -> Json:
    """Return a message of one text."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return _message(part, item_id)


def refusal(text: str = "Das geht nicht.", item_id: str = "msg_scripted_2") -> Json:
    """Return a message that is a refusal."""
    return _message({"type": "refusal", "refusal": text}, item_id)


def reasoning(summary: Sequence[str] = ("Erst denken.",), encrypted: str | None = ENCRYPTED) -> Json:
    """Return an item of reasoning with its summary and, unless None, its encrypted content."""
    parts = [{"type": "summary_text", "text": text} for text in summary]
    item: dict[str, object] = {"id": "rs_scripted_1", "type": "reasoning", "summary": parts}
    return item if encrypted is None else {**item, "encrypted_content": encrypted}


def function_call(name: str, arguments: Json, call_id: str = "call_scripted_1") -> Json:
    """Return a call of a function."""
    return {
        "id": f"fc_{call_id}",
        "type": "function_call",
        "status": "completed",
        "arguments": json.dumps(arguments),
        "call_id": call_id,
        "name": name,
    }


def custom_call(name: str, text: str, call_id: str = "call_scripted_2") -> Json:
    """Return a call of a tool that takes free text."""
    return {
        "id": f"ctc_{call_id}",
        "type": "custom_tool_call",
        "status": "completed",
        "call_id": call_id,
        "input": text,
        "name": name,
    }


def completed(
    model: str,
    output: Sequence[Json] = (),
    *,
    usage: object = USAGE,
    status: str = "completed",
    reason: str = "",
    failure: Json | None = None,
) -> dict[str, object]:
    """Return a response object; without `output` it says `TEXT`."""
    return {
        "id": ID,
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "background": False,
        "error": failure,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "max_output_tokens": None,
        "model": model,
        "output": list(output) or [message()],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
        "metadata": {},
        "x_unknown": {"kept": True},
    }


def events(
    model: str,
    output: Sequence[Json] = (),
    *,
    usage: object = USAGE,
    ending: str = "completed",
    reason: str = "",
    failure: Json | None = None,
) -> list[bytes]:
    """Return the events of a streamed answer.

    `ending` is `completed`, `incomplete` or `failed`; with "" the stream breaks off before its end.
    """
    items = list(output) or [message()]
    begun = {**completed(model, usage=None, status="in_progress"), "output": []}
    told: list[tuple[str, Json]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
    ]
    for place, item in enumerate(items):
        told += _item_events(place, item)
    if ending:
        shown = [] if ending == "failed" else items
        whole = completed(model, items, usage=usage, status=ending, reason=reason, failure=failure)
        told.append((f"response.{ending}", {"response": {**whole, "output": shown}}))
    return [_event(kind, number, members) for number, (kind, members) in enumerate(told)]


def error_event(message: str = "The server had an error.", code: str = "server_error") -> bytes:
    """Return the event with which a stream reports an error of its own."""
    return _event("error", 3, {"code": code, "message": message, "param": None})


def plain(model: str, output: Sequence[Json] = (), *, usage: object = USAGE) -> Script:
    """Return the script of a whole answer."""
    return (Send(response(200, _json(completed(model, output, usage=usage)))),)


def stream(parts: Sequence[bytes], how: int | Iterable[int] | Random | None = None) -> Script:
    """Return the script of a stream: an event a chunk, or all of it cut as `how` says."""
    pieces = parts if how is None else cut(b"".join(parts), how)
    return (Send(stream_head()), *(Send(chunk(piece)) for piece in pieces), Send(LAST_CHUNK))


def error(message: str, kind: str, code: str | None = None) -> bytes:
    """Return the body of an error answer."""
    return _json({"error": {"message": message, "type": kind, "param": None, "code": code}})


def respond(request: Received, names: Sequence[str]) -> Script | None:
    """Answer as a well-behaved server would; None for a path of another dialect."""
    path = request.target.partition("?")[0]
    if path.endswith("/responses/input_tokens"):
        return (Send(response(200, _json({"object": "response.input_tokens", "input_tokens": 40}))),)
    if path.endswith("/responses/compact"):
        item = {"id": "cmp_scripted_1", "type": "compaction", "encrypted_content": ENCRYPTED}
        whole = {"id": ID, "object": "response.compaction", "output": [item], "usage": USAGE}
        return (Send(response(200, _json(whole))),)
    if path.endswith("/responses"):
        return _answer(request)
    return None


def _answer(request: Received) -> Script:
    asked = request.json()
    output: list[Json] = []
    include = asked.get("include")
    if isinstance(include, list) and "reasoning.encrypted_content" in include:
        output.append(reasoning())
    output.append(_tool_call(asked) or message())
    if asked.get("stream"):
        return stream(events(request.model, output))
    return plain(request.model, output)


def _tool_call(asked: Json) -> Json | None:
    """Call the first tool once: when there are tools and no result of one yet."""
    given = asked.get("input")
    items = given if isinstance(given, list) else []
    if any(str(item.get("type", "")).endswith("_output") for item in items if isinstance(item, dict)):
        return None
    tools = asked.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        match tool:
            case {"type": "function", "name": str() as name}:
                return function_call(name, {"city": "Köln"})
            case {"type": "custom", "name": str() as name}:
                return custom_call(name, "print('Köln')")
    return None


def _message(part: Json, item_id: str) -> Json:
    return {"id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": [part]}


def _item_events(place: int, item: Json) -> Iterator[tuple[str, Json]]:
    at = {"item_id": item["id"], "output_index": place}
    empty: dict[str, object] = {**item, "status": "in_progress"}
    empty |= {key: [] for key in ("content", "summary") if key in item}
    empty |= {key: "" for key in ("arguments", "input") if key in item}
    empty.pop("encrypted_content", None)
    yield "response.output_item.added", {"output_index": place, "item": empty}
    match item:
        case {"type": "message", "content": list() as content}:
            for number, part in enumerate(content):
                yield from _part_events({**at, "content_index": number}, part)
        case {"type": "reasoning", "summary": list() as summary}:
            for number, part in enumerate(summary):
                yield from _summary_events({**at, "summary_index": number}, part)
        case {"type": "function_call", "arguments": str() as text}:
            yield from _pieces("response.function_call_arguments", at, text, "arguments")
        case {"type": "custom_tool_call", "input": str() as text}:
            yield from _pieces("response.custom_tool_call_input", at, text, "input")
    yield "response.output_item.done", {"output_index": place, "item": item}


def _part_events(at: Json, part: Json) -> Iterator[tuple[str, Json]]:
    key = "refusal" if part["type"] == "refusal" else "text"
    yield "response.content_part.added", {**at, "part": {**part, key: ""}}
    kind = "response.refusal" if key == "refusal" else "response.output_text"
    logprobs: Json = {"logprobs": []} if key == "text" else {}
    yield from _pieces(kind, {**at, **logprobs}, str(part[key]), key)
    yield "response.content_part.done", {**at, "part": part}


def _summary_events(at: Json, part: Json) -> Iterator[tuple[str, Json]]:
    yield "response.reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
    yield from _pieces("response.reasoning_summary_text", at, str(part["text"]), "text")
    yield "response.reasoning_summary_part.done", {**at, "part": part}


def _pieces(kind: str, at: Json, text: str, key: str) -> Iterator[tuple[str, Json]]:
    size = max(1, len(text) // 3)
    for start in range(0, len(text), size):
        yield f"{kind}.delta", {**at, "delta": text[start : start + size]}
    yield f"{kind}.done", {**at, key: text}


def _event(kind: str, number: int, members: Json) -> bytes:
    body = _json({"type": kind, "sequence_number": number, **members})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


def _json(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
