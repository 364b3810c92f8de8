"""Usage as an answer of this dialect tells it. How it is read, whoever wrote it: `response.py`."""

import msgspec

from llm_gateway.canonical.usage import Usage

__all__ = ["PromptTold", "Told", "told", "told_of_prompt"]


class Told(msgspec.Struct, gc=False, rename="camel"):
    """The `usageMetadata`: cached tokens are a part of the prompt's, thoughts none of the candidates'."""

    prompt_token_count: int
    candidates_token_count: int
    total_token_count: int
    cached_content_token_count: int
    thoughts_token_count: int


def told(usage: Usage) -> Told:
    """Return usage as it is told."""
    return Told(usage.input, usage.output - usage.reasoning, usage.total, usage.cache_read, usage.reasoning)


class PromptTold(msgspec.Struct, gc=False, rename="camel"):
    """The same where nothing is generated."""

    prompt_token_count: int
    total_token_count: int


def told_of_prompt(usage: Usage) -> PromptTold:
    """Return the usage of embeddings as it is told."""
    return PromptTold(usage.input, usage.input)
