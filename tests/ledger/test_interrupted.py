"""Which turns a kill left without a cost."""

from pathlib import Path

from fakes import FakeClock
from ledger_samples import NOON, Failures, intent, settlement
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.interrupted import Interrupted, without_cost
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.records import Record
from llm_gateway.ledger.rows import merge


def test_those_for_which_nothing_was_held_and_whose_bytes_are_tokens(tmp_path: Path) -> None:
    with offline(tmp_path, FakeClock(), Failures()) as store:
        running = {name: intent(name, held_nano=0) for name in "abcd"}
        records: list[Record] = [
            running["a"],
            intent("b"),
            intent("c", held_nano=0, operation="files"),
            running["d"],
            settlement("d", cost_nano=None),
        ]
        store.apply(merge(records), 1)
        assert without_cost(store) == []
    assert Folder(tmp_path).database.exists()
    with offline(tmp_path, FakeClock(), Failures()) as store:
        (found,) = without_cost(store)
        assert found == Interrupted("a", NOON, "ollama", "qwen2.5:14b", 256, 0)
        assert found.usage.estimated and found.usage.total == 256
