"""Usage as servers of this dialect tell it. In what words the gateway tells it itself: `usage.py`.

Cached tokens are a part of `prompt_tokens` and reasoning is one of `completion_tokens` (platform.openai.com,
"The chat completion object"), unless `total_tokens` says that they stand beside: docs.x.ai has it so for
reasoning, and gateways in front of Anthropic's models for what was cached. Predicted tokens that were
rejected are in `completion_tokens` already. What an answer cost by its provider's own account (`usage.cost`
of OpenRouter, `cost_in_usd_ticks` of xAI) is not read: no price card could be shown for it.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.counts import (
    Caching,
    Reasoning,
    Told,
    both_ways,
    count,
    member,
    normal,
    plain,
    whole,
)
from llm_gateway.canonical.usage import Usage

__all__ = ["Places", "read_everywhere", "read_usage"]

_ABSENT = Raw()


class _Details(msgspec.Struct, frozen=True, gc=False):
    """The parts of a count, as OpenAI documents them."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0
    cache_creation_tokens: int = 0  # LiteLLM
    cache_creation_input_tokens: int = 0  # Alibaba's Model Studio


_NO_DETAILS = _Details()


class _Usual(msgspec.Struct, gc=False):
    """Usage as OpenAI documents it, which nearly every server sends; and what asks for a closer look."""

    prompt_tokens: int
    total_tokens: int
    completion_tokens: int = 0
    prompt_tokens_details: _Details = _NO_DETAILS
    completion_tokens_details: _Details = _NO_DETAILS
    prompt_cache_hit_tokens: int = 0  # DeepSeek: with prompt_cache_miss_tokens, the whole prompt
    cached_tokens: int = 0  # Moonshot, Together
    cache_read_input_tokens: int = 0  # gateways in front of Anthropic's models
    cache_creation_input_tokens: int = 0
    server_tool_use: object = None  # OpenRouter
    server_side_tool_usage_details: object = None  # xAI
    num_search_queries: object = None  # Perplexity


class _Timings(msgspec.Struct, gc=False):
    """llama.cpp, tools/server/README.md: what of the prompt was reused, what was processed, what was made."""

    cache_n: object = 0
    prompt_n: object = 0
    predicted_n: object = 0


class _Groq(msgspec.Struct, gc=False):
    usage: Raw = _ABSENT


class Places(msgspec.Struct, frozen=True, gc=False):
    """Where an answer, or an event of a stream, may tell what was used. Most have one of them, or none.

    `choice` is the usage within a choice, where Moonshot tells it; `groq` is Groq's `x_groq`, which has it
    also where nobody asked; `timings` are llama.cpp's.
    """

    usage: Raw
    choice: Raw
    groq: Raw
    timings: Raw


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_usual = msgspec.json.Decoder(_Usual)
_timings = msgspec.json.Decoder(_Timings)
_groq = msgspec.json.Decoder(_Groq)
_object = msgspec.json.Decoder(dict[str, object])


def read_usage(raw: Raw) -> Usage | None:
    """Read a `usage` member; None when it is missing, null, or holds no believable counts."""
    if len(raw) < 5:  # absent, null, or too short to hold a count
        return None
    try:
        told = _usual.decode(raw)
    except _UNREADABLE:
        return _odd_usage(raw)
    return _usual_usage(told) or _odd_usage(raw)


def read_everywhere(places: Places) -> Usage | None:
    """Read what was used, wherever it is told."""
    usage = read_usage(places.usage) or read_usage(places.choice)
    if usage is None and len(places.groq) > 4:
        try:
            usage = read_usage(_groq.decode(places.groq).usage)
        except _UNREADABLE:
            pass
    return _with_timings(places.timings, usage) if len(places.timings) > 4 else usage


