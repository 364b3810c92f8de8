"""How much a model is to think, in the words of its generation."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Effort, Reasoning
from llm_gateway.dialects.messages.families import family_of
from llm_gateway.dialects.messages.write_thinking import Situation, ThinkingPlan, plan_thinking

MODELS = (
    "local",
    "claude-sonnet-4-5",
    "claude-opus-4-6",
    "claude-opus-4-8",
    "claude-opus-5",
    "claude-sonnet-5-5",
    "claude-opus-5-5",
)
ADAPTIVE = {"type": "adaptive"}
EFFORT = "reasoning.effort"
BUDGET = "reasoning.budget"


def plan(
    model: str,
    reasoning: Reasoning | None,
    limit: int | None = 32000,
    *,
    forced: bool = False,
    resumed: bool = False,
) -> tuple[ThinkingPlan, list[str]]:
    losses = Losses()
    made = plan_thinking(reasoning, family_of(model), Situation(limit, 8192, forced, resumed), losses)
    return made, [loss.what for loss in losses.found()]


def enabled(budget: int, **more: object) -> dict[str, object]:
    return {"type": "enabled", "budget_tokens": budget, **more}


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "effort", "lost"),
    [
        ("claude-sonnet-4-5", None, None, None, []),
        ("claude-sonnet-4-5", Reasoning("none"), None, None, []),
        ("claude-sonnet-4-5", Reasoning(budget=0), None, None, []),
        ("claude-sonnet-4-5", Reasoning("minimal"), enabled(1024), None, []),
        ("claude-sonnet-4-5", Reasoning("low"), enabled(2048), None, []),
        ("claude-sonnet-4-5", Reasoning("medium"), enabled(8192), None, []),
        ("claude-sonnet-4-5", Reasoning("high"), enabled(16384), None, []),
        ("claude-sonnet-4-5", Reasoning("max"), enabled(23808), None, []),
        ("claude-sonnet-4-5", Reasoning(), enabled(16384), None, []),
        ("claude-sonnet-4-5", Reasoning(budget=31999), enabled(31999), None, []),
        ("claude-sonnet-4-5", Reasoning(budget=64000), enabled(24000), None, [BUDGET]),
        ("claude-sonnet-4-5", Reasoning(budget=100), enabled(1024), None, [BUDGET]),
        ("claude-sonnet-4-5", Reasoning("low", 9000), enabled(9000), None, [EFFORT]),
        ("claude-sonnet-4-5", Reasoning("low", None, True), enabled(2048, display="summarized"), None, []),
        ("claude-sonnet-4-5", Reasoning("low", None, False), enabled(2048, display="omitted"), None, []),
        ("local", Reasoning("low", None, True), enabled(2048), None, []),
        ("local", Reasoning("low", None, False), enabled(2048), None, ["reasoning.shown"]),
        ("local", Reasoning("none"), {"type": "disabled"}, None, []),
        ("claude-opus-4-6", Reasoning("none"), None, None, []),
        ("claude-opus-4-6", Reasoning("xhigh"), ADAPTIVE, "high", [EFFORT]),
        ("claude-opus-4-6", Reasoning("max"), ADAPTIVE, "max", []),
        ("claude-opus-4-8", Reasoning("minimal"), ADAPTIVE, "low", [EFFORT]),
        ("claude-opus-4-8", Reasoning("xhigh"), ADAPTIVE, "xhigh", []),
        ("claude-opus-4-8", Reasoning(), ADAPTIVE, None, []),
        ("claude-opus-4-8", Reasoning(budget=2000), ADAPTIVE, "low", [BUDGET]),
        ("claude-opus-4-8", Reasoning(budget=8000), ADAPTIVE, "medium", [BUDGET]),
        ("claude-opus-4-8", Reasoning(budget=31999), ADAPTIVE, "high", [BUDGET]),
        ("claude-opus-4-8", Reasoning(budget=60000), ADAPTIVE, "xhigh", [BUDGET]),
        ("claude-opus-4-6", Reasoning(budget=60000), ADAPTIVE, "high", [BUDGET, EFFORT]),
        (
            "claude-opus-4-8",
            Reasoning("low", 60000, True),
            {**ADAPTIVE, "display": "summarized"},
            "low",
            [BUDGET],
        ),
        ("claude-opus-5", Reasoning("none"), {"type": "disabled"}, None, []),
        ("claude-sonnet-5-5", Reasoning("none"), {"type": "between_tools"}, None, []),
        ("claude-opus-5-5", Reasoning("none"), None, "low", [EFFORT]),
        ("claude-opus-5-5", Reasoning("high", shown=False), {**ADAPTIVE, "display": "omitted"}, "high", []),
    ],
)
def test_the_table(
    model: str, reasoning: Reasoning | None, thinking: object, effort: str | None, lost: list[str]
) -> None:
    made, losses = plan(model, reasoning)
    assert (made.thinking, made.effort, made.max_tokens) == (thinking, effort, 32000)
    assert losses == lost


def test_without_a_limit_thinking_comes_on_top_of_the_answer() -> None:
    assert plan("claude-sonnet-4-5", None, None)[0].max_tokens == 8192
    assert plan("claude-sonnet-4-5", Reasoning("max"), None)[0].max_tokens == 32000
    assert plan("claude-opus-5-5", Reasoning("medium"), None)[0].max_tokens == 16384
    assert plan("claude-opus-5-5", Reasoning(), None)[0].max_tokens == 24576
    assert plan("local", Reasoning(budget=100_000), None)[0].max_tokens == 108_192


def test_nobody_is_asked_for_more_than_the_model_generates() -> None:
    made, lost = plan("claude-sonnet-4-5", Reasoning(budget=100_000), None)
    assert (made.max_tokens, made.thinking, lost) == (64_000, enabled(48_000), [BUDGET])
    assert plan("claude-opus-4-1", None, 128_000)[0].max_tokens == 32_000
    assert plan("local", None, 1_000_000)[0].max_tokens == 1_000_000


def test_a_limit_leaves_room_for_the_answer() -> None:
    made, lost = plan("claude-sonnet-4-5", Reasoning("high"), 4000)
    assert (made.thinking, lost) == (enabled(3000), [])
    made, lost = plan("claude-sonnet-4-5", Reasoning("high"), 1300)
    assert (made.thinking, made.on, lost) == (None, False, ["reasoning"])


@pytest.mark.parametrize(
    ("model", "thinking"),
    [("local", {"type": "disabled"}), ("claude-sonnet-4-5", None), ("claude-opus-5", {"type": "disabled"})],
)
def test_a_model_that_must_call_a_tool_does_not_think(model: str, thinking: object) -> None:
    made, lost = plan(model, Reasoning("high"), forced=True)
    assert (made.thinking, made.on, lost) == (thinking, False, ["reasoning"])
    assert plan(model, None, forced=True) == (ThinkingPlan(32000, thinking), [])  # type: ignore[arg-type]


def test_a_model_that_cannot_be_forced_thinks_all_the_same() -> None:
    made, lost = plan("claude-opus-5-5", Reasoning("high"), forced=True)
    assert (made.thinking, lost) == (ADAPTIVE, [])


def test_in_the_middle_of_calls_older_models_want_their_thoughts_back() -> None:
    made, lost = plan("claude-sonnet-4-5", Reasoning("high"), resumed=True)
    assert (made.thinking, lost) == (None, ["reasoning"])
    for model in ("local", "claude-opus-4-6"):
        made, lost = plan(model, Reasoning("high"), resumed=True)
        assert made.thinking is not None and lost == []


@given(
    st.sampled_from(MODELS),
    st.none() | st.sampled_from(get_args(Effort)),
    st.none() | st.integers(0, 200_000),
    st.none() | st.booleans(),
    st.none() | st.integers(1, 200_000),
)
def test_a_budget_is_always_one_that_is_taken(
    model: str, effort: Effort | None, budget: int | None, shown: bool | None, limit: int | None
) -> None:
    made, _ = plan(model, Reasoning(effort, budget, shown), limit)
    most = family_of(model).most
    assert limit is None or made.max_tokens == (limit if most is None else min(limit, most))
    match made.thinking:
        case {"type": "enabled", "budget_tokens": int(told)}:
            assert 1024 <= told < made.max_tokens
    assert made.effort is None or made.effort in family_of(model).efforts
