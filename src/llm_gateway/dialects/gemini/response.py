"""Whole answers in the `gemini` dialect, and the shapes that the pieces of its streams share with them.

Nothing here changes an answer: it passes as it came, and this reads what the ledger wants to know. A piece
of a stream is an answer of its own; its usage is what was used so far.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen

__all__ = ["UNREADABLE", "Reading", "error_text", "read_answer", "read_usage", "take"]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_MAX_TOKENS = 1_000_000_000  # of one turn: whatever says more is no count
_MAX_TEXT = 500
_MAX_NAME = 256


class _Call(msgspec.Struct, gc=False):
    name: object = None
    args: Raw = msgspec.field(default_factory=Raw)


class _Part(msgspec.Struct, gc=False, rename="camel"):
    text: object = None
    function_call: _Call | None = None
    executable_code: Raw = msgspec.field(default_factory=Raw)


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, gc=False, rename="camel"):
    content: _Content | None = None
    finish_reason: object = None
    index: object = None


class _Feedback(msgspec.Struct, gc=False, rename="camel"):
    block_reason: object = None


class Reading(msgspec.Struct, gc=False, rename="camel"):
    """What is read of an answer or of one piece of a stream."""

    candidates: list[_Candidate] | None = None
    usage_metadata: Raw = msgspec.field(default_factory=Raw)
    response_id: object = None
    model_version: object = None
    prompt_feedback: _Feedback | None = None
    error: object = None


class _Told(msgspec.Struct, gc=False, rename="camel"):
    """Usage as it is documented: what nearly every server sends, with every piece of a stream."""

    total_token_count: int
    prompt_token_count: int = 0
    cached_content_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0
    tool_use_prompt_token_count: int = 0


class _Usage(msgspec.Struct, gc=False, rename="camel"):
    prompt_token_count: object = None
    cached_content_token_count: object = None
    candidates_token_count: object = None
    thoughts_token_count: object = None
    tool_use_prompt_token_count: object = None
    total_token_count: object = None


_reading = msgspec.json.Decoder(Reading)
_told = msgspec.json.Decoder(_Told)
_usage = msgspec.json.Decoder(_Usage)


def read_answer(body: bytes, operation: str) -> Seen:
    """Read what a whole answer tells about itself; nothing where it cannot be read."""
    try:
        reading = _reading.decode(body)
    except UNREADABLE:
        return Seen()
    seen = Seen()
    take(reading, seen)
    if operation == "countTokens":  # `totalTokens` says what a request would use, not what was used
        seen.usage = Usage()
    seen.complete = True
    return seen


def take(reading: Reading, seen: Seen) -> None:
    """Add to what was seen what an answer, or a piece of one, says."""
    if not seen.response_id and isinstance(reading.response_id, str):
        seen.response_id = reading.response_id[:_MAX_NAME]
    if not seen.model and isinstance(reading.model_version, str):
        seen.model = reading.model_version[:_MAX_NAME]
    for candidate in reading.candidates or ():
        if candidate.content is not None:
            for part in candidate.content.parts or ():
                seen.content_bytes += _size(part)
        if candidate.finish_reason is not None and isinstance(candidate.finish_reason, str):
            seen.finish_reason = candidate.finish_reason[:_MAX_NAME]
            seen.complete = True
    if reading.prompt_feedback is not None and isinstance(reading.prompt_feedback.block_reason, str):
        seen.finish_reason = reading.prompt_feedback.block_reason[:_MAX_NAME]
        seen.complete = True  # nothing is generated for a prompt that is blocked
    if len(reading.usage_metadata) > 4:
        seen.usage = read_usage(reading.usage_metadata) or seen.usage
    if reading.error is not None:
        seen.error = error_text(reading.error)


def _size(part: _Part) -> int:
    text = part.text
    if isinstance(text, str):
        return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    if (call := part.function_call) is not None:
        name = len(call.name) if isinstance(call.name, str) else 0
        return name + len(call.args)
    return len(part.executable_code)


def error_text(error: object) -> str:
    """Return what an `error` member says, or "" when there is none."""
    match error:
        case None:
            return ""
        case str():
            text = error
        case {"message": str() as text}:
            pass
        case _:
            text = ""
    return text[:_MAX_TEXT] or "the upstream reported an error"


def read_usage(raw: Raw) -> Usage | None:
    """Read a `usageMetadata`; None when it is missing, null, or holds no believable counts.

    ai.google.dev, "GenerateContentResponse": the prompt's count includes what was cached, but not what
    tools of Google's own brought in; the candidates' count leaves out the thoughts. Where the total is more
    than all of them, what is missing was generated: some servers do not count thoughts apart.
    """
    if len(raw) < 5:  # absent, null, or too short to hold a count
        return None
    try:
        plain = _told.decode(raw)
    except UNREADABLE:
        return _read_odd_usage(raw)
    return _plain_usage(plain) or _read_odd_usage(raw)


def _plain_usage(told: _Told) -> Usage | None:
    """Return usage that is as documented and adds up; None for whatever has to be looked at closely."""
    prompt, read = told.prompt_token_count, told.cached_content_token_count
    brought, reasoning = told.tool_use_prompt_token_count, told.thoughts_token_count
    output = told.candidates_token_count + reasoning
    if told.total_token_count != prompt + brought + output or not 0 < told.total_token_count <= _MAX_TOKENS:
        return None
    if not (0 <= read <= prompt and 0 <= reasoning <= output and brought >= 0):
        return None
    return Usage(prompt - read + brought, read, 0, output, reasoning)


def _read_odd_usage(raw: Raw) -> Usage | None:
    try:
        told = _usage.decode(raw)
    except UNREADABLE:
        return None
    prompt = _count(told.prompt_token_count)
    brought = _count(told.tool_use_prompt_token_count)
    reasoning = _count(told.thoughts_token_count)
    output = _count(told.candidates_token_count) + reasoning
    hidden = _count(told.total_token_count) - prompt - brought - output
    if hidden > 0:
        if not prompt and not brought:
            prompt = hidden
        else:
            output += hidden
            reasoning = reasoning or hidden
    if not prompt and not brought and not output:
        return None  # a server that does not count says 0
    read = min(_count(told.cached_content_token_count), prompt)
    return Usage(prompt - read + brought, read, 0, output, reasoning)


def _count(value: object) -> int:
    """Return a believable number of tokens, 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_TOKENS:
        return 0
    return value
