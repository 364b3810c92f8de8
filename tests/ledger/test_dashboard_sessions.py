"""Sessions of the dashboard are kept, seen, ended and forgotten; a database that fails says so."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from fakes import FakeClock
from ledger_samples import NOON, Failures
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.dashboard_sessions import (
    SessionRow,
    add_session,
    end_sessions,
    session_seen,
    sessions,
)
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.store import Row, Store, Value

FIRST = SessionRow("a1", b"\x00one", "link", "", "Firefox", NOON, NOON, NOON + 100)
SECOND = SessionRow("b2", b"two\xff", "oidc", "ada@example.org", "", NOON + 1, NOON + 1, NOON + 200)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with offline(tmp_path, FakeClock(), Failures()) as opened:
        yield opened


def test_sessions_are_kept_in_the_order_in_which_they_began(store: Store) -> None:
    add_session(store, SECOND)
    add_session(store, FIRST)
    assert sessions(store) == [FIRST, SECOND]


def test_when_a_session_was_seen_only_grows(store: Store) -> None:
    add_session(store, FIRST)
    session_seen(store, "a1", NOON + 50)
    session_seen(store, "a1", NOON + 40)
    session_seen(store, "nobody", NOON + 60)
    assert sessions(store) == [msgspec.structs.replace(FIRST, seen_us=NOON + 50)]


def test_an_ended_session_is_there_no_longer(store: Store) -> None:
    add_session(store, FIRST)
    add_session(store, SECOND)
    end_sessions(store, ["a1", "nobody"], NOON + 9)
    end_sessions(store, [], NOON + 9)
    assert sessions(store) == [SECOND]
    assert store.rows("SELECT id, revoked_us FROM dashboard_sessions ORDER BY id") == [
        ("a1", NOON + 9),
        ("b2", 0),
    ]


def test_what_is_over_is_forgotten_when_the_next_begins(store: Store) -> None:
    add_session(store, FIRST)
    later = msgspec.structs.replace(SECOND, created_us=FIRST.expires_us)
    add_session(store, later)
    assert store.rows("SELECT id FROM dashboard_sessions") == [("b2",)]


class Broken:
    """A database on a disk that is full."""

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        raise sqlite3.OperationalError("database or disk is full")


def test_a_database_that_fails_is_told(store: Store) -> None:
    with pytest.raises(LedgerUnavailable, match="who is signed in cannot be kept"):
        sessions(Broken())
    store.write([("DROP TABLE dashboard_sessions", ())])
    with pytest.raises(LedgerUnavailable, match="who is signed in cannot be kept"):
        add_session(store, FIRST)
