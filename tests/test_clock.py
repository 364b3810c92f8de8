"""The machine's own clock, and the fake one, tell time the same way."""

import time

import pytest

from fakes import FakeClock
from llm_gateway.clock import Clock, SystemClock


def test_the_wall_clock_counts_microseconds_since_1970() -> None:
    before = time.time()
    now = SystemClock().now_us() / 1_000_000
    assert before - 1 <= now <= time.time() + 1


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()])
def test_elapsed_time_never_goes_backwards(clock: Clock) -> None:
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


def test_a_fake_clock_moves_when_it_is_told() -> None:
    clock = FakeClock()
    before = clock.now_us(), clock.monotonic()
    clock.advance(1.5)
    assert (clock.now_us() - before[0], clock.monotonic() - before[1]) == (1_500_000, 1.5)
