"""Usage as servers of this dialect tell it.

platform.openai.com, "The response object": `input_tokens` include what came from a cache or was written to
one, `output_tokens` the reasoning; xAI tells reasoning beside the output, and then the total says so. For how
long something is kept changes no price of OpenAI's, so that `cache_write_tokens_details` are not read. What
hosted tools used is told apart, in `tool_usage`: billable searches, and the tokens of pictures that another
model made, which are counted here as pictures. Servers without it are asked for their calls.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.counts import (
    Reasoning,
    Told,
    added,
    both_ways,
    count,
    member,
    normal,
    plain,
)
from llm_gateway.canonical.usage import Usage

__all__ = ["read_usage", "searches_in", "with_tools"]


class _Details(msgspec.Struct, frozen=True, gc=False):
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0


_NO_DETAILS = _Details()


class _Usual(msgspec.Struct, gc=False):
    """Usage as OpenAI documents it: what nearly every server sends."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: _Details = _NO_DETAILS
    output_tokens_details: _Details = _NO_DETAILS
    server_side_tool_usage_details: object = None  # xAI


class _Tools(msgspec.Struct, gc=False):
    web_search: object = None
    image_gen: object = None


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_usual = msgspec.json.Decoder(_Usual)
_tools = msgspec.json.Decoder(_Tools)
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


def searches_in(output: object) -> int:
    """Return how often the items of an output say that the web was searched; opening a page is no search."""
    found = 0
    for item in output if isinstance(output, list) else ():
        if isinstance(item, dict) and item.get("type") == "web_search_call":
            action = item.get("action")
            found += not isinstance(action, dict) or action.get("type") in ("search", None)
    return found


def with_tools(usage: Usage | None, tools: Raw, searches: int) -> Usage | None:
    """Return usage with what hosted tools used: by their own account, else so many `searches`."""
    if len(tools) > 4:
        try:
            told = _tools.decode(tools)
        except _UNREADABLE:
            told = _Tools()
        searches = member(told.web_search, "num_requests")
        pictures = _pictures(told.image_gen)
        if pictures is not None:
            usage = pictures if usage is None else added(usage, pictures)
    if usage is None or not searches or (usage.special is not None and usage.special.searches):
        return usage
    more = normal(Told(searches=searches), caching="inside", reasoning="inside")
    return added(usage, more)


def _pictures(told: object) -> Usage | None:
    sent, made = member(told, "input_tokens"), member(told, "output_tokens")
    if not isinstance(told, dict) or not (sent or made):
        return None
    counts = Told(
        sent=sent,
        made=made,
        read=member(told, "cached_tokens"),
        image_in=member(told.get("input_tokens_details"), "image_tokens"),
        image_read=member(told.get("cached_tokens_details"), "cached_image_tokens"),
        image_out=member(told.get("output_tokens_details"), "image_tokens") or made,
    )
    return normal(counts, caching="inside", reasoning="inside")


def _usual_usage(told: _Usual) -> Usage | None:
    """Return usage that is as documented and adds up; None for whatever has to be looked at closely."""
    into, out = told.input_tokens_details, told.output_tokens_details
    if into.audio_tokens or into.image_tokens or out.audio_tokens or out.image_tokens:
        return None
    if told.server_side_tool_usage_details is not None:
        return None
    sums = (told.input_tokens, told.output_tokens, told.total_tokens)
    return plain(sums, into.cached_tokens, into.cache_write_tokens, out.reasoning_tokens)


def _odd_usage(raw: Raw) -> Usage | None:
    try:
        told = _object.decode(raw)
    except _UNREADABLE:
        return None
    total = count(told.get("total_tokens"))
    ways = both_ways(count(told.get("input_tokens")), count(told.get("output_tokens", 0)), total)
    if ways is None:
        return None
    sent, output = ways
    into, out = told.get("input_tokens_details"), told.get("output_tokens_details")
    tools = told.get("server_side_tool_usage_details")
    counts = Told(
        sent=sent,
        made=output,
        read=member(into, "cached_tokens"),
        write=member(into, "cache_write_tokens"),
        reasoning=member(out, "reasoning_tokens"),
        audio_in=member(into, "audio_tokens"),
        audio_out=member(out, "audio_tokens"),
        image_in=member(into, "image_tokens"),
        image_out=member(out, "image_tokens"),
        searches=member(tools, "web_search_calls") + member(tools, "x_search_calls"),
    )
    beside = counts.reasoning and total == sent + output + counts.reasoning
    reasoning: Reasoning = "beside" if beside else "inside"
    return normal(counts, caching="inside", reasoning=reasoning)
