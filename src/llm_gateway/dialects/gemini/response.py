"""Whole answers in the `gemini` dialect, and the shapes that the pieces of its streams share with them.

Nothing here changes an answer: it passes as it came, and this reads what the ledger wants to know. A piece
of a stream is an answer of its own; its usage is what was used so far.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.gemini.read_usage import count_searches, read_used, with_searches
from llm_gateway.wire.torn import read_torn

__all__ = ["UNREADABLE", "Reading", "error_text", "read_answer", "take"]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_MAX_TEXT = 500
_MAX_NAME = 256
_ABSENT = Raw()


class _Call(msgspec.Struct, gc=False):
    name: object = None
    args: Raw = _ABSENT


class _Part(msgspec.Struct, gc=False, rename="camel"):
    text: object = None
    function_call: _Call | None = None
    executable_code: Raw = _ABSENT


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, gc=False, rename="camel"):
    content: _Content | None = None
    finish_reason: object = None
    index: object = None
    grounding_metadata: Raw = _ABSENT


class _Feedback(msgspec.Struct, gc=False, rename="camel"):
    block_reason: object = None


class Reading(msgspec.Struct, gc=False, rename="camel"):
    """What is read of an answer or of one piece of a stream."""

    candidates: list[_Candidate] | None = None
    usage_metadata: Raw = _ABSENT
    response_id: object = None
    model_version: object = None
    prompt_feedback: _Feedback | None = None
    error: object = None


_reading = msgspec.json.Decoder(Reading)


def read_answer(body: bytes, operation: str) -> Seen:
    """Read what a whole answer tells about itself; nothing where it cannot be read."""
    try:
        reading = read_torn(_reading, body)
    except UNREADABLE:
        return Seen()
    seen = Seen()
    take(reading, seen)
    if operation == "countTokens":  # `totalTokens` says what a request would use, not what was used
        seen.usage = Usage()
    seen.counted_bytes = -1
    seen.complete = True
    return seen


def take(reading: Reading, seen: Seen) -> None:
    """Add to what was seen what an answer, or a piece of one, says."""
    if not seen.response_id and isinstance(reading.response_id, str):
        seen.response_id = reading.response_id[:_MAX_NAME]
    if not seen.model and isinstance(reading.model_version, str):
        seen.model = reading.model_version[:_MAX_NAME]
    searches = 0
    for candidate in reading.candidates or ():
        if len(candidate.grounding_metadata) > 4:
            searches = max(searches, count_searches(candidate.grounding_metadata, seen.model))
        if candidate.content is not None:
            for part in candidate.content.parts or ():
                seen.content_bytes += _size(part)
        if candidate.finish_reason is not None and isinstance(candidate.finish_reason, str):
            seen.finish_reason = candidate.finish_reason[:_MAX_NAME]
            seen.complete = True
    if reading.prompt_feedback is not None and isinstance(reading.prompt_feedback.block_reason, str):
        seen.finish_reason = reading.prompt_feedback.block_reason[:_MAX_NAME]
        seen.complete = True  # nothing is generated for a prompt that is blocked
    if searches or len(reading.usage_metadata) > 4:
        _count(reading.usage_metadata, searches, seen)
    if reading.error is not None:
        seen.error = error_text(reading.error)


def _count(told: Raw, searches: int, seen: Seen) -> None:
    """Take in what was used so far. Searches are told with one piece, counts with every one."""
    used, tier = read_used(told)
    if tier:
        seen.tier = tier
    before = seen.usage
    if before is not None and before.special is not None:
        searches = max(searches, before.special.searches)
    if (usage := used or before) is not None:
        seen.count(with_searches(usage, searches) if searches else usage)


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
