"""From how long on a prompt is kept in its provider's cache: none is made shorter than that.

Of a model that is not known it is taken for the most. Sources: Anthropic's pages on its models and on prompt
caching, OpenAI's on prompt caching, Google's on context caching, all as of November 2026.
"""

import re
from functools import lru_cache

__all__ = ["least_bytes"]

_LEAST = (
    (r"claude-(opus-4[-.][56]|haiku-4[-.]5)", 4096),
    (r"claude-opus-4[-.]7", 2048),
    (r"claude|fable|mythos", 1024),
    (r"gemini-2", 2048),
    (r"gpt|\bo[134]\b|chatgpt|codex", 1024),
)
_UNKNOWN = 4096
_BYTES = 5  # of a request's body for a token at most: a prompt of so many bytes is not below the least


@lru_cache(1000)
def least_bytes(model: str) -> int:
    """Return how many bytes the body of a request has to keep, by the name of its model."""
    name = model.lower()
    return _BYTES * next((least for pattern, least in _LEAST if re.search(pattern, name)), _UNKNOWN)
