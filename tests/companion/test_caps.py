"""A companion keeps to its owner's caps, whatever its gateway asks for."""

from collections.abc import Callable

import pytest

from fakes import FakeClock
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.companion.caps import DAY_US, Caps, Counted, Counter


def refused(begin: Callable[[str, str], None], model: str = "sonnet") -> BridgeFault:
    with pytest.raises(BridgeFault) as caught:
        begin("claude", model)
    return caught.value


def test_only_models_that_are_allowed() -> None:
    counter = Counter(Caps(models=("claude/son*", "codex/*")), FakeClock())
    counter.begin("claude", "sonnet")
    counter.begin("codex", "anything")
    assert refused(counter.begin, "opus").kind == "refused"
    assert counter.today.turns == 2


def test_only_so_many_at_a_time() -> None:
    counter = Counter(Caps(parallel=2), FakeClock())
    counter.begin("claude", "sonnet")
    counter.begin("claude", "sonnet")
    assert refused(counter.begin).kind == "bridge_busy"
    counter.end(0)
    counter.begin("claude", "sonnet")


def test_only_so_many_a_minute() -> None:
    counter = Counter(Caps(per_minute=2), clock := FakeClock())
    for _ in range(2):
        counter.begin("claude", "sonnet")
        counter.end(0)
        clock.advance(20)
    fault = refused(counter.begin)
    assert (fault.kind, fault.retry_after) == ("bridge_busy", 20)
    clock.advance(20)
    counter.begin("claude", "sonnet")


def test_only_so_many_a_day_and_a_new_day_begins_at_midnight() -> None:
    clock = FakeClock(20_000 * DAY_US + DAY_US // 2)
    counter = Counter(Caps(per_day=3), clock, Counted(20_000, 2))
    counter.begin("claude", "sonnet")
    counter.end(0)
    fault = refused(counter.begin)
    assert (fault.kind, fault.status, fault.retry_after) == ("rate_limited", 429, 43_200)
    clock.now -= DAY_US
    assert refused(counter.begin).kind == "rate_limited"
    clock.now += DAY_US
    clock.advance(43_200)
    counter.begin("claude", "sonnet")
    assert counter.today.turns == 1


@pytest.mark.control("T9")
def test_only_so_many_tokens_a_day_by_estimate() -> None:
    counter = Counter(Caps(tokens_per_day=100), FakeClock())
    counter.begin("claude", "sonnet")
    counter.end(400)
    assert counter.today.tokens == 100
    assert "100 tokens" in refused(counter.begin).message


@pytest.mark.control("T9")
def test_ten_thousand_requests_spend_no_more_than_the_cap() -> None:
    counter = Counter(Caps(per_day=50, per_minute=10_000), clock := FakeClock())
    answered = 0
    for _ in range(10_000):
        try:
            counter.begin("claude", "sonnet")
        except BridgeFault:
            continue
        answered += 1
        counter.end(100)
        clock.advance(0.1)
    assert answered == 50
