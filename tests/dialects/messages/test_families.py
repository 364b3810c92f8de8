"""What models take, by the names that providers give them."""

import msgspec
import pytest

from llm_gateway.dialects.messages.families import Family, family_of

LOW_TO_HIGH = ("low", "medium", "high")
ALL = (*LOW_TO_HIGH, "xhigh", "max")
BUDGET = Family(
    adaptive=False, off="absent", efforts=(), sampling=True, forced=True, prefill=True, formats=False
)


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (
            ("claude-sonnet-4-20250514", "claude-3-7-sonnet-latest", "claude-2.1"),
            msgspec.structs.replace(BUDGET, most=64_000),
        ),
        (
            ("claude-opus-4-1-20250805", "claude-opus-4@20250514"),
            msgspec.structs.replace(BUDGET, most=32_000),
        ),
        (
            (
                "claude-sonnet-4-5-20250929",
                "claude-haiku-4-5",
                "us.anthropic.claude-opus-4-5-20251101-v1:0",
                "anthropic/claude-sonnet-4.5",
            ),
            msgspec.structs.replace(BUDGET, formats=True, most=64_000),
        ),
        (
            ("claude-opus-4-6", "anthropic/claude-4.6-opus"),
            Family(off="absent", efforts=(*LOW_TO_HIGH, "max"), sampling=True, forced=True),
        ),
        (
            ("claude-sonnet-4-6@20260105",),
            Family(off="absent", efforts=(*LOW_TO_HIGH, "max"), sampling=True, forced=True, most=64_000),
        ),
        (
            ("claude-opus-4-7", "claude-opus-4-8[1m]", "CLAUDE-OPUS-4-8"),
            Family(off="absent", efforts=ALL, forced=True),
        ),
        (
            ("claude-opus-5", "claude-sonnet-5", "claude-haiku-5-5"),
            Family(off="disabled", efforts=ALL, forced=True),
        ),
        (("claude-sonnet-5-5",), Family(off="between_tools", efforts=ALL)),
        (
            ("claude-opus-5-5", "claude-fable-5", "claude-mythos-preview", "claude-opus-7", "claude-latest"),
            Family(claude=True, adaptive=True, off="never", efforts=ALL, formats=True, most=128_000),
        ),
        (
            ("deepseek-chat", "qwen3:8b", "kimi-k2-thinking", "", "notclaude"),
            msgspec.structs.replace(BUDGET, claude=False, off="disabled", most=None),
        ),
    ],
)
def test_a_name_tells_the_generation(names: tuple[str, ...], family: Family) -> None:
    for name in names:
        assert family_of(name) == family, name
