"""Answers in the language of Google's `generateContent`, as its servers give them.

`respond` is the default behaviour of the scripted upstream for this dialect; tests build anything else
from the pieces. A part is what a content holds; every piece of a stream tells the usage so far.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from urllib.parse import unquote

from scripted.records import Received
from scripted.script import Script, Send
from scripted.wording import LAST_CHUNK, chunk, cut, head, response, stream_head

__all__ = [
    "ID",
    "SIGNATURE",
    "TEXT",
    "USAGE",
    "answer",
    "array",
    "blocked",
    "call",
    "error",
    "events",
    "pieces",
    "plain",
    "respond",
    "stream",
    "text",
    "thought",
]

Json = Mapping[str, object]

ID = "scripted-gemini-1"
TEXT = "Grüße aus dem Skript: 你好, мир 🌍."
SIGNATURE = "c2NyaXB0ZWQgdGhvdWdodA=="
USAGE: Json = {
    "promptTokenCount": 40,
    "candidatesTokenCount": 10,
    "totalTokenCount": 52,
    "cachedContentTokenCount": 8,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 40}],
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 8}],
    "thoughtsTokenCount": 2,
}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def text(said: str = TEXT, signature: str = "") -> Json:
    """Return a part of text."""
    return {"text": said, "thoughtSignature": signature} if signature else {"text": said}


def thought(said: str = "**Erst denken.**") -> Json:
    """Return a part of a summary of thoughts."""
    return {"text": said, "thought": True}


def call(name: str, arguments: Json, call_id: str = "fc_scripted_1", signature: str = SIGNATURE) -> Json:
    """Return a part that calls a function; without an id or a signature where these are empty."""
    told: dict[str, object] = {"name": name, "args": arguments}
    if call_id:
        told["id"] = call_id
    return {"functionCall": told, "thoughtSignature": signature} if signature else {"functionCall": told}


def answer(
    model: str, parts: Sequence[Json] = (), *, usage: object = USAGE, finish: str | None = "STOP"
) -> dict[str, object]:
    """Return an answer, or with `finish` None a piece of one; without `parts` it says `TEXT`."""
    candidate: dict[str, object] = {"content": {"parts": list(parts) or [text()], "role": "model"}}
    if finish is not None:
        candidate["finishReason"] = finish
    told: dict[str, object] = {"candidates": [{**candidate, "index": 0}]}
    if usage is not None:
        told["usageMetadata"] = usage
    return {**told, "modelVersion": model, "responseId": ID, "xUnknown": {"kept": True}}


def blocked(model: str, reason: str = "PROHIBITED_CONTENT") -> dict[str, object]:
    """Return the answer to a prompt that is blocked."""
    usage = {"promptTokenCount": 40, "totalTokenCount": 40}
    told = {"promptFeedback": {"blockReason": reason}, "usageMetadata": usage}
    return {**told, "modelVersion": model, "responseId": ID}


def pieces(
    model: str, parts: Sequence[Json] = (), *, usage: object = USAGE, finish: str | None = "STOP"
) -> list[dict[str, object]]:
    """Return the pieces of a streamed answer: texts cut in three, calls whole, then the end.

    With `finish` None the stream breaks off before its end.
    """
    told: list[Json] = []
    for part in list(parts) or [text()]:
        said = part.get("text")
        if not isinstance(said, str) or "thoughtSignature" in part:
            told.append(part)
            continue
        size = max(1, -(-len(said) // 3))
        told += [{**part, "text": said[at : at + size]} for at in range(0, len(said), size)]
    so_far = {**usage, "candidatesTokenCount": 1, "totalTokenCount": 43} if isinstance(usage, dict) else usage
    found = [answer(model, [part], usage=so_far, finish=None) for part in told]
    return found if finish is None else [*found, answer(model, [{"text": ""}], usage=usage, finish=finish)]


def events(
    model: str, parts: Sequence[Json] = (), *, usage: object = USAGE, finish: str | None = "STOP"
) -> list[bytes]:
    """Return the same pieces as server-sent events, whose lines end as Google's do."""
    told = pieces(model, parts, usage=usage, finish=finish)
    return [b"data: %b\r\n\r\n" % _json(each) for each in told]


