"""Texts whose tokens are known, and texts that are made to be hard."""

import pytest

from llm_gateway.compression.tokenizer import load

COUNT = load()


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("", 0),
        ("tiktoken is great!", 6),  # OpenAI's cookbook, "How to count tokens with tiktoken"
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 8),
        ("<|endoftext|>", 7),  # a text that spells a mark is a text
    ],
)
def test_what_others_count(text: str, tokens: int) -> None:
    assert COUNT(text) == tokens


@pytest.mark.parametrize("one", [" ", "a", "\n", "!", "語", "\u0301", "\ud800"])
def test_a_megabyte_of_one_character_is_counted(one: str) -> None:
    assert 0 < COUNT(one * 1_000_000) <= 3_000_000


def test_a_long_text_has_hardly_more_tokens_for_being_cut() -> None:
    line = "the quick brown fox jumps over the lazy dog, and then it rests\n"
    whole = COUNT(line * 10_000)
    assert whole == pytest.approx(10_000 * COUNT(line), rel=0.001)
