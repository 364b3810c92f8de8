"""Which generation a model is of, by its name."""

import pytest

from llm_gateway.dialects.gemini.families import family_of


@pytest.mark.parametrize(
    ("model", "levels", "budgets", "stoppable", "signed"),
    [
        ("gemini-3-pro-preview", ("LOW", "HIGH"), None, False, True),
        ("gemini-3.1-pro-preview", ("LOW", "MEDIUM", "HIGH"), None, False, True),
        ("gemini-3-flash-preview", ("MINIMAL", "LOW", "MEDIUM", "HIGH"), None, False, True),
        ("models/gemini-3.5-flash-lite", ("MINIMAL", "LOW", "MEDIUM", "HIGH"), None, False, True),
        ("gemini-2.5-pro", (), (128, 32768), False, False),
        ("gemini-2.5-flash", (), (0, 24576), True, False),
        ("gemini-2.5-flash-lite", (), (512, 24576), True, False),
        ("gemini-2.0-flash", (), None, False, False),
        ("gemma-3-27b-it", (), None, False, False),
        ("gemini-flash-latest", ("MINIMAL", "LOW", "MEDIUM", "HIGH"), None, False, True),
        ("gemini-pro-latest", ("LOW", "MEDIUM", "HIGH"), None, False, True),
        ("something-else", ("MINIMAL", "LOW", "MEDIUM", "HIGH"), None, False, True),
        ("Gemini-12-Pro", ("LOW", "MEDIUM", "HIGH"), None, False, True),
    ],
)
def test_by_name(
    model: str, levels: tuple[str, ...], budgets: tuple[int, int] | None, stoppable: bool, signed: bool
) -> None:
    family = family_of(model)
    assert (family.levels, family.budgets, family.stoppable, family.signed) == (
        levels,
        budgets,
        stoppable,
        signed,
    )
    assert family.sees_results is family.formed_calls is signed


@pytest.mark.parametrize(
    ("model", "goes_on"),
    [
        ("gemini-2.5-flash", True),
        ("gemini-3-pro-preview", True),
        ("gemini-3.1-flash-lite", True),
        ("gemini-3.5-flash", True),
        ("gemini-3.5-flash-lite", False),
        ("gemini-3.6-flash", False),
        ("gemini-flash-latest", False),
        ("gemma-3-27b-it", True),
    ],
)
def test_who_goes_on_with_an_answer(model: str, goes_on: bool) -> None:
    assert family_of(model).prefill is goes_on
