"""Whole answers in the `responses` dialect: what the ledger wants to know of them.

Nothing here changes an answer. Readers are tolerant: other servers speak this dialect, too, and a member
of an unexpected type must not cost the rest of what an answer says.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.tiers import tier_of
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.responses.read_usage import read_usage, searches_in, with_tools
from llm_gateway.wire.torn import read_torn

__all__ = ["Reading", "content_size", "error_text", "fill", "read_answer"]

_MAX_TEXT = 500
_MAX_NAME = 256
_MAX_DEPTH = 6
_ABSENT = Raw()

# Where generated text lies in the items of an output.
_TEXTS = ("text", "content", "summary", "refusal", "arguments", "input", "name", "action", "code")


class Reading(msgspec.Struct, gc=False):
    """What is read of a response object: an answer, or what a stream's first and last events carry."""

    id: object = None
    model: object = None
    status: object = None
    output: Raw = _ABSENT
    usage: Raw = _ABSENT
    incomplete_details: object = None
    error: object = None
    service_tier: object = None
    tool_usage: Raw = _ABSENT


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_reading = msgspec.json.Decoder(Reading)
_value = msgspec.json.Decoder()


def read_answer(body: bytes) -> Seen:
    """Read what a whole answer tells about itself; nothing where it cannot be read."""
    seen = Seen()
    try:
        reading = read_torn(_reading, body)
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
    seen.usage = _used(reading) or seen.usage
    if reading.service_tier is not None:
        seen.tier = tier_of(reading.service_tier)
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


def _used(reading: Reading) -> Usage | None:
    searches = 0
    if len(reading.tool_usage) < 5 and b"web_search_call" in bytes(reading.output):
        try:
            searches = searches_in(_value.decode(reading.output))
        except _UNREADABLE:
            pass
    return with_tools(read_usage(reading.usage), reading.tool_usage, searches)


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
