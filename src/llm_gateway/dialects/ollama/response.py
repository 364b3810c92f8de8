"""Whole answers in the `ollama` dialect, and the shape that the lines of its streams share with them.

Nothing here changes an answer: it passes as it came, and this reads what the ledger wants to know.
Other servers speak this dialect, too, so that a member of an unexpected type must not cost the rest.
"""

import msgspec

from llm_gateway.canonical.counts import Told, normal, whole
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.wire.torn import read_torn

__all__ = ["Message", "Reading", "content_size", "error_text", "fill", "read_answer", "read_usage"]

_MAX_TEXT = 500
_MAX_NAME = 256


class Message(msgspec.Struct, gc=False):
    """The members of a message that hold generated text."""

    content: object = None
    thinking: object = None
    tool_calls: object = None


class Reading(msgspec.Struct, gc=False):
    """What is read of an answer or of a line of one: `message` in chat, the other texts in generate."""

    model: object = None
    message: Message | None = None
    response: object = None
    thinking: object = None
    tool_calls: object = None
    done: object = None
    done_reason: object = None
    prompt_eval_count: object = None
    prompt_eval_cached_count: object = None
    eval_count: object = None
    error: object = None
    status: object = None
    debug_info: object = msgspec.field(name="_debug_info", default=None)


_reading = msgspec.json.Decoder(Reading)


def read_answer(body: bytes) -> Seen:
    """Read what a whole answer tells about itself; nothing where it cannot be read."""
    try:
        reading = read_torn(_reading, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Seen()
    seen = Seen()
    fill(seen, reading)
    seen.complete = True
    return seen


def fill(seen: Seen, reading: Reading) -> None:
    """Add what an answer or a line of one tells."""
    if not seen.model and isinstance(reading.model, str):
        seen.model = reading.model[:_MAX_NAME]
    message = reading.message
    if message is not None:
        seen.content_bytes += content_size(message.content)
        if message.thinking is not None or message.tool_calls is not None:
            seen.content_bytes += content_size(message.thinking) + content_size(message.tool_calls)
    elif reading.response is not None or reading.thinking is not None or reading.tool_calls is not None:
        seen.content_bytes += content_size(reading.response) + content_size(reading.thinking)
        seen.content_bytes += content_size(reading.tool_calls)
    if reading.prompt_eval_count is not None or reading.eval_count is not None:
        cached = reading.prompt_eval_cached_count
        seen.usage = read_usage(reading.prompt_eval_count, cached, reading.eval_count) or seen.usage
    if isinstance(reading.done_reason, str):
        seen.finish_reason = reading.done_reason[:_MAX_NAME]
    if reading.error is not None:
        seen.error = error_text(reading.error)


def content_size(value: object) -> int:
    """Return the UTF-8 size of generated text, or of the names and arguments of tool calls."""
    match value:
        case None:
            return 0
        case str():
            return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
        case list():
            return sum(_call_size(call) for call in value)
    return 0


def _call_size(call: object) -> int:
    match call:
        case {"function": {"name": str(name), **told}}:
            arguments = told.get("arguments")
            size = len(arguments) if isinstance(arguments, str) else len(msgspec.json.encode(arguments))
            return len(name) + (size if arguments is not None else 0)
    return 0


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


def read_usage(prompt: object, cached: object, output: object) -> Usage | None:
    """Read the counts of an answer; None when they are missing, or no believable counts.

    ollama/ollama, api/types.go, `Metrics`: the prompt's count is of all of it, `prompt_eval_cached_count`
    of what of it was in the engine's cache. Older versions count what was evaluated: there the input may be
    less than was sent, and is missing altogether when all of it was cached (ollama/ollama 2068, 3427).
    """
    told = Told(sent=whole(prompt), read=whole(cached), made=whole(output))
    if not told.sent and not told.made:
        return None
    return normal(told, caching="inside", reasoning="inside")
