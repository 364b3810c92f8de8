"""How much came through and how much passed by: by client, machine and hour, and nothing twice."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ledger_samples import intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.coverage import Detected, Use, detected, passed_by, put_detected, routed
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.records import Outcome, Purpose
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, join, put
from llm_gateway.ledger.sqlite import SqliteStore

HOUR = 3_600_000_000
NOW = 480_000 * HOUR


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "ledger.db", NOW)
    yield made
    made.close()


def answered(
    store: SqliteStore, at_us: int, *, outcome: Outcome = "ok", purpose: Purpose = "request", label: str = ""
) -> None:
    number = len(store.rows("SELECT id FROM turns"))
    begun = msgspec.structs.replace(
        intent(f"{floor(at_us)[:-4]}{number:04x}"), at_us=at_us, purpose=purpose, label=label
    )
    ended = msgspec.structs.replace(settlement(begun.id), outcome=outcome, usage=Usage(3, 2, 1, 4, 4))
    store.apply(merge([begun, ended]), 1)


def told(mark: str, at_us: int = NOW, label: str = "") -> Sighting:
    return Sighting("codex-desktop", "laptop", "log", mark, at_us, Usage(1, 2, 3, 4, 4), label=label)


def test_what_came_through_is_counted_by_the_hour(store: SqliteStore) -> None:
    for at_us in (NOW, NOW + 5, NOW + HOUR):
        answered(store, at_us)
    assert routed(store, NOW) == [
        Use("codex-desktop", "", 480_000, "", 2, 20, NOW + 5, 0),
        Use("codex-desktop", "", 480_001, "", 1, 10, NOW + HOUR, 0),
    ]
    assert [use.hour for use in routed(store, NOW + 6)] == [480_001]


def test_a_turn_is_on_the_machine_of_its_key(store: SqliteStore) -> None:
    key = ("key_1", "codex", b"digest", "hint", 0, "codex-desktop", "laptop")
    sql = (
        "INSERT INTO keys (id, name, digest, hint, created_us, client, machine) VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    store.write([(sql, key)])
    answered(store, NOW)
    assert [use.machine for use in routed(store, NOW)] == ["laptop"]


def test_only_answers_to_somebody_count(store: SqliteStore) -> None:
    answered(store, NOW, outcome="error")
    answered(store, NOW, purpose="smoke")
    answered(store, NOW, purpose="playground")
    assert routed(store, NOW) == []
    answered(store, NOW, label="title")
    assert [(use.requests, use.background) for use in routed(store, NOW)] == [(1, 1)]


def test_what_passed_by_is_what_no_turn_is(store: SqliteStore) -> None:
    store.write(
        put([told("a"), told("b"), told("c", label="title"), told("d", NOW + HOUR), told("e", NOW - 1)])
    )
    store.write([join(1, "turn_1"), join(2, "", 3)])
    assert passed_by(store, NOW) == [
        Use("codex-desktop", "laptop", 480_000, "log", 1, 10, NOW, 1),
        Use("codex-desktop", "laptop", 480_001, "log", 1, 10, NOW + HOUR, 0),
    ]


def test_what_was_found_last_is_kept(store: SqliteStore) -> None:
    store.write([put_detected(Detected("laptop", "codex-cli", NOW, "{}"))])
    newer = Detected("laptop", "codex-cli", NOW + 1, '{"installed":true}')
    store.write([put_detected(newer), put_detected(Detected("desk", "codex-cli", NOW, "{}"))])
    assert detected(store) == [newer, Detected("desk", "codex-cli", NOW, "{}")]
