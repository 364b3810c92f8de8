"""Databases of older and newer versions: copied, migrated, resumed after a crash, put back, or refused."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from faults import inside as faulty
from faults.stage import Stage, Start, Targets, starting
from gateway_process import GatewayProcess
from llm_gateway.ledger.migrate import CREATE_TABLE, load_migrations
from scripted import ScriptedUpstream
from terminal import Terminal

_NEWEST = len(load_migrations())
_TURN = (
    "INSERT INTO turns (id, at_us, key_id, caller, client, dialect, operation, model_asked, provider, model, "
    "stream, counts, purpose, request_bytes, outcome, http_status) "
    "VALUES ('from-before', 1, '', '', '', 'chat', '', 'm', '', 'm', 0, 1, '', 9, 'ok', 200)"
)


@pytest.fixture
def stage(start: Start) -> Iterator[Stage]:
    """Return a gateway that has been stopped, whose ledger is empty."""
    with ScriptedUpstream(("m",)) as upstream:
        targets = Targets()
        targets.add("openai", upstream.url)
        stage = start(targets)
        stage.gateway.stop()
        for each in stage.gateway.database.parent.rglob("*"):
            if each.is_file():
                each.unlink()
        yield stage


def older(gateway: GatewayProcess, schema: int) -> None:
    """Leave a database of an older schema, with a turn in it."""
    with closing(sqlite3.connect(gateway.database, isolation_level=None)) as connection:
        connection.execute(CREATE_TABLE)
        for migration in load_migrations()[:schema]:
            for sql, values in migration.statements(1):
                connection.execute(sql, values)
        connection.execute(_TURN)


def schema_of(database: Path) -> int:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return len(list(connection.execute("SELECT number FROM migrations")))


def turns(database: Path) -> dict[str, str]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        assert list(connection.execute("PRAGMA integrity_check")) == [("ok",)]
        return dict(connection.execute("SELECT id, outcome FROM turns"))


def copies(gateway: GatewayProcess) -> list[Path]:
    return sorted(gateway.database.parent.glob("schema-*.sqlite3"))


@contextmanager
def giant(database: Path) -> Iterator[int]:
    """Let a database be larger than what the disk has room for, by holes; return its size."""
    with closing(sqlite3.connect(database)) as connection:
        ((page,),) = connection.execute("PRAGMA page_size")
    small = database.stat().st_size
    pages = (shutil.disk_usage(database.parent).free + (4 << 30)) // page
    _resize(database, pages, page)
    yield pages * page
    _resize(database, small // page, page)


def _resize(database: Path, pages: int, page: int) -> None:
    os.truncate(database, pages * page)
    with database.open("r+b") as file:
        file.seek(28)  # "in-header database size" (SQLite, Database File Format, 1.3)
        file.write(pages.to_bytes(4, "big"))


def crashes(gateway: GatewayProcess, statement: int) -> None:
    """Start a gateway that dies within its migration."""
    crash = subprocess.run(
        [*faulty.PROGRAM, "up", "--port", "0", "--home", str(gateway.home / "gateway")],
        check=False,
        capture_output=True,
        timeout=60,
        env={**os.environ, **faulty.environ(dies_in_migration=statement)},
    )
    assert crash.returncode == -signal.SIGKILL, crash


@pytest.mark.fault("P16")
@pytest.mark.parametrize("schema", range(1, _NEWEST))
def test_an_older_schema_is_copied_and_brought_up_to_date_though_a_crash_came_between(
    stage: Stage, schema: int, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = stage.gateway
    older(gateway, schema)
    for statement in range(3):
        crashes(gateway, statement)
        (copy,) = copies(gateway)
        assert (schema_of(copy), turns(copy)) == (schema, {"from-before": "ok"})
        assert copy.stat().st_mode & 0o777 == 0o600
    gateway.start()
    assert stage.ask("openai/m").status == 200
    (copy,) = copies(gateway)
    assert copy.name.startswith(f"schema-{schema}-")
    assert str(copy) in gateway.stderr() and gateway.dashboard("health")["saved"] == str(copy)
    assert f"a copy from before is {copy}\n" in Terminal(gateway.home / "gateway", capsys).ok("status").out
    gateway.stop()
    assert schema_of(gateway.database) == _NEWEST
    assert sorted(turns(gateway.database).values()) == ["ok", "ok"]
    gateway.start()
    assert gateway.dashboard("health")["saved"] == "" and copies(gateway) == [copy]


@pytest.mark.fault("P16")
def test_the_copy_from_before_can_be_put_back(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    gateway = stage.gateway
    older(gateway, 1)
    terminal = Terminal(gateway.home / "gateway", capsys)
    told = terminal.ok("db", "migrate").err
    (copy,) = copies(gateway)
    assert f"a copy from before is {copy}\n" in told
    gateway.database.write_bytes(b"torn by a migration that went wrong")
    terminal.ok("db", "restore", str(copy))
    gateway.start()
    assert stage.ask("openai/m").status == 200
    gateway.stop()
    assert turns(gateway.database)["from-before"] == "ok"
    assert schema_of(copy) == 1, "and it is still what it was"


@pytest.mark.fault("P16")
def test_a_new_database_needs_no_copy(stage: Stage) -> None:
    stage.gateway.start()
    assert copies(stage.gateway) == []


@pytest.mark.fault("P16")
def test_without_room_for_a_copy_nothing_is_migrated(stage: Stage) -> None:
    gateway = stage.gateway
    older(gateway, _NEWEST - 1)
    with giant(gateway.database) as size:
        code, said = starting(gateway)
        assert code == 1
        assert str(gateway.database) in said and f"{size} bytes" in said and "the disk is full" in said
        assert schema_of(gateway.database) == _NEWEST - 1 and copies(gateway) == []
    gateway.start()
    assert len(copies(gateway)) == 1


@pytest.mark.fault("P16")
def test_without_room_for_a_copy_what_needs_none_starts(stage: Stage) -> None:
    gateway = stage.gateway
    older(gateway, _NEWEST)
    with giant(gateway.database):
        gateway.start()
        assert copies(gateway) == []
        gateway.stop()


@pytest.mark.fault("P16")
def test_a_newer_schema_is_refused_and_left_as_it_is(stage: Stage) -> None:
    gateway = stage.gateway
    older(gateway, _NEWEST)
    with closing(sqlite3.connect(gateway.database)) as connection, connection:
        connection.execute("INSERT INTO migrations VALUES (9999, '9999_later', 'x', 1)")
    before = turns(gateway.database)
    code, said = starting(gateway)
    assert code == 1 and "later version" in said
    assert (schema_of(gateway.database), turns(gateway.database)) == (_NEWEST + 1, before)
    assert copies(gateway) == []
