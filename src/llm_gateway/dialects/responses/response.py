"""Whole answers in the `responses` dialect: what the ledger wants to know of them, and their usage.

Nothing here changes an answer. Readers are tolerant: other servers speak this dialect, too, and a member
of an unexpected type must not cost the rest of what an answer says.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen

__all__ = ["Reading", "content_size", "error_text", "fill", "read_answer", "read_usage"]

_MAX_TOKENS = 1_000_000_000  # of one turn: whatever says more is no count
_MAX_TEXT = 500
_MAX_NAME = 256
_MAX_DEPTH = 6

# Where generated text lies in the items of an output.
_TEXTS = ("text", "content", "summary", "refusal", "arguments", "input", "name", "action", "code")


class Reading(msgspec.Struct, gc=False):
    """What is read of a response object: an answer, or what a stream's first and last events carry."""

    id: object = None
    model: object = None
    status: object = None
    output: Raw = msgspec.field(default_factory=Raw)
    usage: Raw = msgspec.field(default_factory=Raw)
    incomplete_details: object = None
    error: object = None


class _Details(msgspec.Struct, frozen=True, gc=False):
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


_NO_DETAILS = _Details()


class _Told(msgspec.Struct, gc=False):
    """Usage as OpenAI documents it: what nearly every server sends."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: _Details = _NO_DETAILS
    output_tokens_details: _Details = _NO_DETAILS


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_reading = msgspec.json.Decoder(Reading)
_told = msgspec.json.Decoder(_Told)
_object = msgspec.json.Decoder(dict[str, object])
_value = msgspec.json.Decoder()


def read_answer(body: bytes) -> Seen:
    """Read what a whole answer tells about itself; nothing where it cannot be read."""
    seen = Seen()
    try:
        reading = _reading.decode(body)
    except _UNREADABLE:
        return seen
    fill(seen, reading)
    seen.complete = True
    seen.content_bytes = _output_size(reading.output)
    return seen


def fill(seen: Seen, reading: Reading) -> None:
    """Take in what a response object says."""
    if isinstance(reading.id, str) and reading.id:
        seen.response_id = reading.id[:_MAX_NAME]
    if isinstance(reading.model, str) and reading.model:
        seen.model = reading.model[:_MAX_NAME]
    seen.usage = read_usage(reading.usage) or seen.usage
    if reading.error is not None:
        seen.error = error_text(reading.error)
    match reading.incomplete_details:
        case {"reason": str() as reason}:
            seen.finish_reason = reason[:_MAX_NAME]
        case _:
            if isinstance(reading.status, str):
                seen.finish_reason = reading.status[:_MAX_NAME]
    if not seen.content_bytes:  # a server that sends no deltas
        seen.content_bytes = _output_size(reading.output)


def _output_size(output: Raw) -> int:
    if len(output) < 5:
        return 0
    try:
        return content_size(_value.decode(output))
    except _UNREADABLE:
        return 0


def content_size(value: object, depth: int = 0) -> int:
    """Return the UTF-8 size of the generated text in a value: a string, items, parts of content."""
    match value:
        case str():
            return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
        case list() if depth < _MAX_DEPTH:
            return sum(content_size(part, depth + 1) for part in value)
        case dict() if depth < _MAX_DEPTH:
            return sum(content_size(value.get(key), depth + 1) for key in _TEXTS if key in value)
    return 0


def error_text(error: object) -> str:
    """Return what an `error` member or an `error` event says, or "" when there is none."""
    match error:
        case None:
            return ""
        case str():
            text = error
        case {"error": dict() as inner}:
            return error_text(inner)
        case {"message": str() as text}:
            pass
        case _:
            text = ""
    return text[:_MAX_TEXT] or "the upstream reported an error"


def read_usage(raw: Raw) -> Usage | None:
    """Read a `usage` member; None when it is missing, null, or holds no believable counts.

    `input_tokens` include what came from a cache or was written to one, `output_tokens` the reasoning.
    """
    if len(raw) < 5:  # absent, null, or too short to hold a count
        return None
    try:
        told = _told.decode(raw)
    except _UNREADABLE:
        return _read_odd_usage(raw)
    read = told.input_tokens_details.cached_tokens
    write = told.input_tokens_details.cache_write_tokens
    reasoning = told.output_tokens_details.reasoning_tokens
    sent, output = told.input_tokens, told.output_tokens
    believable = told.total_tokens == sent + output and 0 < told.total_tokens <= _MAX_TOKENS
    if not believable or min(sent, output, read, write, reasoning) < 0:
        return _read_odd_usage(raw)
    if read + write > sent or reasoning > output:
        return _read_odd_usage(raw)
    return Usage(sent - read - write, read, write, output, reasoning)


def _read_odd_usage(raw: Raw) -> Usage | None:
    try:
        told = _object.decode(raw)
    except _UNREADABLE:
        return None
    sent, output = _count(told.get("input_tokens")), _count(told.get("output_tokens", 0))
    total = _count(told.get("total_tokens"))
    if output is None:
        return None
    if sent is None:
        if total is None or total < output:
            return None
        sent = total - output
    if not sent and not output:
        return None  # a server that does not count says 0
    details = told.get("input_tokens_details")
    read = min(_member(details, "cached_tokens"), sent)
    write = min(_member(details, "cache_write_tokens"), sent - read)
    reasoning = _member(told.get("output_tokens_details"), "reasoning_tokens")
    if total is not None and reasoning and total == sent + output + reasoning:
        output += reasoning  # counted beside the output rather than in it
    return Usage(sent - read - write, read, write, output, min(reasoning, output))


def _count(value: object) -> int | None:
    """Return a believable number of tokens, or None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_TOKENS:
        return None
    return value


def _member(details: object, name: str) -> int:
    return (_count(details.get(name)) or 0) if isinstance(details, dict) else 0
