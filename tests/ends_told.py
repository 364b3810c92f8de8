"""Streams of every provider's dialect, piece by piece, and what each piece tells of what was used.

What is read here of a piece is read for the test alone, and by hand: nothing of the gateway takes part.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from llm_gateway.canonical.usage import Usage
from scripted import chat, gemini, messages, ollama, responses, wording
from speaking_ends import CLIENTS

__all__ = ["PAIRS", "PROVIDERS", "Stream", "Told", "shown", "streams"]

PROVIDERS = {"chat": "/v1", "responses": "/v1", "messages": "/v1", "gemini": "/v1beta", "ollama": "/api"}
"""The dialects in which somebody is asked, and the path below which each is asked."""

PAIRS = [
    (name, provider)
    for name, client in CLIENTS.items()
    for provider in PROVIDERS
    if client.only in ("", provider)
]
"""Every way to ask, with every provider that can be asked in it."""

_FORMS = {"completions": "completions", "generate": "generate", "gemini-array": "array"}
_NDJSON = wording.head(200, (("content-type", "application/x-ndjson"), ("transfer-encoding", "chunked")))
_ARRAY = wording.head(200, (("content-type", "application/json"), ("transfer-encoding", "chunked")))
# The names of tools are content for some and not for others.
_NAMES = 24


@dataclass(frozen=True)
class Told:
    """What a stream has told when so much of it has passed.

    `content` is its text, reasoning and arguments in bytes, `after` what of it came after the usage.
    `ended` is whether the piece that ends it was among that.
    """

    content: int
    after: int
    usage: Usage | None
    ended: bool

    def used(self, request_bytes: int) -> Usage:
        """Return what has been used, at least: what was told, and what nobody told from its bytes."""
        if self.usage is None:
            return Usage(-(-request_bytes // 4), output=-(-self.content // 4), estimated=True)
        output = self.usage.output + -(-self.after // 4)
        told = self.usage
        estimated = bool(self.after)
        return Usage(
            told.uncached, told.cache_read, told.cache_write, output, told.reasoning, estimated,
            told.cache_write_1h,
        )  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """One stream of a provider; `loose` is by how many tokens readings of it may differ."""

    name: str
    provider: str
    pieces: tuple[bytes, ...]
    loose: int = 0
    head: bytes = wording.stream_head()

    def told(self, at: int) -> Told:
        """Return what it has told at a cut: 0 is before the head, 1 after it, and so on."""
        content = after = 0
        usage: Usage | None = None
        ended = False
        for piece in self.pieces[: max(at - 1, 0)]:
            for size, counted, ends in _READ[self.provider](piece):
                content += size
                after += size
                if counted is not None:
                    usage, after = counted, 0
                ended |= ends
        return Told(content, after, usage, ended)

    @property
    def cuts(self) -> range:
        """Return where it can be cut: before the head, after it, after each piece, after the end."""
        return range(len(self.pieces) + 3)


_Piece = Iterator[tuple[int, Usage | None, bool]]


def _size(text: object) -> int:
    return len(text.encode()) if isinstance(text, str) else 0


def _events(piece: bytes) -> Iterator[dict[str, object]]:
    for line in piece.replace(b"\r", b"").split(b"\n"):
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


def _read_chat(piece: bytes) -> _Piece:
    for event in _events(piece):
        match event:
            case {"choices": [{"text": str(text)}]}:
                yield _size(text), None, False
            case {"choices": [{"delta": dict(delta)}]}:
                size = _size(delta.get("content")) + _size(delta.get("reasoning_content"))
                size += sum(_size(call["function"].get("arguments")) for call in delta.get("tool_calls", ()))
                yield size, None, False
        match event:
            case {
                "usage": {
                    "prompt_tokens": int(went_in),
                    "completion_tokens": int(output),
                    "prompt_tokens_details": {"cached_tokens": int(read)},
                    "completion_tokens_details": {"reasoning_tokens": int(thought)},
                }
            }:
                yield 0, Usage(went_in - read, read, 0, output, thought), False
    if piece.startswith(b"data: [DONE]"):
        yield 0, None, True


def _read_responses(piece: bytes) -> _Piece:
    for event in _events(piece):
        match event:
            case {"type": str(), "delta": str(text)}:
                yield _size(text), None, False
            case {"type": "response.completed", "response": {"usage": dict(usage)}}:
                read = usage["input_tokens_details"]["cached_tokens"]
                thought = usage["output_tokens_details"]["reasoning_tokens"]
                told = Usage(usage["input_tokens"] - read, read, 0, usage["output_tokens"], thought)
                yield 0, told, True
            case {"type": "response.completed"}:
                yield 0, None, True


def _read_messages(piece: bytes) -> _Piece:
    for event in _events(piece):
        match event:
            case {"type": "message_start", "message": {"usage": dict(usage)}}:
                yield 0, _anthropic(usage), False
            case {"type": "content_block_delta", "delta": dict(delta)}:
                said = (delta.get("text"), delta.get("thinking"), delta.get("partial_json"))
                yield sum(map(_size, said)), None, False
            case {"type": "message_delta", "usage": dict(usage)}:
                yield 0, _anthropic({**messages.USAGE, **usage}), False
            case {"type": "message_stop"}:
                yield 0, None, True


def _anthropic(usage: dict[str, object]) -> Usage:
    match usage:
        case {
            "input_tokens": int(fresh),
            "cache_creation_input_tokens": int(written),
            "cache_read_input_tokens": int(read),
            "cache_creation": {"ephemeral_1h_input_tokens": int(hour)},
            "output_tokens": int(output),
            "output_tokens_details": {"thinking_tokens": int(thought)},
        }:
            return Usage(fresh, read, written, output, min(thought, output), False, hour)
    raise AssertionError(usage)


def _read_gemini(piece: bytes) -> _Piece:
    whole = piece.strip().lstrip(b"[,").rstrip(b"]").strip()
    for event in _events(piece) if piece.startswith(b"data") else [json.loads(whole)] if whole else ():
        usage: Usage | None = None
        match event:
            case {
                "usageMetadata": {
                    "promptTokenCount": int(went_in),
                    "cachedContentTokenCount": int(read),
                    "candidatesTokenCount": int(said),
                    "thoughtsTokenCount": int(thought),
                }
            }:
                usage = Usage(went_in - read, read, 0, said + thought, thought)
        match event:
            case {"candidates": [{"content": {"parts": list(parts)}, **rest}]}:
                called = [part["functionCall"]["args"] for part in parts if "functionCall" in part]
                size = sum(_size(part.get("text")) for part in parts)
                size += sum(_size(json.dumps(each, separators=(",", ":"))) for each in called)
                yield size, usage, "finishReason" in rest


def _read_ollama(piece: bytes) -> _Piece:
    event = json.loads(piece)
    message = event.get("message", event)
    calls = [call["function"]["arguments"] for call in message.get("tool_calls", ())]
    size = _size(message.get("content")) + _size(message.get("thinking")) + _size(message.get("response"))
    size += sum(_size(json.dumps(each, ensure_ascii=False, separators=(",", ":"))) for each in calls)
    usage = Usage(event["prompt_eval_count"], output=event["eval_count"]) if "eval_count" in event else None
    yield size, usage, event["done"]


_READ: dict[str, Callable[[bytes], _Piece]] = {
    "chat": _read_chat,
    "responses": _read_responses,
    "messages": _read_messages,
    "gemini": _read_gemini,
    "ollama": _read_ollama,
}

_WORDS = ("Das Ende, ", "sagte sie, ", "ist ein Anfang: 你好.")
_THOUGHTS = ("Was ", "ist ein Ende? ")
_CALL = {"city": "Köln", "days": [1, 2, 3]}


def _completing(piece: bytes) -> bytes:
    """Return an event of the chat operation as one of the completions operation."""
    for event in _events(piece):
        match event:
            case {"choices": [{"delta": dict(delta), "finish_reason": reason}]}:
                event["choices"] = [{"index": 0, "text": delta.get("content", ""), "finish_reason": reason}]
        return _chunk(event)
    return piece


def _with_usage(pieces: list[bytes]) -> list[bytes]:
    """Let every event of a chat stream tell what was used so far, as vLLM's do when they are asked to."""
    told: list[bytes] = []
    for number, piece in enumerate(pieces):
        for event in _events(piece):
            if event["choices"]:
                event["usage"] = {**chat.USAGE, "completion_tokens": 4 * number + 4}
                piece = _chunk(event)
        told.append(piece)
    return told


