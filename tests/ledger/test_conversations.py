"""A conversation's sums are those of its turns and of nobody else's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import NOON, Failures, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.conversations import conversation
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.store import Store
from llm_gateway.ledger.sums import Sums


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with offline(tmp_path, FakeClock(), Failures()) as opened:
        yield opened


def test_it_is_its_own_turns_that_have_ended(store: Store) -> None:
    clock = FakeClock(NOON)
    ids = Ids(clock)
    for session, ends in (("a", True), ("b", True), ("a", True), ("a", False), ("", True)):
        turn_id = ids.new()
        begun = intent(turn_id, at_us=clock.now_us(), session=session)
        end = [settlement(turn_id, usage=Usage(100, 20, 3, 50, 7), cost_nano=5)] if ends else []
        store.apply(merge([begun, *end]), 1)
        clock.advance(60)
    found = conversation(store, "a", 0)
    assert (found.requests, found.total, found.cost_nano, found.reasoning) == (2, 2 * 173, 10, 14)
    assert conversation(store, "a", NOON + 1).requests == 1, "from then on"
    assert conversation(store, "c", 0) == Sums()
