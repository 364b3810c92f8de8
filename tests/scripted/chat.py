"""Answers in the language of OpenAI's Chat Completions, Embeddings and Models, as its servers give them.

`respond` is the default behaviour of the scripted upstream for this dialect; tests build anything else
from the pieces.
"""

import base64
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from scripted.records import Received
from scripted.script import Script, Send
from scripted.wording import LAST_CHUNK, chunk, cut, response, stream_head

__all__ = [
    "ID",
    "TEXT",
    "USAGE",
    "completion",
    "embeddings",
    "error",
    "events",
    "models",
    "plain",
    "respond",
    "stream",
    "tool_call",
]

Json = Mapping[str, object]

ID = "chatcmpl-scripted-1"
TEXT = "Grüße aus dem Skript: 你好, мир 🌍."
USAGE: Json = {
    "prompt_tokens": 40,
    "completion_tokens": 12,
    "total_tokens": 52,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def tool_call(name: str, arguments: Json, call_id: str = "call_scripted_1") -> Json:
    """Return a tool call as a message holds it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def completion(
    model: str,
    text: str = TEXT,
    *,
    tool_calls: Sequence[Json] = (),
    usage: object = USAGE,
    reasoning: str = "",
) -> bytes:
    """Return the body of a whole answer; `usage` None leaves it out, anything else is sent as it is."""
    message: dict[str, object] = {
        "role": "assistant",
        "content": None if tool_calls else text,
        "refusal": None,
    }
    if reasoning:
        message["reasoning_content"] = reasoning
    if tool_calls:
        message["tool_calls"] = list(tool_calls)
    finish = "tool_calls" if tool_calls else "stop"
    body: dict[str, object] = {
        "id": ID,
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "x_unknown": {"kept": True},
    }
    if usage is not None:
        body["usage"] = usage
    return _json(body)


def events(
    model: str,
    pieces: Iterable[str] = (),
    *,
    tool_calls: Sequence[Json] = (),
    usage: object = USAGE,
    done: bool = True,
    reasoning: Iterable[str] = (),
) -> list[bytes]:
    """Return the events of a streamed answer; without `done` it breaks off before its finish reason."""
    told = usage is not None
    out = [_event(model, {"role": "assistant", "content": ""}, told=told)]
    out += [_event(model, {"reasoning_content": piece}, told=told) for piece in reasoning]
    if tool_calls:
        out += [_event(model, delta, told=told) for delta in _tool_deltas(tool_calls)]
    else:
        out += [_event(model, {"content": piece}, told=told) for piece in (pieces or _words(TEXT))]
    if not done:
        return out
    out.append(_event(model, {}, finish="tool_calls" if tool_calls else "stop", told=told))
    if told:
        out.append(_data({**_envelope(model), "choices": [], "usage": usage}))
    return [*out, b"data: [DONE]\n\n"]


def plain(model: str, text: str = TEXT, *, usage: object = USAGE) -> Script:
    """Return the script of a whole answer."""
    return (Send(response(200, completion(model, text, usage=usage))),)


def stream(parts: Sequence[bytes], how: int | Iterable[int] | Random | None = None) -> Script:
    """Return the script of a stream: an event a chunk, or all of it cut as `how` says."""
    pieces = parts if how is None else cut(b"".join(parts), how)
    return (Send(stream_head()), *(Send(chunk(piece)) for piece in pieces), Send(LAST_CHUNK))


def embeddings(model: str, inputs: Sequence[str], *, as_base64: bool, dimensions: int = 4) -> bytes:
    """Return vectors that depend on the text alone."""
    data = []
    for index, text in enumerate(inputs):
        vector = [Random(f"{text}/{axis}").uniform(-1, 1) for axis in range(dimensions)]
        packed = base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": packed if as_base64 else vector})
    usage = {"prompt_tokens": 3 * len(inputs), "total_tokens": 3 * len(inputs)}
    return _json({"object": "list", "data": data, "model": model, "usage": usage})


def models(names: Iterable[str]) -> bytes:
    """Return a list of models."""
    data = [
        {"id": name, "object": "model", "created": 1_790_000_000, "owned_by": "scripted"} for name in names
    ]
    return _json({"object": "list", "data": data})


def error(message: str, kind: str, code: str | None = None) -> bytes:
    """Return the body of an error answer."""
    return _json({"error": {"message": message, "type": kind, "param": None, "code": code}})


def respond(request: Received, names: Sequence[str]) -> Script | None:
    """Answer as a well-behaved server would; None for a path of another dialect."""
    path = request.target.partition("?")[0]
    if path.endswith("/models"):
        return (Send(response(200, models(names))),)
    if path.endswith("/embeddings"):
        asked = request.json()
        raw = asked.get("input")
        inputs = (
            [raw] if isinstance(raw, str) else [str(item) for item in raw] if isinstance(raw, list) else []
        )
        as_base64 = asked.get("encoding_format") == "base64"
        return (Send(response(200, embeddings(request.model, inputs, as_base64=as_base64))),)
    if path.endswith("/completions"):
        return _answer(request)
    return None


def _answer(request: Received) -> Script:
    asked = request.json()
    calls = [tool_call("lookup", {"city": "Köln"})] if _wants_tool(asked) else []
    if not asked.get("stream"):
        return (Send(response(200, completion(request.model, tool_calls=calls))),)
    options = asked.get("stream_options")
    usage = USAGE if isinstance(options, dict) and options.get("include_usage") else None
    return stream(events(request.model, tool_calls=calls, usage=usage))


def _wants_tool(asked: Json) -> bool:
    """Call a tool once: when there are tools and no result of one yet."""
    messages = asked.get("messages")
    answered = isinstance(messages, list) and any(
        isinstance(message, dict) and message.get("role") == "tool" for message in messages
    )
    return bool(asked.get("tools")) and not answered


def _tool_deltas(tool_calls: Sequence[Json]) -> Iterable[Json]:
    for index, call in enumerate(tool_calls):
        function = call["function"]
        assert isinstance(function, dict)
        arguments = str(function["arguments"])
        start = {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
        yield {"tool_calls": [start]}
        for piece in (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _words(text: str) -> list[str]:
    return [word + " " for word in text.split(" ")]


def _envelope(model: str) -> dict[str, object]:
    return {"id": ID, "object": "chat.completion.chunk", "created": 1_790_000_000, "model": model}


def _event(model: str, delta: Json, *, finish: str | None = None, told: bool) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    body = {**_envelope(model), "choices": [choice]}
    return _data({**body, "usage": None} if told else body)


def _data(body: Json) -> bytes:
    return b"data: %b\n\n" % _json(body)


def _json(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