def _counted(pieces: list[bytes]) -> list[bytes]:
    """Let every piece of a Gemini stream tell a count that is of what came so far, as Google's do."""
    told: list[bytes] = []
    for number, piece in enumerate(pieces):
        (event,) = _events(piece)
        said, whole = 4 * number + 2, 4 * number + 44
        usage = {**gemini.USAGE, "candidatesTokenCount": said, "totalTokenCount": whole}
        told.append(_chunk({**event, "usageMetadata": usage}).replace(b"\n", b"\r\n"))
    return told


def _chunk(event: dict[str, object]) -> bytes:
    return b"data: %b\n\n" % json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def streams(provider: str, form: str = "") -> list[Stream]:
    """Return the streams of a provider.

    `form` is `completions`, `generate` or `array` for those of another operation, or of another form.
    """
    return _STREAMS[f"{provider}-{form}" if form else provider]()


def shown(name: str, provider: str) -> list[Stream]:
    """Return the streams of a provider that a client of this kind gets."""
    form = _FORMS.get(name, "") if CLIENTS[name].dialect == provider else ""
    return streams(provider, form)


def _of_chat() -> list[Stream]:
    call = chat.tool_call("lookup", _CALL)
    return [
        _stream("text", "chat", chat.events("m", _WORDS, reasoning=_THOUGHTS)),
        _stream("tool", "chat", chat.events("m", tool_calls=[call]), _NAMES),
        _stream("early", "chat", _with_usage(chat.events("m", _WORDS))),
        _stream("uncounted", "chat", chat.events("m", _WORDS, usage=None)),
    ]


