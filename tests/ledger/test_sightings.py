"""What clients report of themselves: kept once, read back as it was, and bounded."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ledger_samples import intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import (
    Kept,
    LogPosition,
    Sighting,
    answered,
    join,
    log_positions,
    marks,
    put,
    put_position,
    since,
    told_by,
    within,
)
from llm_gateway.ledger.sqlite import SqliteStore

NOW = 1_700_000_000_000_000
SEEN = Sighting(
    "claude-code",
    "laptop",
    "log",
    "msg_1/req_1",
    NOW,
    Usage(10, 20, 30, 40, 5, cache_write_1h=12),
    "msg_1",
    "req_1",
    "session-1",
    "claude-opus-4-5",
    "api.anthropic.com",
    "title",
    "2.1.330",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "ledger.db", NOW)
    yield made
    made.close()


def test_a_sighting_comes_back_as_it_was(store: SqliteStore) -> None:
    store.write(put([SEEN]))
    assert since(store, 0) == [Kept(1, SEEN)]


def test_a_sighting_is_kept_once(store: SqliteStore) -> None:
    store.write(put([SEEN, SEEN]))
    store.write(put([msgspec.structs.replace(SEEN, at_us=NOW + 5)]))
    assert since(store, 0) == [Kept(1, SEEN)]
    others = [msgspec.structs.replace(SEEN, source="otlp"), msgspec.structs.replace(SEEN, machine="desk")]
    store.write(put(others))
    assert [each.sighting for each in since(store, 0)] == [SEEN, *others]


def test_only_those_of_a_time_are_read_the_oldest_first(store: SqliteStore) -> None:
    late = msgspec.structs.replace(SEEN, mark="late", at_us=NOW + 10)
    store.write(put([late, SEEN]))
    assert [each.sighting.at_us for each in since(store, 0)] == [NOW, NOW + 10]
    assert [each.sighting for each in since(store, NOW + 1)] == [late]


def test_the_end_of_a_time_is_left_out(store: SqliteStore) -> None:
    told = [msgspec.structs.replace(SEEN, mark=str(at), at_us=NOW + at) for at in range(4)]
    store.write(put(told))
    assert [one.sighting.at_us - NOW for one in within(store, NOW + 1, NOW + 3)] == [1, 2]


def test_what_a_clients_logs_told_is_read_page_by_page_each_answer_once(store: SqliteStore) -> None:
    told = [msgspec.structs.replace(SEEN, mark=f"m{at}", at_us=NOW + at) for at in range(5)]
    others = [
        msgspec.structs.replace(SEEN, client="codex-cli"),
        msgspec.structs.replace(SEEN, machine="desk"),
        msgspec.structs.replace(SEEN, source="otlp"),
    ]
    store.write(put([*told, *others]))
    store.write([join(2, "", 1), join(3, "", 8), join(4, "turn_1", 0)])
    whose = ("claude-code", "laptop")
    first = told_by(store, whose, NOW, 0, 2)
    assert [one.seq for one in first] == [1, 3], (
        "the second is the first, told again; telemetry's twin is one"
    )
    rest = told_by(store, whose, NOW, first[-1].seq, 9)
    assert [(one.seq, one.turn_id) for one in rest] == [(4, "turn_1"), (5, "")]
    assert [one.seq for one in told_by(store, whose, NOW + 3, 0, 9)] == [4, 5]
    assert marks(store, *whose) == {"m0", "m1", "m2", "m3", "m4"}


def test_what_it_is_joined_with_is_kept(store: SqliteStore) -> None:
    store.write(put([SEEN, msgspec.structs.replace(SEEN, source="otlp")]))
    store.write([join(1, "turn_1"), join(2, "turn_1", 1)])
    assert [(each.turn_id, each.twin) for each in since(store, 0)] == [("turn_1", 0), ("turn_1", 1)]


def test_what_programs_say_is_bounded(store: SqliteStore) -> None:
    store.write(put([msgspec.structs.replace(SEEN, model="x\ud800" * 500, usage=Usage(-1, 2**80))]))
    (kept,) = since(store, 0)
    assert len(kept.sighting.model) == 200 and kept.sighting.usage == Usage(0, 2**53)


def test_turns_are_found_by_when_they_began(store: SqliteStore) -> None:
    begun = intent(f"{floor(NOW)[:-2]}aa")
    store.apply(merge([begun, settlement(begun.id)]), 1)
    at = begun.at_us
    (turn,) = answered(store, at, at)
    end = settlement(begun.id)
    assert (turn.id, turn.client, turn.at_us) == (begun.id, begun.client, at)
    assert (turn.response_id, turn.usage) == (end.response_id, end.usage)
    assert turn.ended_us == at + end.latency_us
    assert answered(store, at + 1, at + 2) == [] == answered(store, 0, at - 1)


def test_a_log_goes_on_where_it_was_left(store: SqliteStore) -> None:
    first = LogPosition("laptop", "/home/ada/.claude/a.jsonl", "claude-code", '{"offset":10}')
    store.write([put_position(first, NOW)])
    assert log_positions(store, "laptop", "claude-code") == {first.path: first}
    assert log_positions(store, "desk", "claude-code") == {} == log_positions(store, "laptop", "pi")
    later = msgspec.structs.replace(first, state='{"offset":20}')
    store.write([put_position(later, NOW + 1)])
    assert log_positions(store, "laptop", "claude-code") == {first.path: later}
