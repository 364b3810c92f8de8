"""Usage as an answer of this dialect tells it. How it is read, whoever wrote it: `read_usage.py`."""

import msgspec

from llm_gateway.canonical.usage import Usage

__all__ = ["Modality", "PromptTold", "Told", "told", "told_of_prompt"]


class Modality(msgspec.Struct, gc=False, rename="camel"):
    """How many tokens of a count are of which kind."""

    modality: str
    token_count: int


class Told(msgspec.Struct, gc=False, rename="camel", omit_defaults=True):
    """The `usageMetadata`: cached tokens are a part of the prompt's, thoughts none of the candidates'.

    Counts are told by modality where there is more than text.
    """

    prompt_token_count: int
    candidates_token_count: int
    total_token_count: int
    cached_content_token_count: int
    thoughts_token_count: int
    prompt_tokens_details: tuple[Modality, ...] = ()
    cache_tokens_details: tuple[Modality, ...] = ()
    candidates_tokens_details: tuple[Modality, ...] = ()


def told(usage: Usage) -> Told:
    """Return usage as it is told."""
    said = usage.output - usage.reasoning
    counts = Told(usage.input, said, usage.total, usage.cache_read, usage.reasoning)
    if (special := usage.special) is not None:
        counts.prompt_tokens_details = _by_modality(
            usage.input, special.audio_in + special.audio_read, special.image_in + special.image_read
        )
        counts.cache_tokens_details = _by_modality(usage.cache_read, special.audio_read, special.image_read)
        counts.candidates_tokens_details = _by_modality(said, special.audio_out, special.image_out)
    return counts


def _by_modality(count: int, audio: int, images: int) -> tuple[Modality, ...]:
    """Return a count by modality, nothing where all of it is text."""
    if not audio and not images:
        return ()
    parts = (("TEXT", count - audio - images), ("AUDIO", audio), ("IMAGE", images))
    return tuple(Modality(name, tokens) for name, tokens in parts if tokens)


class PromptTold(msgspec.Struct, gc=False, rename="camel"):
    """The same where nothing is generated."""

    prompt_token_count: int
    total_token_count: int


def told_of_prompt(usage: Usage) -> PromptTold:
    """Return the usage of embeddings as it is told."""
    return PromptTold(usage.input, usage.input)
