"""Companions are invited, enrolled once, seen, revoked; who offered a bridge first is first."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from fakes import FakeClock
from ledger_samples import NOON, Failures
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.companions import (
    Claim,
    CompanionRow,
    Invitation,
    claim,
    claims,
    companions,
    enrol,
    invitations,
    invite,
    revoke_companion,
    seen,
    withdraw,
)
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.store import Row, Store, Value

MAC = Invitation(b"\x00one", "mac", "anna", ("claude", "codex"), NOON, NOON + 100)
BOX = Invitation(b"two\xff", "box", "", (), NOON + 1, NOON + 100)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with offline(tmp_path, FakeClock(), Failures()) as opened:
        yield opened


def enrolled(store: Store) -> None:
    """Enrol both machines, the box before the mac."""
    invite(store, MAC)
    invite(store, BOX)
    assert enrol(store, BOX.digest, "id-box", b"key-box", NOON + 5)
    assert enrol(store, MAC.digest, "id-mac", b"key-mac", NOON + 6)


def test_a_machine_enrols_as_it_was_invited(store: Store) -> None:
    enrolled(store)
    assert companions(store) == [
        CompanionRow("id-box", "box", "", (), b"key-box", NOON + 5, NOON + 5),
        CompanionRow("id-mac", "mac", "anna", ("claude", "codex"), b"key-mac", NOON + 6, NOON + 6),
    ]
    assert invitations(store) == [
        msgspec.structs.replace(MAC, used_us=NOON + 6),
        msgspec.structs.replace(BOX, used_us=NOON + 5),
    ]


def test_an_invitation_is_used_once(store: Store) -> None:
    enrolled(store)
    assert not enrol(store, MAC.digest, "id-2", b"key-2", NOON + 7)
    assert revoke_companion(store, "id-mac", NOON + 8)
    assert not enrol(store, MAC.digest, "id-2", b"key-2", NOON + 9)
    assert len(companions(store)) == 2


@pytest.mark.parametrize(("digest", "at_us"), [(b"unknown", NOON), (MAC.digest, NOON + 100)])
def test_an_invitation_that_is_not_known_or_too_old_enrols_nobody(
    store: Store, digest: bytes, at_us: int
) -> None:
    invite(store, MAC)
    assert not enrol(store, digest, "id", b"key", at_us)
    assert companions(store) == []
    assert invitations(store) == [MAC]


def test_a_machine_of_a_name_is_there_once_and_a_key_too(store: Store) -> None:
    enrolled(store)
    invite(store, msgspec.structs.replace(MAC, digest=b"three"))
    assert not enrol(store, b"three", "id-3", b"key-3", NOON + 9)
    revoke_companion(store, "id-mac", NOON + 10)
    assert not enrol(store, b"three", "id-mac", b"key-mac", NOON + 11)
    assert enrol(store, b"three", "id-3", b"key-3", NOON + 12)


def test_a_second_invitation_takes_the_place_of_the_first(store: Store) -> None:
    invite(store, MAC)
    invite(store, msgspec.structs.replace(MAC, digest=b"three"))
    assert [each.digest for each in invitations(store)] == [b"three"]
    assert withdraw(store, "mac")
    assert not withdraw(store, "mac")
    assert invitations(store) == []


def test_when_a_companion_was_seen_only_grows(store: Store) -> None:
    enrolled(store)
    seen(store, "id-mac", NOON + 50)
    seen(store, "id-mac", NOON + 40)
    assert companions(store)[1].last_seen_us == NOON + 50


def test_the_first_to_offer_a_bridge_is_first(store: Store) -> None:
    enrolled(store)
    claim(store, "id-mac", ("claude", "codex"), NOON + 20)
    claim(store, "id-box", ("claude",), NOON + 20)
    claim(store, "id-box", ("claude", "codex"), NOON + 30)
    claim(store, "id-box", (), NOON + 30)
    assert claims(store) == [
        Claim("claude", "id-box", NOON + 20),
        Claim("claude", "id-mac", NOON + 20),
        Claim("codex", "id-mac", NOON + 20),
        Claim("codex", "id-box", NOON + 30),
    ]


def test_a_revoked_companion_gives_its_names_away(store: Store) -> None:
    enrolled(store)
    claim(store, "id-box", ("claude",), NOON + 20)
    claim(store, "id-mac", ("claude",), NOON + 21)
    assert revoke_companion(store, "id-box", NOON + 22)
    assert not revoke_companion(store, "id-box", NOON + 23)
    assert not revoke_companion(store, "nobody", NOON + 23)
    assert [each.companion for each in claims(store)] == ["id-mac"]
    assert companions(store)[0].revoked_us == NOON + 22


class Broken:
    """A database on a disk that is full."""

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        raise sqlite3.OperationalError("database or disk is full")


def test_a_database_that_takes_nothing_is_told() -> None:
    with pytest.raises(LedgerUnavailable, match="cannot be kept"):
        companions(Broken())


def test_a_database_that_keeps_nothing_is_told(store: Store) -> None:
    store.write([("DROP TABLE enrolments", ())])
    with pytest.raises(LedgerUnavailable, match="cannot be kept"):
        invite(store, MAC)
