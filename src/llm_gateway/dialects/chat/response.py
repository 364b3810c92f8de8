"""Whole answers in the `chat` dialect, and the shapes that its stream events share with them.

Nothing here changes an answer: it passes as it came, and this reads what the ledger wants to know.
Readers are tolerant: many servers speak this dialect, and a member of an unexpected type must not cost
the rest of what an answer says.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.tiers import tier_of
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.read_usage import Places, read_everywhere
from llm_gateway.dialects.contract import Seen
from llm_gateway.wire.torn import read_torn

__all__ = [
    "Choice",
    "Message",
    "Reading",
    "content_size",
    "error_text",
    "message_size",
    "read_answer",
    "read_part",
    "usage_of",
]

_MAX_TEXT = 500
_MAX_NAME = 256
_MAX_DEPTH = 6
_ABSENT = Raw()


class Message(msgspec.Struct, gc=False):
    """The members of a message or a delta that hold generated text. Servers differ in their types."""

    content: object = None
    refusal: object = None
    reasoning_content: object = None  # DeepSeek, vLLM, llama.cpp, xAI
    reasoning: object = None  # OpenRouter, Groq, Ollama, newer vLLM; some send it beside the other
    tool_calls: object = None
    function_call: object = None


class Choice(msgspec.Struct, gc=False):
    """One choice: `delta` in a stream, `message` in an answer, `text` in the completions operation."""

    delta: Message | None = None
    message: Message | None = None
    text: object = None
    finish_reason: object = None
    usage: Raw = _ABSENT  # Moonshot, in the last event


class Reading(msgspec.Struct, gc=False):
    """What is read of an answer or of one event of a stream."""

    id: object = None
    model: object = None
    choices: list[Choice] | None = None
    usage: Raw = _ABSENT
    error: object = None
    service_tier: object = None
    timings: Raw = _ABSENT  # llama.cpp
    x_groq: Raw = _ABSENT


class _Part(msgspec.Struct, gc=False):
    """What is read of an answer or an event whose choices are none of this dialect."""

    id: object = None
    model: object = None
    usage: Raw = _ABSENT
    error: object = None
    service_tier: object = None


_reading = msgspec.json.Decoder(Reading)
_part = msgspec.json.Decoder(_Part)


def read_answer(body: bytes) -> Seen:
    """Read what a whole answer tells about itself; nothing where it cannot be read."""
    try:
        reading = read_torn(_reading, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            reading = read_part(body)  # choices of another form must not cost the usage beside them
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Seen()
        if usage_of(reading) is None:
            return Seen()
    seen = Seen(
        response_id=reading.id[:_MAX_NAME] if isinstance(reading.id, str) else "",
        model=reading.model[:_MAX_NAME] if isinstance(reading.model, str) else "",
        complete=True,
        error=error_text(reading.error),
        tier=tier_of(reading.service_tier),
    )
    for choice in reading.choices or ():
        if choice.message is not None:
            seen.content_bytes += message_size(choice.message)
        seen.content_bytes += content_size(choice.text)
        if isinstance(choice.finish_reason, str):
            seen.finish_reason = choice.finish_reason[:_MAX_NAME]
    seen.usage = usage_of(reading)
    return seen


def read_part(data: bytes) -> Reading:
    """Read what there is beside the choices, whatever those are; DecodeError when it is no object."""
    part = _part.decode(data)
    return Reading(part.id, part.model, None, part.usage, part.error, part.service_tier)


def usage_of(reading: Reading) -> Usage | None:
    """Return what an answer or an event says was used; None where it says nothing that can be believed."""
    inner = next((choice.usage for choice in reading.choices or () if len(choice.usage) > 4), _ABSENT)
    return read_everywhere(Places(reading.usage, inner, reading.x_groq, reading.timings))


def message_size(message: Message) -> int:
    """Return how many bytes were generated into a message or a delta."""
    content = message.content
    size = len(content) if isinstance(content, str) and content.isascii() else content_size(content)
    if message.tool_calls is not None:
        size += content_size(message.tool_calls)
    if message.reasoning_content is not None or message.reasoning is not None:
        size += content_size(message.reasoning_content or message.reasoning)
    if message.refusal is not None:
        size += content_size(message.refusal)
    if message.function_call is not None:
        size += content_size(message.function_call)
    return size


def content_size(value: object, depth: int = 0) -> int:
    """Return the UTF-8 size of the generated text in a value: a string, parts of content, tool calls."""
    match value:
        case str():
            return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
        case list() if depth < _MAX_DEPTH:
            return sum(content_size(part, depth + 1) for part in value)
        case dict() if depth < _MAX_DEPTH:
            return sum(
                content_size(part, depth + 1)
                for key, part in value.items()
                if key in ("text", "content", "thinking", "refusal", "function", "custom", "name", "input")
            ) + _arguments_size(value.get("arguments"))
    return 0


def _arguments_size(arguments: object) -> int:
    """Tool arguments are a string that holds JSON; a few servers send the JSON itself."""
    if arguments is None or isinstance(arguments, str):
        return content_size(arguments)
    return len(msgspec.json.encode(arguments))


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
