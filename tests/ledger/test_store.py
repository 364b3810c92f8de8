"""What every store promises; each engine is put through the same tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.queries import turn
from llm_gateway.ledger.records import Record, Settlement, Turn
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.store import Store

Reopen = Callable[[], Store]


@pytest.fixture(params=[SqliteStore])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reopen]:
    """Close the store, if it is open, and open it again."""
    opened: list[Store] = []

    def again() -> Store:
        while opened:
            opened.pop().close()
        opened.append(request.param(tmp_path / "ledger", NOON))
        return opened[0]

    yield again
    while opened:
        opened.pop().close()


def apply(store: Store, *records: Record, position: int) -> None:
    store.apply(merge(records), position)


def test_a_new_store_is_at_the_beginning(reopen: Reopen) -> None:
    assert reopen().position() == 0


def test_turns_and_their_position_last(reopen: Reopen) -> None:
    apply(reopen(), intent("a"), settlement("a"), intent("b"), position=17)
    store = reopen()
    assert store.position() == 17
    assert turn(store, "a") == Turn(intent("a"), settlement("a"))
    assert turn(store, "b") == Turn(intent("b"))
    assert turn(store, "c") is None


@pytest.mark.parametrize("count", [1, 24, 25, 26, 130])
def test_batches_of_every_size_are_applied_in_order(reopen: Reopen, count: int) -> None:
    store = reopen()
    ids = [f"{number:03}" for number in range(count)]
    apply(store, *(record for each in ids for record in (intent(each), settlement(each))), position=1)
    assert [row[0] for row in store.rows("SELECT id FROM turns ORDER BY seq")] == ids


def test_an_end_that_comes_later_completes_the_row(reopen: Reopen) -> None:
    store = reopen()
    apply(store, intent("a"), position=1)
    apply(store, settlement("a", provider="openai", model="gpt"), position=2)
    ended = settlement("a", provider="openai", model="gpt")
    assert turn(store, "a") == Turn(intent("a", provider="openai", model="gpt"), ended)


def test_applying_again_changes_nothing(reopen: Reopen) -> None:
    store = reopen()
    apply(store, intent("a"), settlement("a"), intent("b"), position=1)
    apply(store, settlement("b"), position=2)
    apply(store, intent("a", client="other"), settlement("a", outcome="error"), position=3)
    apply(store, settlement("b", outcome="error"), position=4)
    assert turn(store, "a") == Turn(intent("a"), settlement("a"))
    assert turn(store, "b") == Turn(intent("b"), settlement("b"))


def test_a_batch_that_fails_leaves_nothing(reopen: Reopen) -> None:
    store = reopen()
    with pytest.raises(OverflowError):
        apply(
            store,
            *(intent(str(number)) for number in range(30)),
            intent("x", request_bytes=2**70),
            position=9,
        )
    assert store.position() == 0
    assert store.rows("SELECT count(*) FROM turns") == [(0,)]
    apply(store, intent("a"), position=1)
    assert store.position() == 1


def test_open_turns_become_interrupted_with_an_estimate(reopen: Reopen) -> None:
    store = reopen()
    apply(store, intent("a", request_bytes=1001), intent("b"), settlement("b"), position=1)
    assert store.interrupt() == 1
    assert store.interrupt() == 0
    ended = Settlement(
        "a",
        "interrupted",
        provider="ollama",
        model="qwen2.5:14b",
        usage=Usage(251, estimated=True),
        counted="bytes",
        cost_nano=3_000_000,  # what was held for it: nobody knows how much of it was spent
    )
    assert turn(store, "a") == Turn(intent("a", request_bytes=1001), ended)
    assert turn(store, "b") == Turn(intent("b"), settlement("b"))


def test_statements_are_written_together_or_not_at_all(reopen: Reopen) -> None:
    store = reopen()
    add = "INSERT INTO meta (name, value) VALUES (?, ?)"
    assert store.write([(add, ("a", 1)), ("UPDATE meta SET value = 2 WHERE name IN ('a', 'b')", ())]) == [
        1,
        1,
    ]
    with pytest.raises(Exception, match="constraint"):
        store.write([(add, ("b", 1)), (add, ("a", 1))])
    assert store.rows("SELECT value FROM meta WHERE name = ?", ("a",)) == [(2,)]
    assert store.rows("SELECT value FROM meta WHERE name = ?", ("b",)) == []


def test_a_checkpoint_makes_sure(reopen: Reopen) -> None:
    store = reopen()
    apply(store, intent("a"), position=1)
    assert store.checkpoint()
