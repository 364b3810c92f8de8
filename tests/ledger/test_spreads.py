"""Slots that are added up, and what is told of them, to a few in a hundred."""

import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.ledger.migrate import load_migrations
from llm_gateway.ledger.spreads import (
    ERROR,
    LOWS,
    Spread,
    counts_of,
    packed,
    slot_of,
    spread_of,
    unpacked,
)

VALUES = st.integers(1, LOWS[-1])


def nearest(values: list[int], part: int) -> int:
    return sorted(values)[(len(values) * part + 99) // 100 - 1]


def test_nothing_has_no_spread() -> None:
    assert spread_of(0) is None
    assert unpacked(packed(0)) == 0


def test_small_values_are_exact() -> None:
    for value in range(17):
        assert LOWS[slot_of(value)] == value
        assert spread_of(counts_of(slot_of(value))) == Spread(value, value, value)


def test_what_is_beyond_all_slots_is_in_the_last_one() -> None:
    assert slot_of(2**60) == len(LOWS) - 1
    assert spread_of(counts_of(slot_of(2**60))) == Spread(LOWS[-1], LOWS[-1], LOWS[-1])


@given(st.lists(VALUES, min_size=1, max_size=200))
def test_no_value_is_off_by_more_than_is_said(values: list[int]) -> None:
    found = spread_of(sum(counts_of(slot_of(value)) for value in values))
    assert found is not None
    for told, part in ((found.p50_us, 50), (found.p95_us, 95), (found.p99_us, 99)):
        exact = nearest(values, part)
        assert abs(told - exact) <= ERROR * exact


@given(st.lists(VALUES, max_size=50), st.lists(VALUES, max_size=50))
def test_counts_are_added_up_packed_or_not(one: list[int], other: list[int]) -> None:
    first, second = (sum(counts_of(slot_of(value)) for value in values) for values in (one, other))
    assert unpacked(packed(first)) + unpacked(packed(second)) == first + second
    assert unpacked(packed(first + second)) == first + second


def test_a_slot_holds_four_billion_values_and_takes_little_room() -> None:
    most = counts_of(100, 2**32 - 1)
    assert unpacked(packed(most)) == most
    assert packed(most) == bytes((100, 255, 255, 255, 255))


def test_the_database_has_the_same_slots() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("\n".join(migration.text for migration in load_migrations()))
        found = connection.execute("SELECT low, slot FROM usage_slots ORDER BY slot").fetchall()
    assert found == [(low, slot) for slot, low in enumerate(LOWS)]
