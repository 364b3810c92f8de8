"""Circuits and cool-downs, second by second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeClock
from llm_gateway.upstream.standing import Circuit, Standings

TARGET = ("openai", "chat", "m")


def half() -> float:
    return 0.5


def failed(circuit: Circuit, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        circuit.asked(now)
        circuit.failed(now, "upstream_unreachable")


def test_a_target_that_nobody_asked_is_free() -> None:
    standing = Standings(FakeClock(), half).of(*TARGET)
    assert standing.blocked(0.0) is None and standing.ttft is None


def test_five_failures_in_a_row_open_a_circuit() -> None:
    circuit = Circuit(half)
    failed(circuit, 4)
    assert circuit.blocked(0.0) is None
    failed(circuit, 1)
    blocked = circuit.blocked(1.0)
    assert blocked is not None
    assert (blocked.kind, blocked.until, blocked.why) == ("open", 5.0, "upstream_unreachable")


def test_half_of_the_calls_failing_opens_a_circuit() -> None:
    circuit = Circuit(half)
    for _ in range(4):
        failed(circuit, 1)
        circuit.answered()
    assert circuit.blocked(0.0) is None, "eight calls say too little"
    circuit.answered()
    failed(circuit, 1)
    assert circuit.is_open


def test_fewer_failures_open_no_circuit() -> None:
    circuit = Circuit(half)
    for number in range(100):
        circuit.answered()
        circuit.answered()
        failed(circuit, 1, now=number * 0.1)
    assert circuit.blocked(10.0) is None


def test_who_does_not_try_it_out_makes_no_room() -> None:
    circuit = Circuit(half)
    failed(circuit, 5)
    assert circuit.asked(5.0)
    circuit.left(trial=False)
    assert circuit.blocked(5.1) is not None


def test_old_failures_are_forgotten() -> None:
    circuit = Circuit(half)
    failed(circuit, 3, now=0.0)
    circuit.answered()
    failed(circuit, 4, now=40.0)
    assert circuit.blocked(40.0) is None


def test_one_call_tries_an_open_circuit_out() -> None:
    circuit = Circuit(half)
    failed(circuit, 5)
    assert circuit.blocked(5.0) is None, "whoever comes first now tries it out"
    circuit.asked(5.0)
    blocked = circuit.blocked(5.1)
    assert blocked is not None and "tries it out" in blocked.why
    circuit.answered()
    assert circuit.blocked(5.2) is None and not circuit.is_open


def test_a_trial_that_fails_opens_it_for_longer_each_time() -> None:
    circuit = Circuit(half)
    failed(circuit, 5)
    now, rests = circuit.until, [circuit.until]
    for _ in range(6):
        failed(circuit, 1, now)
        rests.append(circuit.until - now)
        now = circuit.until
    assert rests == [5, 10, 20, 40, 60, 60, 60]


def test_who_leaves_during_a_trial_makes_room_for_the_next() -> None:
    circuit = Circuit(half)
    failed(circuit, 5)
    circuit.asked(5.0)
    circuit.left(trial=True)
    assert circuit.blocked(5.1) is None


def test_a_trial_that_says_nothing_does_not_block_for_ever() -> None:
    circuit = Circuit(half)
    failed(circuit, 5)
    circuit.asked(5.0)
    assert circuit.blocked(64.0) is not None
    assert circuit.blocked(66.0) is None


@pytest.mark.parametrize(("chance", "until"), [(0.0, 4.0), (1.0, 6.0)])
def test_chance_spreads_the_trials_out(chance: float, until: float) -> None:
    circuit = Circuit(lambda: chance)
    failed(circuit, 5)
    assert circuit.until == pytest.approx(until)


def test_the_models_of_an_endpoint_share_its_circuit_and_no_cool_down() -> None:
    standings = Standings(FakeClock(), half)
    one, two = standings.of("openai", "chat", "a"), standings.of("openai", "chat", "b")
    assert one.circuit is two.circuit
    one.cool(0.0, 10.0, "it answered 429")
    cooling = one.blocked(9.0)
    assert cooling is not None and (cooling.kind, cooling.until) == ("cooling", 10.0)
    assert two.blocked(9.0) is None and one.blocked(10.0) is None


def test_a_quota_is_that_of_the_provider() -> None:
    standings = Standings(FakeClock(), half)
    standings.of("openai", "chat", "a").cool(0.0, 10.0, "it answered 402", provider=True)
    assert standings.of("openai", "responses", "b").blocked(1.0) is not None
    assert standings.of("other", "chat", "a").blocked(1.0) is None


def test_the_longer_of_two_cool_downs_counts() -> None:
    standing = Standings(FakeClock(), half).of(*TARGET)
    standing.cool(0.0, 10.0, "first")
    standing.cool(0.0, 5.0, "second")
    blocked = standing.blocked(6.0)
    assert blocked is not None and blocked.why == "first"


def test_the_time_to_the_first_byte_is_smoothed_and_grows_old() -> None:
    clock = FakeClock()
    standing = Standings(clock, half).of(*TARGET)
    standing.measured(1.0)
    standing.measured(2.0)
    assert standing.ttft == pytest.approx(1.2)
    clock.advance(601)
    assert standing.ttft is None
    standing.measured(3.0)
    assert standing.ttft == 3.0


def test_open_circuits_are_shown() -> None:
    standings = Standings(FakeClock(), half)
    failed(standings.of(*TARGET).circuit, 5)
    standings.of("other", "messages", "m")
    assert standings.open_circuits() == {"openai chat": 1.0, "other messages": 0.0}


def test_names_from_clients_do_not_fill_the_memory() -> None:
    standings = Standings(FakeClock(), half)
    failed(standings.of("openai", "chat", "x").circuit, 5)
    for number in range(20_001):
        standings.of("openai", "chat", f"m{number}")
    assert len(standings._known) <= 10_000  # its bound is what is tested
    assert standings.of("openai", "chat", "x").blocked(1.0) is not None, "circuits stay"


@given(st.lists(st.sampled_from(["ask", "answer", "fail", "leave", "wait"]), max_size=60))
def test_an_open_circuit_always_opens_up_again(steps: list[str]) -> None:
    circuit, now = Circuit(half), 0.0
    for step in steps:
        match step:
            case "ask":
                circuit.asked(now)
            case "answer":
                circuit.answered()
            case "fail":
                circuit.failed(now, "x")
            case "leave":
                circuit.left(trial=True)
            case _:
                now += 7.0
        blocked = circuit.blocked(now)
        assert blocked is None or now < blocked.until <= now + 72.0
        if step == "answer":
            assert blocked is None
