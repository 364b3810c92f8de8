"""Whoever guesses waits, longer and longer; nobody else does."""

import pytest

from fakes import FakeClock
from llm_gateway.companion.lockout import Lockout


def test_ten_wrong_ones_lock_an_address_out() -> None:
    lockout = Lockout(clock := FakeClock())
    for _ in range(9):
        lockout.wrong("10.0.0.1")
    assert lockout.wait("10.0.0.1") == 0
    lockout.wrong("10.0.0.1")
    assert lockout.wait("10.0.0.1") == 30
    assert lockout.wait("10.0.0.2") == 0
    clock.advance(29)
    assert lockout.wait("10.0.0.1") == 1
    clock.advance(2)
    assert lockout.wait("10.0.0.1") == 0


def test_it_gets_longer_up_to_a_quarter_of_an_hour_and_is_forgotten_in_the_end() -> None:
    lockout = Lockout(clock := FakeClock())
    waits = []
    for _ in range(40):
        lockout.wrong("10.0.0.1")
        waits.append(lockout.wait("10.0.0.1"))
    assert waits[9:16] == [30, 60, 120, 240, 480, 900, 900] and waits[-1] == 900
    clock.advance(3601)
    lockout.wrong("10.0.0.1")
    assert lockout.wait("10.0.0.1") == 0


@pytest.mark.control("T15")
def test_a_thousand_guesses_are_few_that_are_looked_at() -> None:
    """One guess a second for a thousand seconds, also from this machine."""
    lockout = Lockout(clock := FakeClock())
    looked_at = 0
    for _ in range(1000):
        if not lockout.wait("127.0.0.1"):
            looked_at += 1
            lockout.wrong("127.0.0.1")
        clock.advance(1)
    assert looked_at < 16


def test_what_is_remembered_is_bounded() -> None:
    lockout = Lockout(FakeClock())
    for _ in range(10):
        lockout.wrong("first")
    for number in range(10_000):
        lockout.wrong(str(number))
    assert lockout.wait("first") == 0


def test_of_ipv6_a_network_is_one_who_guesses() -> None:
    lockout = Lockout(FakeClock())
    for number in range(10):
        lockout.wrong(f"2001:db8:0:1::{number:x}")
    assert lockout.wait("2001:db8:0:1:ffff::1") == 30
    assert lockout.wait("2001:db8:0:2::1") == 0
    assert lockout.wait("::1") == 0
