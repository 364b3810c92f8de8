"""Ids are UUIDv7, grow within a process, and carry the time at which they were made."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeClock
from llm_gateway.ledger.ids import Ids, floor, made_at

# Up to the year 10889, where the 48 bits of milliseconds end.
INSTANTS = st.integers(0, (1 << 48) * 1000 - 1)


def test_an_id_is_a_version_7_uuid() -> None:
    made = uuid.UUID(Ids(FakeClock(1_700_000_000_123_456)).new())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == 1_700_000_000_123


def test_ids_grow_while_the_clock_stands_still_or_is_set_back() -> None:
    clock = FakeClock()
    ids = Ids(clock)
    made = [ids.new() for _ in range(10_000)]
    clock.advance(-86_400)
    made += [ids.new() for _ in range(1000)]
    assert made == sorted(set(made))


def test_what_two_processes_make_at_one_instant_differs() -> None:
    assert Ids(FakeClock()).new() != Ids(FakeClock()).new()


@given(INSTANTS, INSTANTS)
def test_ids_are_parted_by_the_floor_of_an_instant(made_us: int, at_us: int) -> None:
    made = Ids(FakeClock(made_us)).new()
    assert (made >= floor(at_us)) == (made_us >= at_us)


@given(INSTANTS)
def test_an_id_tells_when_it_was_made(made_us: int) -> None:
    assert 0 <= made_us - made_at(Ids(FakeClock(made_us)).new()) <= 1