def _of_completions() -> list[Stream]:
    return [_stream("text", "chat", map(_completing, chat.events("m", _WORDS)))]


def _of_responses() -> list[Stream]:
    text = responses.message("".join(_WORDS))
    thought = responses.reasoning(["".join(_THOUGHTS)])
    call = responses.function_call("lookup", _CALL)
    return [
        _stream("text", "responses", responses.events("m", [thought, text])),
        _stream("tool", "responses", responses.events("m", [call]), _NAMES),
        _stream("uncounted", "responses", responses.events("m", [text], usage=None)),
    ]


def _of_messages() -> list[Stream]:
    said = [messages.thinking(), messages.text("".join(_WORDS))]
    call = messages.tool_use("lookup", _CALL)
    return [
        _stream("text", "messages", messages.events("m", said)),
        _stream("tool", "messages", messages.events("m", [call]), _NAMES),
    ]


def _of_gemini() -> list[Stream]:
    said = [gemini.thought("".join(_THOUGHTS)), gemini.text("".join(_WORDS))]
    call = gemini.call("lookup", _CALL)
    return [
        _stream("text", "gemini", _counted(gemini.events("m", said))),
        _stream("tool", "gemini", _counted(gemini.events("m", [call])), _NAMES),
        _stream("uncounted", "gemini", gemini.events("m", said, usage=None)),
    ]


def _of_arrays() -> list[Stream]:
    # Every piece tells the count of its first token, which cannot be of all that came.
    pieces = gemini.array("m", [gemini.text("".join(_WORDS))])
    return [Stream("text", "gemini", tuple(pieces), 12, _ARRAY)]


def _of_ollama() -> list[Stream]:
    calls = ollama.lines("m", tool_calls=[ollama.tool_call("lookup", _CALL)])
    text = ollama.lines("m", _WORDS, thinking=_THOUGHTS)
    return [
        Stream("text", "ollama", tuple(text), head=_NDJSON),
        Stream("tool", "ollama", tuple(calls), _NAMES, _NDJSON),
    ]


def _of_generate() -> list[Stream]:
    return [Stream("text", "ollama", tuple(ollama.lines("m", _WORDS, operation="generate")), head=_NDJSON)]


def _stream(name: str, provider: str, pieces: Iterable[bytes], loose: int = 0) -> Stream:
    return Stream(name, provider, tuple(pieces), loose)


_STREAMS: dict[str, Callable[[], list[Stream]]] = {
    "chat": _of_chat,
    "chat-completions": _of_completions,
    "responses": _of_responses,
    "messages": _of_messages,
    "gemini": _of_gemini,
    "gemini-array": _of_arrays,
    "ollama": _of_ollama,
    "ollama-generate": _of_generate,
}