def array(
    model: str, parts: Sequence[Json] = (), *, usage: object = USAGE, finish: str | None = "STOP"
) -> list[bytes]:
    """Return the same pieces as elements of an array, which is left open where the stream breaks off."""
    told = pieces(model, parts, usage=usage, finish=finish)
    found = [b"%b%b" % (b",\r\n" if at else b"[", _pretty(each)) for at, each in enumerate(told)]
    return found if finish is None else [*found, b"\n]\n"]


def plain(model: str, parts: Sequence[Json] = (), *, usage: object = USAGE) -> Script:
    """Return the script of a whole answer."""
    return (Send(response(200, _pretty(answer(model, parts, usage=usage)))),)


def stream(
    parts: Sequence[bytes], how: int | Iterable[int] | Random | None = None, *, sse: bool = True
) -> Script:
    """Return the script of a stream: a piece a chunk, or all of it cut as `how` says."""
    sent = parts if how is None else cut(b"".join(parts), how)
    usual = (("content-type", "application/json; charset=UTF-8"), ("transfer-encoding", "chunked"))
    begin = stream_head() if sse else head(200, usual)
    return (Send(begin), *(Send(chunk(piece)) for piece in sent), Send(LAST_CHUNK))


def error(message: str, status: int = 500) -> bytes:
    """Return the body of an error answer, which may also be a piece of a stream."""
    return _json({"error": {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}})


def respond(request: Received, names: Sequence[str]) -> Script | None:
    """Answer as a well-behaved server would; None for a path of another dialect."""
    path, _, query = request.target.partition("?")
    name, colon, verb = path.rpartition("/models/")[2].rpartition(":")
    if not colon or "/models/" not in path:
        return None
    model = unquote(name)
    asked = request.json()
    match verb:
        case "generateContent":
            return plain(model, _parts(asked))
        case "streamGenerateContent" if "alt=sse" in query.split("&"):
            return stream(events(model, _parts(asked)))
        case "streamGenerateContent":
            return stream(array(model, _parts(asked)), sse=False)
        case "countTokens":
            return _whole({"totalTokens": 40, "promptTokensDetails": USAGE["promptTokensDetails"]})
        case "embedContent":
            return _whole({"embedding": _vector(0), "usageMetadata": {"promptTokenCount": 5}})
        case "batchEmbedContents":
            texts = asked.get("requests")
            vectors = [_vector(at) for at in range(len(texts) if isinstance(texts, list) else 0)]
            return _whole({"embeddings": vectors, "usageMetadata": {"promptTokenCount": 5 * len(vectors)}})
    return None


def _parts(asked: Json) -> list[Json]:
    config = asked.get("generationConfig")
    thinking = config.get("thinkingConfig") if isinstance(config, dict) else None
    # google-genai says it in snake case, which Google's servers take as well.
    said = thinking if isinstance(thinking, dict) else {}
    shown = said.get("includeThoughts", said.get("include_thoughts")) is True
    return [*([thought()] if shown else []), _tool_call(asked) or text()]


def _tool_call(asked: Json) -> Json | None:
    """Call the first tool once: when there are tools and no result of one yet."""
    contents = asked.get("contents")
    if "functionResponse" in json.dumps(contents):
        return None
    tools = asked.get("tools")
    for group in tools if isinstance(tools, list) else ():
        match group:
            case {"functionDeclarations": [{"name": str(name)}, *_]}:
                return call(name, {"city": "Köln"})
    return None


def _vector(number: int) -> Json:
    return {"values": [0.25, -0.5, float(number)]}


def _whole(body: Json) -> Script:
    return (Send(response(200, _pretty(body))),)


def _pretty(body: Json) -> bytes:
    """Return JSON as Google's servers write a whole answer."""
    return json.dumps(body, ensure_ascii=False, indent=2).encode()


def _json(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
