"""From how long on a prompt is kept in its provider's cache, and for how long at least.

None is made shorter than that; of a model that is not known it is taken for the most. Sources: Anthropic's
pages on its models and on prompt caching, OpenAI's on prompt caching, Google's on context caching, all as of
November 2026.
"""

import re
from functools import lru_cache

from llm_gateway.canonical.usage import Usage

__all__ = ["least_bytes", "ttl_us"]

_LEAST = (
    (r"claude-(opus-4[-.][56]|haiku-4[-.]5)", 4096),
    (r"claude-opus-4[-.]7", 2048),
    (r"claude|fable|mythos", 1024),
    (r"gemini-2", 2048),
    (r"gpt|\bo[134]\b|chatgpt|codex", 1024),
)
_UNKNOWN = 4096
_BYTES = 5  # of a request's body for a token at most: a prompt of so many bytes is not below the least

_SECOND_US = 1_000_000
_USUAL = 300 * _SECOND_US  # Anthropic's five minutes, and the least that others speak of
_HOUR = 3600 * _SECOND_US
_HALF_AN_HOUR = 1800 * _SECOND_US
_LONGER = re.compile(r"gpt-?(5[.-]([6-9]|\d\d)|[6-9]|\d\d)(?!\d)")


@lru_cache(1000)
def least_bytes(model: str) -> int:
    """Return how many bytes the body of a request has to keep, by the name of its model."""
    name = model.lower()
    return _BYTES * next((least for pattern, least in _LEAST if re.search(pattern, name)), _UNKNOWN)


def ttl_us(model: str, usage: Usage) -> int:
    """Return how long what a request has written is kept at least while nobody reads it, in microseconds.

    Anthropic tells what it keeps for an hour, which stands before all that it keeps for less.
    """
    if usage.cache_write and usage.cache_write_1h >= usage.cache_write:
        return _HOUR
    return _HALF_AN_HOUR if _LONGER.search(model.lower()) else _USUAL
