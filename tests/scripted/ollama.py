"""Answers in the language of Ollama's own API, as its server gives them: whole, and in lines of JSON.

`respond` is the default behaviour of the scripted upstream for this dialect; tests build anything else from
the pieces. A stream of lines is scripted like any other one: `lines` for its parts, `stream` for its script.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from scripted.records import Received
from scripted.script import Close, Script, Send
from scripted.wording import LAST_CHUNK, chunk, cut, head, response

__all__ = [
    "COUNTS",
    "CREATED",
    "TEXT",
    "THOUGHT",
    "VERSION",
    "answer",
    "broken",
    "embedded",
    "error",
    "failing",
    "lines",
    "loaded",
    "plain",
    "respond",
    "show",
    "stream",
    "tags",
    "tool_call",
]

Json = Mapping[str, object]

CREATED = "2026-08-21T18:48:22.036042129Z"
TEXT = "Grüße aus dem Skript: 你好, мир 🌍."
THOUGHT = "Somebody wants a greeting."
VERSION = "0.40.1"
COUNTS: Json = {
    "total_duration": 4_883_583_458,
    "load_duration": 1_334_875,
    "prompt_eval_count": 40,
    "prompt_eval_duration": 342_546_000,
    "eval_count": 12,
    "eval_duration": 4_535_599_000,
}


def tool_call(name: str, arguments: Json, call_id: str = "call_scripted1", index: int = 0) -> Json:
    """Return a call as a message holds it; without an id as versions before 0.12 had it."""
    function = {"index": index, "name": name, "arguments": arguments}
    return {"id": call_id, "function": function} if call_id else {"function": function}


def answer(
    model: str,
    text: str = TEXT,
    *,
    operation: str = "chat",
    thinking: str = "",
    tool_calls: Sequence[Json] = (),
    ending: Json = COUNTS,
) -> bytes:
    """Return the body of a whole answer."""
    said = _said(operation, "" if tool_calls else text, thinking, tool_calls)
    return _json({**_head(model), **said, "done": True, "done_reason": "stop", **ending})


def lines(
    model: str,
    pieces: Iterable[str] = (),
    *,
    operation: str = "chat",
    thinking: Sequence[str] = (),
    tool_calls: Sequence[Json] = (),
    done: bool = True,
) -> list[bytes]:
    """Return the lines of a streamed answer; without `done` it breaks off before its last one."""
    said = [_said(operation, "", piece) for piece in thinking]
    said += [_said(operation, "", "", [call]) for call in tool_calls]
    if not tool_calls:
        said += [_said(operation, piece) for piece in (pieces or _words(TEXT))]
    out = [_line({**_head(model), **each, "done": False}) for each in said]
    if done:
        ending = {"done": True, "done_reason": "stop", **COUNTS}
        out.append(_line({**_head(model), **_said(operation, ""), **ending}))
    return out


def loaded(model: str, *, operation: str = "chat", reason: str = "load") -> Script:
    """Return the script of an answer to a request that only loads a model, or lets go of it."""
    told = {**_head(model), **_said(operation, ""), "done": True, "done_reason": reason}
    return (Send(response(200, _json(told), content_type="application/json; charset=utf-8")),)


def plain(model: str, text: str = TEXT, *, operation: str = "chat") -> Script:
    """Return the script of a whole answer."""
    body = answer(model, text, operation=operation)
    return (Send(response(200, body, content_type="application/json; charset=utf-8")),)


def stream(parts: Sequence[bytes], how: int | Iterable[int] | Random | None = None) -> Script:
    """Return the script of a stream: a line a chunk, or all of it cut as `how` says."""
    pieces = parts if how is None else cut(b"".join(parts), how)
    return (Send(_stream_head()), *(Send(chunk(piece)) for piece in pieces), Send(LAST_CHUNK))


def broken(model: str, *, operation: str = "chat", how: str = "end") -> Script:
    """Return the script of a stream that breaks off: its `end` or its `line` is missing, or it `fails`."""
    parts = lines(model, operation=operation, done=False)
    match how:
        case "end":
            return stream(parts)
        case "line":
            cut_off = (*map(chunk, parts), chunk(parts[-1][:20]))
            return (Send(_stream_head()), *map(Send, cut_off), Close())
        case "fails":
            return stream([*parts, error("an error was encountered while running the model") + b"\n"])
    raise ValueError(how)


def embedded(model: str, inputs: Sequence[str], *, dimensions: int = 4) -> bytes:
    """Return vectors that depend on the text alone."""
    vectors = [_vector(text, dimensions) for text in inputs]
    told = {"model": model, "embeddings": vectors, "total_duration": 14_143_917, "load_duration": 1_019_500}
    return _json({**told, "prompt_eval_count": 3 * len(inputs)})


def tags(names: Iterable[str]) -> bytes:
    """Return a list of models."""
    return _json({"models": [_model(name) for name in names]})


def show(name: str) -> bytes:
    """Return what there is to know of one model."""
    info = {"general.architecture": "qwen2", "general.basename": name, "qwen2.context_length": 32_768}
    told = {"license": "", "modelfile": "", "parameters": "", "template": "{{ .Prompt }}"}
    capabilities = ["completion", "tools"]
    return _json({**told, "details": _DETAILS, "model_info": info, "capabilities": capabilities})


def error(message: str) -> bytes:
    """Return the body of an error answer."""
    return _json({"error": message})


def failing(status: int, message: str) -> Script:
    """Return the script of an error answer."""
    return (Send(response(status, error(message), content_type="application/json; charset=utf-8")),)


def respond(request: Received, names: Sequence[str]) -> Script | None:
    """Answer as a well-behaved server would; None for a path of another dialect."""
    path = request.target.partition("?")[0]
    if "/api/" not in path:
        return None
    match path.rpartition("/api/")[2]:
        case "tags":
            body = tags(names)
        case "version":
            body = _json({"version": VERSION})
        case "ps":
            running = {"expires_at": CREATED, "size_vram": 0, "context_length": 4096}
            body = _json({"models": [{**_model(name), **running} for name in names[:1]]})
        case "show":
            if request.model not in names:
                return failing(404, f"model '{request.model}' not found")
            body = show(request.model)
        case "embed":
            raw = request.json().get("input")
            inputs = [raw] if isinstance(raw, str) else list(map(str, raw)) if isinstance(raw, list) else []
            body = embedded(request.model, inputs)
        case "embeddings":
            body = _json({"embedding": _vector(str(request.json().get("prompt")), 4)})
        case "chat" | "generate" as operation:
            return _answering(request, operation)
        case _:
            return None
    return (Send(response(200, body, content_type="application/json; charset=utf-8")),)


def _answering(request: Received, operation: str) -> Script:
    asked = request.json()
    if not asked.get("messages" if operation == "chat" else "prompt"):
        at_once = asked.get("keep_alive") == 0
        return loaded(request.model, operation=operation, reason="unload" if at_once else "load")
    calls = [tool_call("lookup", {"city": "Köln"})] if _wants_tool(asked) else []
    thoughts = _words(THOUGHT) if asked.get("think") else []
    if asked.get("stream", True):
        return stream(lines(request.model, operation=operation, thinking=thoughts, tool_calls=calls))
    body = answer(request.model, operation=operation, thinking="".join(thoughts), tool_calls=calls)
    return (Send(response(200, body, content_type="application/json; charset=utf-8")),)


def _wants_tool(asked: Json) -> bool:
    """Call a tool once: when there are tools and no result of one yet."""
    messages = asked.get("messages")
    answered = isinstance(messages, list) and any(
        isinstance(message, dict) and message.get("role") == "tool" for message in messages
    )
    return bool(asked.get("tools")) and not answered


def _head(model: str) -> Json:
    return {"model": model, "created_at": CREATED}


def _said(operation: str, text: str, thinking: str = "", tool_calls: Sequence[Json] = ()) -> Json:
    told: dict[str, object] = {"response" if operation == "generate" else "content": text}
    if thinking:
        told["thinking"] = thinking
    if tool_calls:
        told["tool_calls"] = list(tool_calls)
    return told if operation == "generate" else {"message": {"role": "assistant", **told}}


_DETAILS: Json = {
    "parent_model": "",
    "format": "gguf",
    "family": "qwen2",
    "families": ["qwen2"],
    "parameter_size": "14.8B",
    "quantization_level": "Q4_K_M",
}


def _model(name: str) -> Json:
    about = {"modified_at": CREATED, "size": 8_988_124_069, "digest": "7cdf5a0187d5" + "0" * 52}
    return {"name": name, "model": name, **about, "details": _DETAILS}


def _vector(text: str, dimensions: int) -> list[float]:
    return [Random(f"{text}/{axis}").uniform(-1, 1) for axis in range(dimensions)]


def _words(text: str) -> list[str]:
    return [word + " " for word in text.split(" ")]


def _stream_head() -> bytes:
    return head(200, (("content-type", "application/x-ndjson"), ("transfer-encoding", "chunked")))


def _line(body: Json) -> bytes:
    return _json(body) + b"\n"


def _json(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
