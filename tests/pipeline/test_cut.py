"""What an answer used that was cut: told, or at least what has passed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Usage, estimate_tokens
from llm_gateway.dialects.contract import Seen
from llm_gateway.pipeline.cut import used_in_vain, used_when_cut

START = Usage(12, 8, 20, 1, cache_write_1h=8)


def seen(usage: Usage | None, content: int, counted: int = -1, finish: str = "") -> Seen:
    return Seen(usage=usage, content_bytes=content, counted_bytes=counted, finish_reason=finish)


def test_what_nobody_counted_is_estimated() -> None:
    assert used_when_cut(seen(None, 9), 400) == Usage(100, output=3, estimated=True)
    assert used_in_vain(401) == Usage(101, estimated=True)


def test_what_the_start_told_of_the_input_stays_and_the_output_is_what_passed() -> None:
    assert used_when_cut(seen(START, 400, 0), 9999) == Usage(12, 8, 20, 101, 0, True, 8)


def test_an_answer_that_brought_nothing_yet_used_what_was_told() -> None:
    assert used_when_cut(seen(START, 0, 0), 9999) == START


def test_a_count_after_the_last_content_is_the_providers_own() -> None:
    final = Usage(12, output=5)
    assert used_when_cut(seen(final, 400, 400, "stop"), 1) == final, "however many bytes its tokens have"
    assert used_when_cut(seen(final, 60, 60), 1) == final


def test_a_count_in_the_middle_is_added_to() -> None:
    assert used_when_cut(seen(Usage(12, output=50), 400, 200), 1) == Usage(12, output=100, estimated=True)


@pytest.mark.parametrize("counted", [-1, 400])
def test_a_count_that_cannot_be_of_what_passed_is_not_trusted(counted: int) -> None:
    assert used_when_cut(seen(Usage(12, output=1), 400, counted), 1) == Usage(12, output=100, estimated=True)


def test_an_input_of_nothing_is_estimated() -> None:
    assert used_when_cut(seen(Usage(), 40, 0), 400) == Usage(100, output=10, estimated=True)
    assert used_when_cut(seen(Usage(output=10), 40, 40), 400) == Usage(100, output=10, estimated=True)


@given(
    st.builds(Usage, *[st.integers(0, 1000)] * 4) | st.none(), st.integers(0, 10_000), st.integers(-1, 10_000)
)
def test_it_is_never_less_than_what_was_told_nor_than_what_passed_since(
    told: Usage | None, content: int, counted: int
) -> None:
    counted = min(counted, content)
    used = used_when_cut(seen(told, content, counted), 100)
    assert used.input >= (told.input if told is not None else 25)
    assert used.output >= (told.output if told is not None else 0)
    assert used.output >= estimate_tokens(content - max(counted, 0) if counted >= 0 else 0)
    assert used.output * 16 >= content - 16
    assert used.total > 0
