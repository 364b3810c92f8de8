"""What a turn costs in CPU, on the request path and in the writer's thread, against a reference.

The references are the least that a durable turn needs, measured in the same run: on the request path, two
records encoded, summed and written to a file; in the writer's thread, the same rows put into the same table
by SQLite alone, in one transaction. Ratios to them hold on any machine, busy or not; `pytest -s` shows the
microseconds.
"""

import asyncio
import os
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from ledger_samples import intent, settlement, with_ledger
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.migrate import load_migrations
from llm_gateway.ledger.records import Intent, Settlement, encode
from llm_gateway.ledger.rows import COLUMNS, merge

TURNS = 200  # fewer records than wake the writer early: it waits while the request path is measured
ROUNDS = 40


def reference(file: int, pairs: list[tuple[Intent, Settlement]]) -> int:
    """Return the nanoseconds of CPU that the bare work takes."""
    before = time.thread_time_ns()
    for pair in pairs:
        for record in pair:
            payload = encode(record)
            zlib.crc32(payload)
            os.write(file, payload)
    return time.thread_time_ns() - before


@contextmanager
def bare_database(home: Path) -> Iterator[sqlite3.Connection]:
    """Open a database with the ledger's own table and indexes, and nothing around it."""
    schema = "\n".join(migration.text for migration in load_migrations())
    with closing(sqlite3.connect(home / "bare.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(schema)
        yield connection


def bare_rows(connection: sqlite3.Connection, pairs: list[tuple[Intent, Settlement]]) -> int:
    """Return the nanoseconds of CPU that SQLite takes to insert these turns."""
    insert = f"INSERT INTO turns ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
    rows = [row for pair in pairs for row in merge(pair).begun]
    before = time.thread_time_ns()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(insert, rows)
    connection.execute("COMMIT")
    return time.thread_time_ns() - before


async def request_path(ledger: Ledger, pairs: list[tuple[Intent, Settlement]]) -> int:
    """Return the nanoseconds of CPU that this thread spends on begin and settle."""
    before = time.thread_time_ns()
    for begun, ended in pairs:
        await ledger.begin(begun)
        await ledger.settle(ended)
    return time.thread_time_ns() - before


async def writer_thread(ledger: Ledger) -> int:
    """Return the nanoseconds of CPU that other threads spend until everything is in the database."""
    before = time.process_time_ns() - time.thread_time_ns()
    await ledger.flush()
    return time.process_time_ns() - time.thread_time_ns() - before


def test_a_turn_costs_little_more_than_the_least_it_can(tmp_path: Path) -> None:
    rounds: list[tuple[int, int, int, int]] = []

    async def scene(ledger: Ledger) -> None:
        file = os.open(tmp_path / "reference", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with bare_database(tmp_path) as bare:
            for _ in range(ROUNDS):
                ids = [ledger.new_id() for _ in range(TURNS)]
                pairs = [(intent(each), settlement(each)) for each in ids]
                least, least_rows = reference(file, pairs), bare_rows(bare, pairs)
                path, writer = await request_path(ledger, pairs), await writer_thread(ledger)
                rounds.append((least, path, least_rows, writer))
        os.close(file)

    assert asyncio.run(with_ledger(tmp_path, scene)) == []
    # Each round measures both under the same conditions; the median one is neither lucky nor unlucky.
    path, writer = (median(each[mine] / each[bare] for each in rounds) for mine, bare in ((1, 0), (3, 2)))
    sys.stdout.write(f"CPU of a turn: begin and settle {path:.2f} x, writer {writer:.2f} x the least\n")
    assert path <= 2.2
    assert writer <= 1.7