def _with_timings(raw: Raw, usage: Usage | None) -> Usage | None:
    """Return usage with what `timings` know beyond it: all counts, or what came from the server's cache."""
    try:
        told = _timings.decode(raw)
    except _UNREADABLE:
        return usage
    read, new, made = whole(told.cache_n), whole(told.prompt_n), whole(told.predicted_n)
    if usage is None:
        return Usage(new, read, output=made) if read or new or made else None
    if read and not usage.cache_read and usage.uncached == read + new:
        return msgspec.structs.replace(usage, uncached=new, cache_read=read)
    return usage


def _usual_usage(told: _Usual) -> Usage | None:
    """Return usage that is as documented and adds up; None for whatever has to be looked at closely."""
    sent, made = told.prompt_tokens_details, told.completion_tokens_details
    if (
        sent.audio_tokens
        or sent.image_tokens
        or made.audio_tokens
        or made.image_tokens
        or sent.cache_creation_tokens
        or sent.cache_creation_input_tokens
        or told.cached_tokens
        or told.cache_read_input_tokens
        or told.cache_creation_input_tokens
        or told.server_tool_use is not None
        or told.server_side_tool_usage_details is not None
        or told.num_search_queries is not None
    ):
        return None
    read = sent.cached_tokens or told.prompt_cache_hit_tokens
    sums = (told.prompt_tokens, told.completion_tokens, told.total_tokens)
    return plain(sums, read, sent.cache_write_tokens, made.reasoning_tokens)


def _odd_usage(raw: Raw) -> Usage | None:
    try:
        told = _object.decode(raw)
    except _UNREADABLE:
        return None
    total = count(told.get("total_tokens"))
    ways = both_ways(count(told.get("prompt_tokens")), count(told.get("completion_tokens", 0)), total)
    if ways is None:
        return None
    prompt, output = ways
    sent, made = told.get("prompt_tokens_details"), told.get("completion_tokens_details")
    read = member(sent, "cached_tokens") or member(
        told, "prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens"
    )
    write = member(
        sent, "cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"
    ) or member(told, "cache_creation_input_tokens")
    counts = Told(
        sent=prompt,
        made=output,
        read=read,
        write=write,
        write_1h=_written_1h(told, sent),
        reasoning=member(made, "reasoning_tokens"),
        audio_in=member(sent, "audio_tokens"),
        audio_out=member(made, "audio_tokens"),
        image_in=member(sent, "image_tokens"),
        image_out=member(made, "image_tokens"),
        searches=_searches(told),
    )
    return _weighed(counts, (total or 0) - prompt - output)


def _weighed(told: Told, hidden: int) -> Usage:
    """Return usage by what its total says: `hidden` tokens are in it and in neither of the other counts.

    Cached tokens stand beside the prompt only where they could not be in it: a total may count them twice.
    """
    cached = told.read + told.write
    beside = cached > told.sent and hidden in (cached, cached + told.reasoning)
    caching: Caching = "beside" if beside else "inside"
    if beside:
        hidden -= cached
    reasoning: Reasoning = "inside"
    if hidden > 0:
        if not told.reasoning and hidden != cached:
            told = msgspec.structs.replace(told, reasoning=hidden)  # nobody else says what it is
        if hidden == told.reasoning:
            reasoning = "beside"
    return normal(told, caching=caching, reasoning=reasoning)


def _written_1h(told: dict[str, object], sent: object) -> int:
    """Return what was written to Anthropic's cache for an hour, where a gateway in front of it says so."""
    parts = told.get("cache_creation")
    if isinstance(sent, dict) and not isinstance(parts, dict):
        parts = sent.get("cache_creation_token_details") or sent.get("cache_creation")
    return member(parts, "ephemeral_1h_input_tokens")


def _searches(told: dict[str, object]) -> int:
    """Return how often the web was searched: openrouter.ai, "Web Search"; docs.x.ai; docs.perplexity.ai."""
    tools = told.get("server_side_tool_usage_details")
    return (
        member(told.get("server_tool_use"), "web_search_requests")
        or member(tools, "web_search_calls") + member(tools, "x_search_calls")
        or member(told, "num_search_queries")
    )
