"""Sums over a time: nothing is counted twice, what runs and what was cut off is no failure."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import astuple

from fakes import FakeClock
from ledger_samples import NOON, Failures, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.spreads import ERROR, Spread
from llm_gateway.ledger.store import Store
from llm_gateway.ledger.totals import Cached, Share, Totals, totals

HOUR = 3600


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with offline(tmp_path, FakeClock(), Failures()) as opened:
        yield opened


class Fill:
    """Add turns to a store, one at a time of its own choosing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.clock = FakeClock(NOON)
        self._ids = Ids(self.clock)

    def add(self, outcome: str = "", *, purpose: str = "request", **changes: object) -> None:
        """Add a turn; without an outcome it runs."""
        turn_id = self._ids.new()
        begun = intent(turn_id, at_us=self.clock.now_us(), purpose=purpose)
        ended = [settlement(turn_id, outcome=outcome, **changes)] if outcome else []
        self._store.apply(merge([begun, *ended]), 1)


def test_nothing_is_nothing(store: Store) -> None:
    assert totals(store, 0) == Totals(Share(""), (), (), (), (), None, None)
    assert totals(store, 0).all.success_rate is None
    assert totals(store, 0).top_model == ""


def test_turns_are_counted_by_how_they_ended(store: Store) -> None:
    fill = Fill(store)
    for outcome in ("ok", "ok", "ok", "cancelled", "error", "truncated", "interrupted", ""):
        fill.add(outcome, usage=None)
    whole = totals(store, 0).all
    assert (whole.requests, whole.ok, whole.cancelled, whole.failed, whole.running) == (8, 3, 1, 3, 1)
    assert whole.success_rate == 0.5


def test_tokens_are_summed_and_an_estimate_shows(store: Store) -> None:
    fill = Fill(store)
    fill.add("ok", usage=Usage(100, 20, 3, 50, 7))
    fill.add("error", usage=None)
    assert totals(store, 0).all.usage == Usage(100, 20, 3, 50, 7)
    fill.add("cancelled", usage=Usage(1, 1, 1, 1, 1, estimated=True))
    assert totals(store, 0).all.usage == Usage(101, 21, 4, 51, 8, estimated=True)


def test_each_breakdown_adds_up_and_has_the_largest_first(store: Store) -> None:
    fill = Fill(store)
    for model in ("a", "b", "b"):
        fill.add("ok", provider="p", model=model)
    fill.add("ok", provider="q", model="b", purpose="smoke")
    found = totals(store, 0)
    assert [(share.name, share.requests) for share in found.by_model] == [("b", 3), ("a", 1)]
    assert [(share.name, share.requests) for share in found.by_provider] == [("p", 3), ("q", 1)]
    assert [(share.name, share.requests) for share in found.by_purpose] == [("request", 3), ("smoke", 1)]
    assert [(share.name, share.ok) for share in found.by_client] == [("codex-desktop", 4)]
    assert found.top_model == "b"
    assert sum(share.usage.total for share in found.by_model) == found.all.usage.total


def test_only_the_time_asked_for_counts(store: Store) -> None:
    fill = Fill(store)
    for _ in range(5):
        fill.add("ok")
        fill.clock.advance(HOUR)
    start = NOON + HOUR * 1_000_000
    assert totals(store, start).all.requests == 4
    assert totals(store, start, start + 2 * HOUR * 1_000_000).all.requests == 2


@pytest.mark.parametrize(
    ("values", "spread"),
    [
        ([7], Spread(7, 7, 7)),
        ([1, 2], Spread(1, 2, 2)),
        (list(range(1, 101)), Spread(50, 95, 99)),
        (list(range(1, 21)), Spread(10, 19, 20)),
        ([1_000_000] * 99 + [9_000_000], Spread(1_000_000, 1_000_000, 1_000_000)),
    ],
)
def test_latencies_are_spread_over_turns_that_went_well(
    store: Store, values: list[int], spread: Spread
) -> None:
    fill = Fill(store)
    for value in values:
        fill.add("ok", latency_us=value, ttft_us=value)
    fill.add("error", latency_us=10**9, ttft_us=10**9)
    fill.add("ok", latency_us=0, ttft_us=None)
    fill.add("ok", cached_from="a", latency_us=10**9, ttft_us=10**9)
    found = totals(store, 0)
    for told in (found.latency, found.ttft):
        assert told is not None
        for value, exact in zip(astuple(told), astuple(spread), strict=True):
            assert abs(value - exact) <= ERROR * exact


def test_the_response_cache_is_a_line_of_its_own(store: Store) -> None:
    fill = Fill(store)
    fill.add("ok", usage=Usage(10, output=5))
    saved = Usage(10, 2, 1, 5)
    fill.add("ok", usage=Usage(), cached_from="a", saved=saved, saved_nano=70)
    fill.add("ok", usage=Usage(), cached_from="a", saved=saved)
    fill.add("ok", purpose="demo", usage=Usage(), cached_from="a", saved=saved, saved_nano=70)
    counted = totals(store, 0)
    assert counted.all.cached == Cached(hits=3, tokens_in=26, tokens_out=10, nano=70)
    assert counted.all.usage == Usage(10, output=5)
    assert [share.cached.hits for share in counted.by_purpose] == [2, 1]
