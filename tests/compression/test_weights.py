"""What counts come to, by family: the arithmetic, and which family a name is of."""

import pytest

from llm_gateway.compression.frames import Count
from llm_gateway.compression.weights import weights_of


def test_openais_own_example_comes_to_what_openai_says() -> None:
    # OpenAI's cookbook: these six messages are 124 tokens for gpt-4o; their texts and roles are told there.
    plain = Count(0, text=13, tool_words=0, form_words=0, messages=2, calls=0, tools=0, forms=0, media=0)
    assert weights_of("gpt-4o").tokens(plain) == 13 + 2 * 4 + 3


def test_every_part_has_its_weight() -> None:
    count = Count(0, text=100, tool_words=50, form_words=10, messages=3, calls=2, tools=4, forms=1, media=0)
    assert weights_of("gpt-4o").tokens(count) == pytest.approx(
        100 + 3 * 4 + 2 * 8 + 50 * 1.15 + 4 * 2 + 15 + 10 * 0.65 + 18 + 3
    )


def test_without_a_tokenizer_there_is_no_count_of_tokens() -> None:
    assert weights_of("gpt-4o").tokens(Count(9, None, None, None, 1, 0, 0, 0, 0)) is None


@pytest.mark.parametrize(
    "model, text",
    [
        ("claude-opus-4-7", 1.41),
        ("claude-opus-4.8", 1.41),
        ("claude-sonnet-5-5-20260901", 1.41),
        ("anthropic/claude-opus-5", 1.41),
        ("fable-5.1", 1.41),
        ("claude-sonnet-4-5-20250929", 1.1),
        ("claude-3-7-sonnet-latest", 1.1),
        ("claude-opus-4-6", 1.1),
        ("models/gemini-3-pro-preview", 1.12),
        ("openai/gpt-oss-120b", 1.03),
        ("GPT-5.6", 1),
        ("o3-mini", 1),
        ("qwen3:30b", 1.05),
        ("", 1.05),
    ],
)
def test_a_name_tells_the_family(model: str, text: float) -> None:
    assert weights_of(model).text == text
