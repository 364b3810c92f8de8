"""Whole answers in the `messages` dialect, and the usage and shapes that its stream events share with them.

Nothing here changes an answer: it passes as it came, and this reads what the ledger wants to know. Readers
are tolerant: many servers speak this dialect, and a member of an unexpected type must not cost the rest.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.messages.request import COUNT

__all__ = [
    "MAX_NAME",
    "UNREADABLE",
    "Block",
    "Reading",
    "Tally",
    "block_size",
    "error_text",
    "named",
    "read_answer",
    "size",
]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
MAX_NAME = 256

_MAX_TOKENS = 1_000_000_000  # of one turn: whatever says more is no count
_MAX_TEXT = 500


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
    usage: Raw = msgspec.field(default_factory=Raw)
    error: object = None


class _Told(msgspec.Struct, gc=False):
    """Usage as the vendor documents it; cached tokens are not a part of `input_tokens`."""

    input_tokens: object = None
    cache_read_input_tokens: object = None
    cache_creation_input_tokens: object = None
    cache_creation: object = None
    output_tokens: object = None
    output_tokens_details: object = None
    iterations: object = None


_reading = msgspec.json.Decoder(Reading)
_told = msgspec.json.Decoder(_Told)
_encode = msgspec.json.encode


class Tally:
    """Usage as it is told, once or several times: counts are cumulative, so that the last ones told count."""

    __slots__ = ("_aside", "_output", "_read", "_reasoning", "_uncached", "_write")

    def __init__(self) -> None:
        self._uncached = self._read = self._write = self._output = self._reasoning = 0
        self._aside: Usage | None = None

    def take(self, raw: Raw) -> bool:
        """Take in a `usage` member; return whether it told anything."""
        if len(raw) < 5:  # absent, null, or too short to hold a count
            return False
        try:
            told = _told.decode(raw)
        except UNREADABLE:
            return False
        uncached, read = _count(told.input_tokens), _count(told.cache_read_input_tokens)
        write, output = _written(told), _count(told.output_tokens)
        if uncached or read or write:  # only zeros: a server that counts what goes in at another place
            self._uncached = self._uncached if uncached is None else uncached
            self._read = self._read if read is None else read
            self._write = self._write if write is None else write
        self._output = self._output if output is None else output
        if (reasoning := _member(told.output_tokens_details, "thinking_tokens")) is not None:
            self._reasoning = reasoning
        if told.iterations is not None:
            self._aside = _aside(told.iterations)
        return True

    def usage(self) -> Usage | None:
        """Return what was used; None where nobody counted: a server that does not says 0."""
        uncached, read, write, output = self._uncached, self._read, self._write, self._output
        if (aside := self._aside) is not None:
            uncached, read = uncached + aside.uncached, read + aside.cache_read
            write, output = write + aside.cache_write, output + aside.output
        if not (uncached or read or write or output):
            return None
        return Usage(uncached, read, write, output, min(self._reasoning, output))


def read_answer(body: bytes, operation: str) -> Seen:
    """Read what a whole answer tells about itself; nothing where it cannot be read."""
    try:
        reading = _reading.decode(body)
    except UNREADABLE:
        return Seen()
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


def _aside(iterations: object) -> Usage | None:
    """Return what was used beside the answer: compaction and advice are not in the counts on top."""
    uncached = read = write = output = 0
    for each in iterations if isinstance(iterations, list) else ():
        if isinstance(each, dict) and each.get("type") in ("compaction", "advisor_message"):
            uncached += _member(each, "input_tokens") or 0
            read += _member(each, "cache_read_input_tokens") or 0
            write += _member(each, "cache_creation_input_tokens") or 0
            output += _member(each, "output_tokens") or 0
    return Usage(uncached, read, write, output)


def _written(told: _Told) -> int | None:
    """Return the tokens written to the cache: one sum, or the parts that live five minutes and an hour."""
    whole = _count(told.cache_creation_input_tokens)
    if isinstance(told.cache_creation, dict):
        short = _member(told.cache_creation, "ephemeral_5m_input_tokens") or 0
        parts = short + (_member(told.cache_creation, "ephemeral_1h_input_tokens") or 0)
        return max(whole or 0, parts)
    return whole


def _count(value: object) -> int | None:
    """Return a believable number of tokens, or None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_TOKENS:
        return None
    return value


def _member(details: object, name: str) -> int | None:
    return _count(details.get(name)) if isinstance(details, dict) else None
