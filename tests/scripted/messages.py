"""Answers in the language of Anthropic's Messages and its count of tokens, as its servers give them.

`respond` is the default behaviour of the scripted upstream for this dialect; tests build anything else from
the pieces. A block is what a content holds; the events of a stream are made from the blocks.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from scripted.records import Received
from scripted.script import Script, Send
from scripted.wording import LAST_CHUNK, chunk, cut, response, stream_head

__all__ = [
    "ID",
    "PING",
    "REQUEST_ID",
    "SIGNATURE",
    "TEXT",
    "USAGE",
    "count",
    "error",
    "error_event",
    "events",
    "failing",
    "message",
    "models",
    "plain",
    "redacted",
    "respond",
    "stream",
    "text",
    "thinking",
    "tool_use",
]

Json = Mapping[str, object]

ID = "msg_scripted_1"
REQUEST_ID = "req_scripted_1"
TEXT = "Grüße aus dem Skript: 你好, мир 🌍."
SIGNATURE = "EqoBCkgIscripted+signature/=="
# Of the prompt 8 tokens were read from the cache, and 20 written to it: 12 for five minutes, 8 for an hour.
USAGE: Json = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 20,
    "cache_read_input_tokens": 8,
    "cache_creation": {"ephemeral_5m_input_tokens": 12, "ephemeral_1h_input_tokens": 8},
    "output_tokens": 12,
    "output_tokens_details": {"thinking_tokens": 2},
    "service_tier": "standard",
}
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def text(words: str = TEXT) -> Json:
    """Return a block of text."""
    return {"type": "text", "text": words}


def thinking(words: str = "Erst denken.", signature: str = SIGNATURE) -> Json:
    """Return a block of thinking; with `words` empty, as servers tell it that show nothing."""
    return {"type": "thinking", "thinking": words, "signature": signature}


def redacted(data: str = "EmwKAhgBscripted==") -> Json:
    """Return thinking that its provider keeps to itself."""
    return {"type": "redacted_thinking", "data": data}


def tool_use(name: str, arguments: Json, call_id: str = "toolu_scripted_1") -> Json:
    """Return a call of a tool."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments, "caller": {"type": "direct"}}


def message(
    model: str, content: Sequence[Json] = (), *, usage: object = USAGE, stop: str = "", sequence: str = ""
) -> bytes:
    """Return the body of a whole answer; without `content` it says `TEXT`, and it ends as usual."""
    blocks = list(content) or [text()]
    return _json(
        {
            **_envelope(model),
            "content": blocks,
            "stop_reason": stop or _usual_stop(blocks),
            "stop_sequence": sequence or None,
            "usage": usage,
            "x_unknown": {"kept": True},
        }
    )


def events(
    model: str,
    content: Sequence[Json] = (),
    *,
    usage: object = USAGE,
    stop: str = "",
    sequence: str = "",
    ending: str = "message_stop",
) -> list[bytes]:
    """Return the events of a streamed answer.

    `ending` is the last event there is: `message_stop`, `message_delta`, or "" for a stream that breaks off
    inside its last block.
    """
    blocks = list(content) or [text()]
    begun = dict(usage) | {"output_tokens": 1} if isinstance(usage, dict) else usage
    start = {**_envelope(model), "content": [], "stop_reason": None, "stop_sequence": None, "usage": begun}
    out = [_event("message_start", {"message": start})]
    for index, block in enumerate(blocks):
        out += [_event(kind, {"index": index, **members}) for kind, members in _block_events(block)]
        if index == 0:
            out.insert(2, PING)
    if not ending:
        return out[:-1]
    delta = {"stop_reason": stop or _usual_stop(blocks), "stop_sequence": sequence or None}
    told = {"usage": {"output_tokens": 0} if usage is None else _last(usage)}
    out.append(_event("message_delta", {"delta": delta, **told}))
    return [*out, _event("message_stop", {})] if ending == "message_stop" else out


def error_event(kind: str = "overloaded_error", said: str = "Overloaded") -> bytes:
    """Return the event with which a stream reports an error."""
    return b"event: error\ndata: %b\n\n" % error(said, kind)


def plain(model: str, content: Sequence[Json] = (), *, usage: object = USAGE) -> Script:
    """Return the script of a whole answer."""
    body = message(model, content, usage=usage)
    return (Send(response(200, body, (("request-id", REQUEST_ID),))),)


def stream(parts: Sequence[bytes], how: int | Iterable[int] | Random | None = None) -> Script:
    """Return the script of a stream: an event a chunk, or all of it cut as `how` says."""
    pieces = parts if how is None else cut(b"".join(parts), how)
    head = stream_head((("request-id", REQUEST_ID),))
    return (Send(head), *(Send(chunk(piece)) for piece in pieces), Send(LAST_CHUNK))


