"""A copy of the database: whole, private, and never in the place of anything."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import Failures, intent, settlement, with_ledger
from llm_gateway.ledger.copying import copy
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.reader import Reader
from llm_gateway.ledger.refusal import LedgerRefused


def turns(database: Path) -> list[str]:
    reader = Reader(database, FakeClock())
    try:
        return [turn.intent.id for turn in page(reader, limit=1000)]
    finally:
        reader.close()


def made(home: Path) -> None:
    with offline(home, FakeClock(), Failures()):
        """Make an empty ledger."""


def test_a_copy_beside_a_ledger_that_is_written_to_is_whole(tmp_path: Path) -> None:
    home, target = tmp_path / "home", tmp_path / "copy.sqlite3"

    ids: list[str] = []

    async def scene(ledger: Ledger) -> None:
        for number in range(300):
            turn_id = ledger.new_id()
            await ledger.begin(intent(turn_id))
            if number % 2:
                await ledger.settle(settlement(turn_id))
            ids.append(turn_id)
        await ledger.flush()
        copying = asyncio.to_thread(copy, home, target)
        later = [ledger.new_id() for _ in range(100)]
        size, *_ = await asyncio.gather(copying, *(ledger.begin(intent(turn_id)) for turn_id in later))
        assert size == target.stat().st_size

    assert asyncio.run(with_ledger(home, scene)) == []
    assert set(turns(target)) >= set(ids)
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_copy_is_private_and_stands_alone(tmp_path: Path) -> None:
    made(tmp_path / "home")
    target = tmp_path / "copy.sqlite3"
    copy(tmp_path / "home", target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["copy.sqlite3"]


def test_a_copy_can_take_the_place_of_its_ledger(tmp_path: Path) -> None:
    home = tmp_path / "home"

    ids: list[str] = []

    async def scene(ledger: Ledger) -> None:
        ids.append(ledger.new_id())
        await ledger.begin(intent(ids[0]))
        await ledger.settle(settlement(ids[0]))

    asyncio.run(with_ledger(home, scene))
    copy(home, tmp_path / "copy")
    other = Folder(tmp_path / "other")
    other.create()
    (tmp_path / "copy").rename(other.database)
    with offline(tmp_path / "other", FakeClock(), Failures()) as store:
        assert [turn.intent.id for turn in page(store)] == ids


def test_nothing_is_written_over(tmp_path: Path) -> None:
    made(tmp_path / "home")
    precious, link, folder = tmp_path / "precious", tmp_path / "link", tmp_path / "none" / "copy"
    precious.write_text("mine")
    link.symlink_to(tmp_path / "elsewhere")
    for target in (precious, link, folder, tmp_path):
        with pytest.raises(LedgerRefused, match="a copy cannot be made there: "):
            copy(tmp_path / "home", target)
    assert precious.read_text() == "mine" and not (tmp_path / "elsewhere").exists()


def test_without_a_ledger_there_is_nothing_to_copy(tmp_path: Path) -> None:
    with pytest.raises(LedgerRefused, match="there is no ledger yet"):
        copy(tmp_path, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_none_leaves_no_copy(tmp_path: Path) -> None:
    made(tmp_path / "home")
    Folder(tmp_path / "home").database.write_bytes(b"no database" * 1000)
    with pytest.raises(LedgerRefused, match="it cannot be copied: file is not a database"):
        copy(tmp_path / "home", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
