"""Usage as servers of this dialect tell it. In what words the gateway tells it itself: `usage.py`.

ai.google.dev, "GenerateContentResponse": the prompt's count includes what was cached, but not what tools of
Google's own brought in; the candidates' count leaves out the thoughts. Each count is told once more by
modality. "Grounding with Google Search": empty queries are not billed, nor the same one twice; models before
Gemini 3 are billed by the prompt. "Priority inference" and Vertex AI's `TrafficType` tell the service tier.
"""

from typing import Literal

import msgspec
from msgspec import Raw

from llm_gateway.canonical.counts import MOST_TOKENS, Reasoning, Told, member, normal, whole
from llm_gateway.canonical.tiers import tier_of
from llm_gateway.canonical.usage import Special, Usage

__all__ = ["count_searches", "read_used", "with_searches"]


class _Plain(msgspec.Struct, gc=False):
    """A count of a modality whose tokens cost what those of text do: with another one, decoding fails."""

    modality: Literal["TEXT", "VIDEO", "DOCUMENT", "MODALITY_UNSPECIFIED"] = "TEXT"


class _Usual(msgspec.Struct, gc=False, rename="camel"):
    """Usage as it is documented: what nearly every server sends, with every piece of a stream."""

    total_token_count: int
    prompt_token_count: int = 0
    cached_content_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0
    tool_use_prompt_token_count: int = 0
    service_tier: object = None
    traffic_type: object = None
    prompt_tokens_details: list[_Plain] | None = None
    cache_tokens_details: list[_Plain] | None = None
    candidates_tokens_details: list[_Plain] | None = None
    tool_use_prompt_tokens_details: list[_Plain] | None = None


class _Grounding(msgspec.Struct, gc=False, rename="camel"):
    web_search_queries: object = None


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_usual = msgspec.json.Decoder(_Usual)
_object = msgspec.json.Decoder(dict[str, object])
_grounding = msgspec.json.Decoder(_Grounding)

# Billed by the prompt, however often it was searched for.
_BY_PROMPT = ("gemini-1", "gemini-2")


def read_used(raw: Raw) -> tuple[Usage | None, str]:
    """Return what a `usageMetadata` tells was used, None for no believable counts, and the service tier."""
    if len(raw) < 5:  # absent, null, or too short to hold a count
        return None, ""
    try:
        usual = _usual.decode(raw)
    except _UNREADABLE:
        return _odd(raw)
    usage = _usual_usage(usual)
    if usage is None:
        return _odd(raw)
    if usual.service_tier is None and usual.traffic_type is None:
        return usage, ""
    return usage, tier_of(usual.service_tier) or tier_of(usual.traffic_type)


def count_searches(grounding: Raw, model: str) -> int:
    """Return how many searches the `groundingMetadata` of an answer of this model are billed as."""
    try:
        told = _grounding.decode(grounding).web_search_queries
    except _UNREADABLE:
        return 0
    queries = {query for query in told if isinstance(query, str) and query} if isinstance(told, list) else ()
    if model.removeprefix("models/").startswith(_BY_PROMPT):
        return 1 if queries else 0
    return len(queries)


def with_searches(usage: Usage, searches: int) -> Usage:
    """Return usage with so many searches."""
    special = msgspec.structs.replace(usage.special or Special(), searches=searches)
    return msgspec.structs.replace(usage, special=special)


def _usual_usage(told: _Usual) -> Usage | None:
    """Return usage that is as documented and adds up; None for whatever has to be looked at closely."""
    prompt, read = told.prompt_token_count, told.cached_content_token_count
    brought, reasoning = told.tool_use_prompt_token_count, told.thoughts_token_count
    output = told.candidates_token_count + reasoning
    if told.total_token_count != prompt + brought + output or not 0 < told.total_token_count <= MOST_TOKENS:
        return None
    if not (0 <= read <= prompt and 0 <= reasoning <= output and brought >= 0):
        return None
    return Usage(prompt - read + brought, read, 0, output, reasoning)


def _odd(raw: Raw) -> tuple[Usage | None, str]:
    """Read what does not add up, or has more in it. What is missing in the sum was generated.

    Some servers do not count thoughts apart; then they are in the total alone.
    """
    try:
        told = _object.decode(raw)
    except _UNREADABLE:
        return None, ""
    tier = tier_of(told.get("serviceTier")) or tier_of(told.get("trafficType"))
    prompt, brought = member(told, "promptTokenCount"), member(told, "toolUsePromptTokenCount")
    made, thoughts = member(told, "candidatesTokenCount"), member(told, "thoughtsTokenCount")
    hidden = member(told, "totalTokenCount") - prompt - brought - made - thoughts
    reasoning: Reasoning = "beside"
    if hidden > 0 and not prompt and not brought:
        prompt = hidden
    elif hidden > 0 and thoughts:
        made += hidden
    elif hidden > 0:
        thoughts = hidden
    if not prompt and not brought and not made and not thoughts:
        return None, tier  # a server that does not count says 0
    sent = told.get("promptTokensDetails"), told.get("toolUsePromptTokensDetails")
    cached, said = told.get("cacheTokensDetails"), told.get("candidatesTokensDetails")
    counts = Told(
        sent=prompt + brought,
        made=made,
        read=min(member(told, "cachedContentTokenCount"), prompt),
        reasoning=thoughts,
        audio_in=sum(_of(details, "AUDIO") for details in sent),
        audio_read=_of(cached, "AUDIO"),
        audio_out=_of(said, "AUDIO"),
        image_in=sum(_of(details, "IMAGE") for details in sent),
        image_read=_of(cached, "IMAGE"),
        image_out=_of(said, "IMAGE"),
    )
    return normal(counts, caching="inside", reasoning=reasoning), tier


def _of(details: object, modality: str) -> int:
    """Return the tokens of a modality."""
    if not isinstance(details, list):
        return 0
    return sum(
        whole(each.get("tokenCount"))
        for each in details
        if isinstance(each, dict) and each.get("modality") == modality
    )
