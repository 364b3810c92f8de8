"""Keys are made, listed, revoked and rotated; the same with a gateway running and without."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import NOON, Failures, with_ledger
from llm_gateway.ledger.key_limits import KeyLimits
from llm_gateway.ledger.keys import KeyRow, insert, keep, limit, listed, revoke, rotate
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.store import Store

OLD = KeyRow("key_1", "laptop", b"\x00digest\xff", "f9Qz", NOON)
NEW = KeyRow("key_2", "laptop", b"another", "x1Yt", NOON + 5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with offline(tmp_path, FakeClock(), Failures()) as opened:
        yield opened


def test_keys_come_back_as_they_were_made(store: Store) -> None:
    insert(store, NEW)
    insert(store, OLD)
    assert listed(store) == [OLD, NEW]


def test_a_digest_is_there_once(store: Store) -> None:
    insert(store, OLD)
    with pytest.raises(sqlite3.IntegrityError):
        insert(store, KeyRow("key_3", "other", OLD.digest, "f9Qz", NOON))


def test_a_revoked_key_is_listed_and_not_accepted(store: Store) -> None:
    insert(store, OLD)
    assert OLD.accepted(NOON + 8)
    assert revoke(store, "key_1", NOON + 9)
    (key,) = listed(store)
    assert key.revoked_us == NOON + 9 and not key.accepted(NOON + 10)
    assert not revoke(store, "key_1", NOON + 11)
    assert not revoke(store, "nobody", NOON + 11)


def test_a_key_expires() -> None:
    key = KeyRow("key_1", "laptop", b"x", "f9Qz", NOON, expires_us=NOON + 10)
    assert key.accepted(NOON + 9)
    assert not key.accepted(NOON + 10)


def test_a_rotated_key_is_accepted_until_it_expires(store: Store) -> None:
    insert(store, OLD)
    assert rotate(store, "key_1", NEW, NOON + 100)
    old, new = listed(store)
    assert old.accepted(NOON + 99) and not old.accepted(NOON + 100)
    assert new == NEW


def test_rotation_never_lengthens_a_life(store: Store) -> None:
    insert(store, KeyRow("key_1", "laptop", b"x", "f9Qz", NOON, expires_us=NOON + 10))
    assert rotate(store, "key_1", NEW, NOON + 100)
    assert listed(store)[0].expires_us == NOON + 10


def test_what_a_key_keeps_is_changed_while_it_is_accepted(store: Store) -> None:
    insert(store, OLD)
    assert (OLD.keep_content_days, OLD.kept_under) == (0, "key_1")
    assert keep(store, "key_1", 30)
    assert listed(store)[0].keep_content_days == 30
    assert keep(store, "key_1", 0)
    assert listed(store)[0].keep_content_days == 0
    assert not keep(store, "nobody", 30)
    revoke(store, "key_1", NOON + 1)
    assert not keep(store, "key_1", 30)


def test_limits_are_those_of_all_keys_of_a_name(store: Store) -> None:
    insert(store, OLD)
    insert(store, NEW)
    insert(store, KeyRow("key_3", "other", b"third", "f9Qz", NOON + 9))
    assert limit(store, "key_1", KeyLimits(parallel=2))
    assert [key.limited.parallel for key in listed(store)] == [2, 2, None]
    assert limit(store, "key_2", KeyLimits())
    assert [key.limits for key in listed(store)] == ["", "", ""]
    revoke(store, "key_1", NOON)
    assert not limit(store, "key_1", KeyLimits(parallel=2)) and not limit(store, "key_9", KeyLimits())
    assert limit(store, "key_2", KeyLimits(parallel=3))
    assert [key.limited.parallel for key in listed(store)] == [None, 3, None]


def test_a_successor_keeps_under_the_first_id(store: Store) -> None:
    insert(store, KeyRow("key_3", "laptop", b"c", "abcd", NOON, keep_content_days=7, content_id="key_1"))
    (key,) = listed(store)
    assert (key.keep_content_days, key.kept_under) == (7, "key_1")


def test_what_is_revoked_or_unknown_is_not_rotated(store: Store) -> None:
    insert(store, OLD)
    revoke(store, "key_1", NOON + 1)
    assert not rotate(store, "key_1", NEW, NOON + 2)
    assert not rotate(store, "nobody", NEW, NOON + 2)
    assert len(listed(store)) == 1


def test_an_open_ledger_writes_them_in_its_own_thread(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        await ledger.write(lambda store: insert(store, OLD))
        assert await ledger.write(lambda store: rotate(store, "key_1", NEW, NOON + 100))
        assert [key.id for key in await ledger.read(listed)] == ["key_1", "key_2"]

    assert asyncio.run(with_ledger(tmp_path, scene)) == []
