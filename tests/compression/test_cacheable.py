"""From which length on prompts are cached, by the names of models."""

import pytest

from llm_gateway.compression.cacheable import least_bytes


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
