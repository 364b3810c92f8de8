"""Records become rows and rows become turns again, with nothing lost between."""

from ledger_samples import intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.records import Compressed, Intent, Record, Settlement, Turn
from llm_gateway.ledger.rows import BEGUN, COLUMNS, SETTLED, Batch, merge, turn_of


def test_the_columns_of_an_intent_are_its_fields() -> None:
    assert Intent.__struct_fields__ == BEGUN
    assert len(set(COLUMNS)) == len(COLUMNS) == len(BEGUN) + len(SETTLED)


def test_a_turn_that_begins_and_ends_in_a_batch_is_one_row() -> None:
    batch = merge([intent("a"), settlement("a")])
    assert batch.settled == []
    assert [turn_of(row) for row in batch.begun] == [Turn(intent("a"), settlement("a"))]


def test_rows_come_in_the_order_in_which_the_turns_began() -> None:
    batch = merge([intent("a"), intent("b"), settlement("b"), intent("c"), settlement("a")])
    assert [turn_of(row) for row in batch.begun] == [
        Turn(intent("a"), settlement("a")),
        Turn(intent("b"), settlement("b")),
        Turn(intent("c")),
    ]


def test_the_end_of_a_turn_that_is_a_row_already_stands_apart() -> None:
    batch = merge([settlement("a")])
    assert batch.begun == []
    ((*values, provider, model, turn_id),) = batch.settled
    assert (provider, model, turn_id) == ("ollama", "qwen2.5:14b", "a")
    row = (*merge([intent("a")]).begun[0][: len(BEGUN)], *values)
    assert turn_of(row) == Turn(intent("a"), settlement("a"))


def test_who_answered_in_the_end_is_who_the_row_names() -> None:
    batch = merge([intent("a"), settlement("a", provider="openai", model="gpt")])
    turn = turn_of(batch.begun[0])
    assert (turn.intent.provider, turn.intent.model) == ("openai", "gpt")
    assert turn.intent.model_asked == "fast"


def test_a_settlement_that_names_nobody_leaves_whom_the_intent_named() -> None:
    turn = turn_of(merge([intent("a"), Settlement("a", "cancelled")]).begun[0])
    assert (turn.intent.provider, turn.intent.model) == ("ollama", "qwen2.5:14b")
    assert turn.settlement == Settlement("a", "cancelled", provider="ollama", model="qwen2.5:14b")


def test_flags_and_estimates_come_back_as_what_they_were() -> None:
    begun = intent("a", stream=False, counts=False, purpose="demo")
    ended = settlement("a", usage=Usage(1, estimated=True), attempts=(), losses=(), ttft_us=None)
    assert turn_of(merge([begun, ended]).begun[0]) == Turn(begun, ended)


def test_nothing_is_an_empty_batch() -> None:
    assert merge([]) == Batch([], [])


def test_what_came_from_the_response_cache_says_so_and_nothing_else_does() -> None:
    cached = settlement("b", cached_from="a", saved=Usage(5, 2, output=3, estimated=True), saved_nano=7)
    uncounted = settlement("c", cached_from="a")
    records: list[Record] = [intent("b"), cached, intent("c"), uncounted, intent("d"), settlement("d")]
    rows = merge(records).begun
    assert [turn_of(row).settlement for row in rows] == [cached, uncounted, settlement("d")]
    assert dict(zip(COLUMNS, rows[2], strict=True))["cached_from"] is None


def test_what_compression_did_comes_back() -> None:
    told = Compressed(7, 3, 90_000, 40_000, 12_000, "strict-1", why="it is off for this key", missed=5)
    batch = merge([intent("a"), settlement("a", compressed=told)])
    end = turn_of(batch.begun[0]).settlement
    assert end is not None and end.compressed == told
