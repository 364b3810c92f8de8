"""What models take, by the names that providers give them."""

import pytest

from llm_gateway.dialects.messages.families import family_of


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (
            (
                "claude-sonnet-4-20250514",
                "claude-3-7-sonnet-latest",
                "claude-opus-4-1-20250805",
                "claude-2.1",
            ),
            (True, False, "absent", (), True, True, True, False),
        ),
        (
            (
                "claude-sonnet-4-5-20250929",
                "claude-haiku-4-5",
                "us.anthropic.claude-opus-4-5-20251101-v1:0",
                "anthropic/claude-sonnet-4.5",
            ),
            (True, False, "absent", (), True, True, True, True),
        ),
        (
            ("claude-opus-4-6", "claude-sonnet-4-6@20260105", "anthropic/claude-4.6-opus"),
            (True, True, "absent", ("low", "medium", "high", "max"), True, True, False, True),
        ),
        (
            ("claude-opus-4-7", "claude-opus-4-8[1m]", "CLAUDE-OPUS-4-8"),
            (True, True, "absent", ("low", "medium", "high", "xhigh", "max"), False, True, False, True),
        ),
        (
            ("claude-opus-5", "claude-sonnet-5", "claude-haiku-5-5"),
            (True, True, "disabled", ("low", "medium", "high", "xhigh", "max"), False, True, False, True),
        ),
        (
            ("claude-sonnet-5-5",),
            (
                True,
                True,
                "between_tools",
                ("low", "medium", "high", "xhigh", "max"),
                False,
                False,
                False,
                True,
            ),
        ),
        (
            ("claude-opus-5-5", "claude-fable-5", "claude-mythos-preview", "claude-opus-7", "claude-latest"),
            (True, True, "never", ("low", "medium", "high", "xhigh", "max"), False, False, False, True),
        ),
        (
            ("deepseek-chat", "qwen3:8b", "kimi-k2-thinking", "", "notclaude"),
            (False, False, "disabled", (), True, True, True, False),
        ),
    ],
)
def test_a_name_tells_the_generation(names: tuple[str, ...], family: tuple[object, ...]) -> None:
    fields = ("claude", "adaptive", "off", "efforts", "sampling", "forced", "prefill", "formats")
    for name in names:
        told = family_of(name)
        assert tuple(getattr(told, field) for field in fields) == family, name
