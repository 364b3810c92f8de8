"""Whole answers of the `ollama` dialect, read into the common model and written from it."""

from datetime import UTC, datetime
from typing import assert_never

import msgspec

from llm_gateway.canonical.events import Event, Failed, Finish, Finished
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Refusal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import Response, fold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked, Read, Written
from llm_gateway.dialects.ollama.calls import Call, write_call
from llm_gateway.dialects.ollama.finish import write_finish
from llm_gateway.dialects.ollama.lines import LineReader
from llm_gateway.errors import UpstreamBroken

__all__ = ["created_at", "decode_response", "encode_response", "ending", "head", "said"]

_encode = msgspec.json.encode
_assistant = b'"message":{"role":"assistant","content":'


class _Counts(msgspec.Struct, omit_defaults=True):
    """The end of an answer. How long it took is not known here; members that are 0 are left out by Ollama."""

    done: bool
    done_reason: str
    prompt_eval_count: int = 0
    prompt_eval_cached_count: int = 0
    eval_count: int = 0


def decode_response(body: bytes) -> Read:
    """Read a whole answer, also one that came in lines without saying so; UpstreamBroken when it is none."""
    reader = LineReader()
    try:
        events = reader.read(body)
    except UpstreamBroken:
        if b"\n" not in body.strip():
            raise
        reader = LineReader()
        events = [event for line in body.split(b"\n") if line.strip() for event in reader.read(line)]
    _check(events)
    return Read(fold(events), tuple(reader.losses))


def _check(events: list[Event]) -> None:
    for event in events:
        if isinstance(event, Failed):
            raise UpstreamBroken(f"the upstream failed while it answered: {event.message[:300]}")
    if not any(isinstance(event, Finished) for event in events):
        raise UpstreamBroken("the upstream's answer does not say that it is done")


def encode_response(response: Response, asked: Asked) -> Written:
    """Write a whole answer."""
    losses = Losses()
    content: list[str] = []
    thinking: list[str] = []
    calls: list[Call] = []
    for part in response.parts:
        match part:
            case Text(text):
                content.append(text)
            case Refusal(text):
                losses.add("response.refusal", "said as any other text")
                content.append(text)
            case Thinking(text, seal):
                if seal is not None:
                    losses.add("response.thinking.signature", "there is no place for what proves it")
                thinking.append(text)
            case ToolCall():
                calls.append(write_call(part, losses, "response.tool_calls.", len(calls)))
            case _:
                assert_never(part)
    told = said(
        asked.operation,
        _encode("".join(content)),
        _encode("".join(thinking)) if any(thinking) else b"",
        _encode(calls) if calls else b"",
    )
    end = ending((response.finish, response.sequence), response.usage, losses)
    return Written(b"%b%b,%b" % (head(asked), told, end), losses=losses.found())


def created_at(now: int) -> str:
    """Return a time as this dialect writes it (RFC 3339)."""
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}"


def head(asked: Asked) -> bytes:
    """Return how an answer, and every line of one, begins."""
    return b'{"model":%b,"created_at":"%b",' % (_encode(asked.model), created_at(asked.now).encode())


def said(operation: str, content: bytes, thinking: bytes = b"", calls: bytes = b"") -> bytes:
    """Return the members that hold what was said; all of them are JSON already."""
    told = (b'"response":' if operation == "generate" else _assistant) + content
    if thinking:
        told += b',"thinking":' + thinking
    if calls:
        told += b',"tool_calls":' + calls
    return told if operation == "generate" else told + b"}"


def ending(finish: tuple[Finish, str], usage: Usage | None, losses: Losses) -> bytes:
    """Return the members that end an answer, and the brace that closes it.

    `finish` is why it ended, and the sequence that ended it or "".
    """
    counts = _Counts(True, write_finish(*finish, losses))
    if usage is not None:
        counts = _Counts(True, counts.done_reason, usage.input, usage.cache_read, usage.output)
    return _encode(counts)[1:]
