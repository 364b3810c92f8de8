"""Whole answers in the `chat` dialect, and the shapes that its stream events share with them.

Nothing here changes an answer: it passes as it came, and this reads what the ledger wants to know.
Readers are tolerant: many servers speak this dialect, and a member of an unexpected type must not cost
the rest of what an answer says.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen

__all__ = [
    "Choice",
    "Message",
    "Reading",
    "content_size",
    "error_text",
    "message_size",
    "read_answer",
    "read_usage",
]

_MAX_TOKENS = 1_000_000_000  # of one turn: whatever says more is no count
_MAX_TEXT = 500
_MAX_NAME = 256
_MAX_DEPTH = 6


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


class Reading(msgspec.Struct, gc=False):
    """What is read of an answer or of one event of a stream."""

    id: object = None
    model: object = None
    choices: list[Choice] | None = None
    usage: Raw = msgspec.field(default_factory=Raw)
    error: object = None


class _Details(msgspec.Struct, frozen=True, gc=False):
    """The parts of a count, as OpenAI documents them."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


_NO_DETAILS = _Details()


class _Told(msgspec.Struct, gc=False):
    """Usage as OpenAI documents it: what nearly every server sends."""

    prompt_tokens: int
    total_tokens: int
    completion_tokens: int = 0
    prompt_tokens_details: _Details = _NO_DETAILS
    completion_tokens_details: _Details = _NO_DETAILS
    prompt_cache_hit_tokens: int = 0


_reading = msgspec.json.Decoder(Reading)
_told = msgspec.json.Decoder(_Told)
_object = msgspec.json.Decoder(dict[str, object])


def read_answer(body: bytes) -> Seen:
    """Read what a whole answer tells about itself; nothing where it cannot be read."""
    try:
        reading = _reading.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Seen()
    seen = Seen(
        usage=read_usage(reading.usage),
        response_id=reading.id[:_MAX_NAME] if isinstance(reading.id, str) else "",
        model=reading.model[:_MAX_NAME] if isinstance(reading.model, str) else "",
        complete=True,
        error=error_text(reading.error),
    )
    for choice in reading.choices or ():
        if choice.message is not None:
            seen.content_bytes += message_size(choice.message)
        seen.content_bytes += content_size(choice.text)
        if isinstance(choice.finish_reason, str):
            seen.finish_reason = choice.finish_reason[:_MAX_NAME]
    return seen


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


def read_usage(raw: Raw) -> Usage | None:
    """Read a `usage` member; None when it is missing, null, or holds no believable counts.

    In this dialect `prompt_tokens` include the cached ones and `completion_tokens` the reasoning. Where
    `total_tokens` are more than both, what is missing was generated: xAI and Gemini leave reasoning out
    of `completion_tokens`.
    """
    if len(raw) < 5:  # absent, null, or too short to hold a count
        return None
    try:
        plain = _told.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_odd_usage(raw)
    return _plain_usage(plain) or _read_odd_usage(raw)


def _plain_usage(told: _Told) -> Usage | None:
    """Return usage that is as documented and adds up; None for whatever has to be looked at closely."""
    prompt, output = told.prompt_tokens, told.completion_tokens
    read = told.prompt_tokens_details.cached_tokens or told.prompt_cache_hit_tokens
    write = told.prompt_tokens_details.cache_write_tokens
    reasoning = told.completion_tokens_details.reasoning_tokens
    if told.total_tokens != prompt + output or not 0 < told.total_tokens <= _MAX_TOKENS:
        return None
    if min(prompt, output, read, write, reasoning) < 0 or read + write > prompt or reasoning > output:
        return None
    return Usage(prompt - read - write, read, write, output, reasoning)


def _read_odd_usage(raw: Raw) -> Usage | None:
    try:
        told = _object.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    prompt = _count(told.get("prompt_tokens"))
    output = _count(told.get("completion_tokens", 0))
    total = _count(told.get("total_tokens"))
    if output is None:
        return None
    if prompt is None:
        if total is None or total < output:
            return None
        prompt = total - output
    if not prompt and not output:
        return None  # a server that does not count says 0
    details = told.get("prompt_tokens_details")
    read = _member(details, "cached_tokens") or _count(told.get("prompt_cache_hit_tokens")) or 0
    read = min(read, prompt)
    write = min(_member(details, "cache_write_tokens"), prompt - read)
    reasoning = _member(told.get("completion_tokens_details"), "reasoning_tokens")
    hidden = (total or 0) - prompt - output
    if hidden > 0 and (hidden == reasoning or (not reasoning and hidden != read)):
        output += hidden
        reasoning = reasoning or hidden
    return Usage(
        uncached=prompt - read - write,
        cache_read=read,
        cache_write=write,
        output=output,
        reasoning=min(reasoning, output),
    )


def _count(value: object) -> int | None:
    """Return a believable number of tokens, or None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_TOKENS:
        return None
    return value


def _member(details: object, name: str) -> int:
    return (_count(details.get(name)) or 0) if isinstance(details, dict) else 0
