"""Usage as an answer of this dialect tells it. How it is read, whoever wrote it: `response.py`."""

import msgspec

from llm_gateway.canonical.usage import Usage

__all__ = ["Told", "told"]


class _Input(msgspec.Struct, gc=False):
    cached_tokens: int
    cache_write_tokens: int


class _Output(msgspec.Struct, gc=False):
    reasoning_tokens: int


class Told(msgspec.Struct, gc=False):
    """The `usage` member: cached tokens are a part of the prompt's, reasoning of the completion's."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _Input
    completion_tokens_details: _Output


def told(usage: Usage) -> Told:
    """Return usage as it is told."""
    return Told(
        usage.input,
        usage.output,
        usage.total,
        _Input(usage.cache_read, usage.cache_write),
        _Output(usage.reasoning),
    )
