"""Counts made a usage: the convention is said by who reads, and no part is more than its whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.counts import (
    MOST_TOKENS,
    Caching,
    Reasoning,
    Told,
    added,
    both_ways,
    count,
    member,
    normal,
    plain,
    whole,
)
from llm_gateway.canonical.usage import Special, Usage
from sound_usage import assert_sound

tokens = st.integers(0, 200)
tolds = st.builds(Told, *[tokens] * len(Told.__struct_fields__))
cachings = st.sampled_from(("inside", "beside"))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        (7.0, 7),
        (0, 0),
        (7.5, None),
        (-1, None),
        (True, None),
        ("7", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (MOST_TOKENS, MOST_TOKENS),
        (MOST_TOKENS + 1, None),
        (10**30, None),
    ],
)
def test_only_what_can_be_believed_is_a_count(value: object, number: int | None) -> None:
    assert count(value) == number
    assert whole(value) == (number or 0)


def test_the_first_member_that_counts() -> None:
    told = {"a": 0, "b": "7", "c": 3, "d": 4}
    assert member(told, "a", "b", "c", "d") == 3
    assert member(told, "x") == 0
    assert member([1], "a") == 0


@pytest.mark.parametrize(
    ("caching", "reasoning", "usage"),
    [
        ("inside", "inside", Usage(20, 50, 30, 40, 10)),
        ("beside", "inside", Usage(100, 50, 30, 40, 10)),
        ("inside", "beside", Usage(20, 50, 30, 50, 10)),
        ("beside", "beside", Usage(100, 50, 30, 50, 10)),
    ],
)
def test_what_is_a_part_of_what(caching: Caching, reasoning: Reasoning, usage: Usage) -> None:
    told = Told(sent=100, made=40, read=50, write=30, reasoning=10)
    assert normal(told, caching=caching, reasoning=reasoning) == usage


def test_too_much_of_a_part_is_no_more_than_the_whole() -> None:
    told = Told(sent=10, made=5, read=99, write=99, write_1h=99, reasoning=99, audio_in=99, audio_out=99)
    usage = normal(told, caching="inside", reasoning="inside")
    assert usage == Usage(0, 10, 0, 5, 5, special=Special(audio_read=10))


def test_sound_is_new_as_far_as_nobody_says_that_it_came_from_a_cache() -> None:
    told = Told(sent=100, read=90, audio_in=30)
    usage = normal(told, caching="inside", reasoning="inside")
    assert usage.special == Special(audio_in=10, audio_read=20)
    told = Told(sent=100, read=90, audio_in=30, audio_read=25)
    assert normal(told, caching="inside", reasoning="inside").special == Special(audio_in=5, audio_read=25)


@given(tolds, cachings, cachings)
def test_whatever_is_told_the_parts_are_sound(told: Told, caching: Caching, reasoning: Reasoning) -> None:
    assert_sound(normal(told, caching=caching, reasoning=reasoning))


@given(tolds, cachings, cachings)
def test_nothing_that_was_told_is_lost(told: Told, caching: Caching, reasoning: Reasoning) -> None:
    usage = normal(told, caching=caching, reasoning=reasoning)
    beside = told.read + told.write if caching == "beside" else 0
    assert usage.input == told.sent + beside
    assert usage.output == told.made + (told.reasoning if reasoning == "beside" else 0)


@given(tolds, tolds)
def test_a_sum_is_sound_and_has_all_of_both(one: Told, other: Told) -> None:
    usages = [normal(each, caching="beside", reasoning="inside") for each in (one, other)]
    both = added(*usages)
    assert_sound(both)
    assert both == added(usages[1], usages[0])
    assert both.total == usages[0].total + usages[1].total
    assert added(usages[0], Usage()) == usages[0]


def test_a_sum_is_an_estimate_where_a_part_is_one() -> None:
    assert added(Usage(1, estimated=True), Usage(2)) == Usage(3, estimated=True)
    one = Usage(5, special=Special(searches=1))
    assert added(one, Usage(5, special=Special(searches=2, audio_in=3))) == Usage(
        10, special=Special(searches=3, audio_in=3)
    )


small = st.integers(-2, 30)


@given(small, small, small, small, small, st.integers(-1, 2))
def test_what_adds_up_is_as_it_is_told_and_nothing_else_is(
    sent: int, made: int, read: int, write: int, reasoning: int, off: int
) -> None:
    found = plain((sent, made, sent + made + off), read, write, reasoning)
    sound = min(sent, made, read, write, reasoning) >= 0 and read + write <= sent and reasoning <= made
    if off == 0 and sound and sent + made:
        assert found is not None
        assert (found.input, found.output, found.reasoning) == (sent, made, reasoning)
        told = Told(sent, made, read, write, reasoning=reasoning)
        assert found == normal(told, caching="inside", reasoning="inside")
    else:
        assert found is None


def test_more_than_a_turn_can_use_does_not_add_up() -> None:
    assert plain((MOST_TOKENS, 1, MOST_TOKENS + 1), 0, 0, 0) is None


@pytest.mark.parametrize(
    ("told", "ways"),
    [
        ((3, 4, None), (3, 4)),
        ((3, 4, 99), (3, 4)),
        ((None, 4, 9), (5, 4)),
        ((None, 4, 3), None),
        ((None, 4, None), None),
        ((3, None, 9), None),
        ((0, 0, 7), None),
        ((None, 0, 0), None),
    ],
)
def test_what_went_in_follows_from_the_total_where_it_is_not_told(
    told: tuple[int | None, int | None, int | None], ways: tuple[int, int] | None
) -> None:
    assert both_ways(*told) == ways
