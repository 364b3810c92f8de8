"""Batches on record: those that a turn has counted, and no others; found by an index."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ledger_samples import intent, settlement
from llm_gateway.ledger.batches import batch_is_counted
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.records import Settlement
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sqlite import SqliteStore

NOW = 1_700_000_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "ledger.db", NOW)
    yield made
    made.close()


def settled(store: SqliteStore, number: int, **members: object) -> Settlement:
    begun = intent(f"{floor(NOW)[:-2]}{number:02d}")
    end = msgspec.structs.replace(settlement(begun.id), **members)
    store.apply(merge([begun, end]), number)
    return end


def test_a_batch_is_counted_once_a_turn_has_counted_it(store: SqliteStore) -> None:
    assert not batch_is_counted(store, "openai", "batch_1")
    settled(store, 1, provider="openai", response_id="batch_1", tier="")
    settled(store, 2, provider="openai", response_id="batch_1", tier="batch", outcome="truncated")
    settled(store, 3, provider="other", response_id="batch_1", tier="batch")
    settled(store, 4, provider="openai", response_id="batch_2", tier="batch")
    assert not batch_is_counted(store, "openai", "batch_1")
    settled(store, 5, provider="openai", response_id="batch_1", tier="batch")
    assert batch_is_counted(store, "openai", "batch_1")


def test_it_is_looked_up_and_not_looked_for(store: SqliteStore) -> None:
    query = (
        "EXPLAIN QUERY PLAN SELECT 1 FROM turns WHERE response_id = ? AND tier = 'batch' AND provider = ? "
        "AND outcome = 'ok' LIMIT 1"
    )
    (plan,) = store.rows(query, ("batch_1", "openai"))
    assert "turns_batches" in str(plan[-1])
