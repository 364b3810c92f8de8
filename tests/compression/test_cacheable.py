"""From which length on prompts are cached and for how long, by the names of models."""

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.compression.cacheable import least_bytes, ttl_us


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-opus-4-6", 4096),
        ("claude-haiku-4.5", 4096),
        ("claude-opus-4-7", 2048),
        ("Claude-Sonnet-5", 1024),
        ("gpt-6.1", 1024),
        ("o3-mini", 1024),
        ("gemini-2.5-pro", 2048),
        ("gemini-3-pro", 4096),
        ("qwen2.5:14b", 4096),
    ],
)
def test_a_prompt_that_long_is_cached(model: str, tokens: int) -> None:
    assert least_bytes(model) == 5 * tokens


@pytest.mark.parametrize(
    ("model", "usage", "minutes"),
    [
        ("claude-opus-5-5", Usage(cache_write=900), 5),
        ("claude-opus-5-5", Usage(cache_read=900), 5),
        ("claude-opus-5-5", Usage(cache_write=900, cache_write_1h=900), 60),
        ("claude-opus-5-5", Usage(cache_write=900, cache_write_1h=500), 5),
        ("gpt-5.6", Usage(cache_read=900), 30),
        ("openai/gpt-6.1-mini", Usage(cache_read=900), 30),
        ("gpt-5.1", Usage(cache_read=900), 5),
        ("gpt-5", Usage(cache_read=900), 5),
        ("gpt-4o-2024-08-06", Usage(cache_read=900), 5),
        ("gemini-3-pro", Usage(cache_read=900), 5),
    ],
)
def test_what_nobody_reads_lives_that_long(model: str, usage: Usage, minutes: int) -> None:
    assert ttl_us(model, usage) == minutes * 60_000_000
