"""Whole answers in the `messages` dialect, and the shapes that its stream events share with them.

Nothing here changes an answer: it passes as it came, and this reads what the ledger wants to know. Readers
are tolerant: many servers speak this dialect, and a member of an unexpected type must not cost the rest.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.messages.request import COUNT
from llm_gateway.dialects.messages.tally import Tally
from llm_gateway.wire.torn import read_torn

__all__ = [
    "MAX_NAME",
    "UNREADABLE",
    "Block",
    "Reading",
    "block_size",
    "error_text",
    "named",
    "read_answer",
    "size",
]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
MAX_NAME = 256

_MAX_TEXT = 500
_ABSENT = Raw()


class Block(msgspec.Struct, gc=False):
    """The members of a content block that hold generated text. Servers differ in their types."""

    text: object = None
    thinking: object = None
    input: object = None


class Reading(msgspec.Struct, gc=False):
    """What is read of an answer, and of the message that a stream begins with."""

    id: object = None
    model: object = None
    content: list[Block] | None = None
    stop_reason: object = None
    usage: Raw = _ABSENT
    error: object = None


class _Part(msgspec.Struct, gc=False):
    """What is read of an answer whose content is none of this dialect."""

    id: object = None
    model: object = None
    stop_reason: object = None
    usage: Raw = _ABSENT
    error: object = None


_reading = msgspec.json.Decoder(Reading)
_part = msgspec.json.Decoder(_Part)
_encode = msgspec.json.encode


def read_answer(body: bytes, operation: str) -> Seen:
    """Read what a whole answer tells about itself; nothing where it cannot be read."""
    try:
        reading = read_torn(_reading, body)
    except UNREADABLE:
        try:
            part = _part.decode(body)  # such content must not cost the usage beside it
        except UNREADABLE:
            return Seen()
        if not len(part.usage):
            return Seen()
        reading = Reading(part.id, part.model, None, part.stop_reason, part.usage, part.error)
    if operation == COUNT:  # `input_tokens` says what a request would use, not what was used
        return Seen(usage=Usage(), complete=True, error=error_text(reading.error))
    tally = Tally()
    tally.take(reading.usage)
    return Seen(
        usage=tally.usage(),
        response_id=named(reading.id),
        model=named(reading.model),
        finish_reason=named(reading.stop_reason),
        content_bytes=sum(block_size(block) for block in reading.content or ()),
        complete=True,
        error=error_text(reading.error),
        tier=tally.tier,
    )


def named(value: object) -> str:
    """Return a name that is not longer than the ledger takes; "" for anything but text."""
    return value[:MAX_NAME] if isinstance(value, str) else ""


def block_size(block: Block) -> int:
    """Return how many bytes were generated into a content block."""
    return size(block.text) + size(block.thinking) + (size(block.input) if block.input else 0)


def size(value: object) -> int:
    """Return the UTF-8 size of generated text; the input of a tool counts as the JSON that it is."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
    return 0 if value is None else len(_encode(value))


def error_text(error: object) -> str:
    """Return what an `error` member says, or "" when there is none."""
    match error:
        case None:
            return ""
        case str() as text:
            pass
        case {"message": str() as text}:
            pass
        case _:
            text = ""
    return text[:_MAX_TEXT] or "the upstream reported an error"
