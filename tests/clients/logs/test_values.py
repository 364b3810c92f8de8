"""Counts, names and times of others: what can be believed, and what counts as nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.values import apart, beside, count, either, moment, name, within

anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()), st.just({})
)


@pytest.mark.parametrize(
    ("told", "believed"),
    [
        (0, 0),
        (7, 7),
        (7.0, 7),
        (10**9, 10**9),
        (10**9 + 1, 0),
        (-1, 0),
        (True, 0),
        ("7", 0),
        (None, 0),
        (float("nan"), 0),
        (float("inf"), 0),
        (10**400, 0),
        ([7], 0),
    ],
)
def test_a_number_of_tokens(told: object, believed: int) -> None:
    assert count(told) == believed


@pytest.mark.parametrize("told", ["msg_01", "gpt-5.5", "through gateway", "x" * 200, "\u6a21\u578b"])
def test_a_name(told: str) -> None:
    assert name(told) == told


@pytest.mark.parametrize("told", [None, 7, "x" * 201, "two\nlines", "a\0b", "\ud800", ["a"], {"a": 1}])
def test_what_is_no_name_is_dropped(told: object) -> None:
    assert name(told) == ""


@pytest.mark.parametrize(
    "told",
    [
        "2026-11-20T08:00:00.000Z",
        "2026-11-20T08:00:00+00:00",
        "2026-11-20 08:00:00",
        "2026-11-20T09:00:00+01:00",
        1795161600,
        1795161600000,
        1795161600000000,
        1795161600.0,
    ],
)
def test_a_time(told: object) -> None:
    assert moment(told, 5) == 1_795_161_600_000_000


@pytest.mark.parametrize(
    "told",
    [
        None,
        "",
        "yesterday",
        0,
        -5,
        10**30,
        float("nan"),
        True,
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59Z",
        12,
    ],
)
def test_what_is_no_time_is_another(told: object) -> None:
    assert moment(told, 5) == 5


def test_vendors_count_input_and_output_in_their_own_ways() -> None:
    assert apart(32, 8, 4, 12, 5) == Usage(32, 8, 4, 12, 5)
    assert apart(32, 8, 4, 12, 5, 3) == Usage(32, 8, 4, 12, 5, cache_write_1h=3)
    assert apart(32, 8, 0, 12, 5, 3) == Usage(32, 8, 3, 12, 5, cache_write_1h=3)
    assert within(44, 8, 4, 12, 5) == Usage(32, 8, 4, 12, 5)
    assert beside(40, 8, 7, 5) == Usage(32, 8, 0, 12, 5)
    assert beside(40, 8, 7, 5, 10) == Usage(42, 8, 0, 12, 5), "what Google's tools brought in"
    assert either(44, 8, 4, 12) == within(44, 8, 4, 12)
    assert either(5, 800, 40, 12) == apart(5, 800, 40, 12), "less than was cached: told without it"


def test_parts_are_never_more_than_the_whole() -> None:
    assert within(10, 80, 80, 5, 50) == Usage(0, 10, 0, 5, 5)
    assert apart(10, 0, 0, 5, 50).reasoning == 5
    assert beside(10, 80, 5, 0).cache_read == 10


@given(st.lists(anything, min_size=5, max_size=5))
def test_usage_of_anything_is_usage(told: list[object]) -> None:
    for usage in (apart(*told), within(*told), beside(*told), either(*told)):
        assert min(usage.uncached, usage.cache_read, usage.cache_write, usage.reasoning) >= 0
        assert usage.reasoning <= usage.output


@given(anything, st.integers(0, 10))
def test_a_time_of_anything_is_a_time(told: object, otherwise_us: int) -> None:
    at = moment(told, otherwise_us)
    assert at == otherwise_us or at >= 1_400_000_000_000_000
