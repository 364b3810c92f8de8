"""Second tries are few, and spread out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.pipeline.retries import Budget, backoff, not_before


@given(st.lists(st.booleans(), max_size=400))
def test_second_tries_are_a_tenth_of_the_traffic(steps: list[bool]) -> None:
    budget, earned, taken = Budget(), 0, 0
    for asks in steps:
        if asks:
            budget.earn()
            earned += 1
        elif budget.take():
            taken += 1
    assert taken <= 3 + earned * 0.1 + 1e-6


def test_there_are_some_at_the_start_and_a_few_can_be_saved() -> None:
    budget = Budget()
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    for _ in range(1000):
        budget.earn()
    assert sum(budget.take() for _ in range(50)) == 10


def test_waits_grow_and_are_never_longer_than_eight_seconds() -> None:
    assert [backoff(tried, lambda: 1.0) for tried in range(7)] == [0.25, 0.5, 1, 2, 4, 8, 8]
    assert backoff(0, lambda: 0.0) == 0.125
    assert backoff(10_000, lambda: 1.0) == 8


@given(st.floats(0, 4000), st.floats(0, 1))
def test_nobody_comes_back_early_or_much_later(seconds: float, chance: float) -> None:
    wait = not_before(seconds, lambda: chance)
    assert seconds <= wait <= seconds + min(0.1 * seconds, 1.0) + 1e-9


def test_those_who_were_told_the_same_are_spread_out() -> None:
    chances = iter([0.0, 0.5, 1.0, 0.5, 1.0])
    assert [not_before(4.0, lambda: next(chances)) for _ in range(3)] == pytest.approx([4.0, 4.2, 4.4])
    assert [not_before(60.0, lambda: next(chances)) for _ in range(2)] == pytest.approx([60.5, 61.0])
