"""Usage as an answer of this dialect tells it. How it is read, whoever wrote it: `read_usage.py`."""

import msgspec

from llm_gateway.canonical.usage import Special, Usage

__all__ = ["Told", "told"]


class _Input(msgspec.Struct, gc=False, omit_defaults=True):
    cached_tokens: int
    cache_write_tokens: int
    audio_tokens: int = 0
    image_tokens: int = 0


class _Output(msgspec.Struct, gc=False, omit_defaults=True):
    reasoning_tokens: int
    audio_tokens: int = 0
    image_tokens: int = 0


_NOTHING = Special()


class Told(msgspec.Struct, gc=False):
    """The `usage` member: cached tokens are a part of the prompt's, reasoning of the completion's."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _Input
    completion_tokens_details: _Output


def told(usage: Usage) -> Told:
    """Return usage as it is told."""
    special = usage.special or _NOTHING
    audio, images = special.audio_in + special.audio_read, special.image_in + special.image_read
    return Told(
        usage.input,
        usage.output,
        usage.total,
        _Input(usage.cache_read, usage.cache_write, audio, images),
        _Output(usage.reasoning, special.audio_out, special.image_out),
    )