def count(tokens: int) -> bytes:
    """Return the body of a count."""
    return _json({"input_tokens": tokens})


def models(names: Iterable[str]) -> bytes:
    """Return a list of models."""
    data = [
        {"type": "model", "id": name, "display_name": name, "created_at": "2026-09-22T00:00:00Z"}
        for name in names
    ]
    return _json({"data": data, "has_more": False, "first_id": None, "last_id": None})


def error(said: str, kind: str) -> bytes:
    """Return the body of an error answer."""
    return _json({"type": "error", "error": {"type": kind, "message": said}, "request_id": REQUEST_ID})


def failing(status: int, kind: str, said: str = "scripted") -> Script:
    """Return the script of an error answer."""
    return (Send(response(status, error(said, kind), (("request-id", REQUEST_ID),))),)


def respond(request: Received, names: Sequence[str]) -> Script | None:
    """Answer as a well-behaved server would; None for a path of another dialect."""
    path = request.target.partition("?")[0]
    if path.endswith("/models") and request.header("anthropic-version") is not None:
        return (Send(response(200, models(names))),)
    if path.endswith("/messages/count_tokens"):
        return (Send(response(200, count(max(1, len(request.body) // 4)))),)
    if not path.endswith("/messages"):
        return None
    asked = request.json()
    if (wrong := _wrong(asked)) is not None:
        return failing(400, "invalid_request_error", wrong)
    content = _content(asked)
    if asked.get("stream"):
        return stream(events(request.model, content))
    return plain(request.model, content)


def _wrong(asked: Json) -> str | None:
    """Return what the vendor's server would refuse, as far as tests have to know it."""
    messages = asked.get("messages")
    if not isinstance(asked.get("max_tokens"), int):
        return "max_tokens: Field required"
    if not isinstance(messages, list) or not messages:
        return "messages: at least one message is required"
    waiting: list[object] = []
    for index, each in enumerate(messages):
        content = each["content"]
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            return f"messages.{index}: text content blocks must contain non-whitespace text"
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if sorted(map(str, results)) != sorted(map(str, waiting)):
            return f"messages.{index}: `tool_use` ids and `tool_result` blocks do not match"
        waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
    return "messages: `tool_use` without `tool_result` blocks immediately after" if waiting else None


def _content(asked: Json) -> list[Json]:
    """Think when asked to, and call a tool once: when there are tools and no result of one yet."""
    content: list[Json] = []
    match asked.get("thinking"):
        case {"type": "enabled" | "adaptive"}:
            content.append(thinking())
    tools = asked.get("tools")
    answered = '"tool_result"' in json.dumps(asked.get("messages"))
    match asked.get("tool_choice"):
        case {"type": "none"}:
            answered = True
    if isinstance(tools, list) and tools and not answered:
        content.append(tool_use(str(tools[0].get("name", "lookup")), {"city": "Köln"}))
    else:
        content.append(text())
    return content


def _usual_stop(blocks: Iterable[Json]) -> str:
    return "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"


def _last(usage: object) -> object:
    if not isinstance(usage, dict):
        return usage
    return {key: value for key, value in usage.items() if key not in ("cache_creation", "service_tier")}


def _block_events(block: Json) -> Iterator[tuple[str, Json]]:
    empty: dict[str, object] = {**block}
    empty |= {key: "" for key in ("text", "thinking", "signature") if key in block}
    empty |= {"input": {}} if "input" in block else {}
    yield "content_block_start", {"content_block": empty}
    match block:
        case {"type": "text", "text": str(words)}:
            for piece in _pieces(words):
                yield "content_block_delta", {"delta": {"type": "text_delta", "text": piece}}
        case {"type": "thinking", "thinking": str(words), "signature": str(signature)}:
            for piece in _pieces(words):
                yield "content_block_delta", {"delta": {"type": "thinking_delta", "thinking": piece}}
            yield "content_block_delta", {"delta": {"type": "signature_delta", "signature": signature}}
        case {"type": "tool_use", "input": dict(arguments)}:
            for piece in ("", *_pieces(_json(arguments).decode() if arguments else "")):
                yield "content_block_delta", {"delta": {"type": "input_json_delta", "partial_json": piece}}
    yield "content_block_stop", {}


def _pieces(words: str) -> list[str]:
    size = max(1, len(words) // 3)
    return [words[start : start + size] for start in range(0, len(words), size)]


def _envelope(model: str) -> dict[str, object]:
    return {"id": ID, "type": "message", "role": "assistant", "model": model}


def _event(kind: str, members: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), _json({"type": kind, **members}))


def _json(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
