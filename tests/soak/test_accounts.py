"""The comparison finds what is missing, open, twice, wrongly counted, and what nobody sent."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from soak.accounts import Row, Told, compare, rows

TOLD = Told("a", "right answer", (100, 10), 2)
ROW = Row("a", "ok", (100, 10), False, ("gone", "chat", "chat"))


def wrong(told: list[Told], kept: list[Row], unseen: int = 0) -> list[str]:
    return compare(told, kept, unseen, "gone").wrong


def test_what_agrees() -> None:
    account = compare([TOLD], [ROW, Row("b", "cancelled", (3, 1), True)], 1, "gone")
    assert account.wrong == []
    assert (account.rows, account.exact, account.tokens_told, account.tokens_kept) == (2, 1, 110, 110)
    assert account.outcomes == {"ok": 1, "cancelled": 1}


@pytest.mark.parametrize(
    ("told", "kept", "said"),
    [
        ([TOLD], [], "not in the ledger"),
        ([TOLD, TOLD], [ROW], "given to two answers"),
        ([], [ROW, ROW], "on record twice"),
        ([], [ROW], "that nobody sent"),
        ([TOLD], [Row("a", None, (0, 0), False, ("chat", "chat"))], "still open"),
        ([TOLD], [Row("a", "error", (100, 10), False, ("chat", "chat"))], "on record as error"),
        ([TOLD], [Row("a", "ok", (100, 11), False, ("chat", "chat"))], "is on record with (100, 11)"),
        ([TOLD], [Row("a", "ok", (100, 10), True, ("chat", "chat"))], "with a guess"),
        ([TOLD], [Row("a", "ok", (100, 10), False, ("chat",))], "tried 2 times"),
    ],
)
def test_what_does_not_agree(told: list[Told], kept: list[Row], said: str) -> None:
    assert any(said in each for each in wrong(told, kept)), wrong(told, kept)


@pytest.mark.parametrize(
    ("seen", "outcome", "spoilt", "fits"),
    [
        ("broken off", "truncated", True, True),
        ("broken off", "ok", True, False),
        ("error 502", "error", True, True),
        ("error 502", "ok", True, False),
        ("left", "cancelled", False, True),
        ("left", "ok", False, True),
        ("left", "truncated", False, False),
        ("left", "truncated", True, True),
        ("cut", "truncated", True, True),
        ("truncated", "ok", True, True),
        ("truncated", "cancelled", True, False),
    ],
)
def test_an_outcome_fits_what_was_seen(seen: str, outcome: str, spoilt: bool, fits: bool) -> None:
    told, kept = Told("a", seen, (1, 1), 1, spoilt), Row("a", outcome, (0, 0), True, ("chat",))
    assert (wrong([told], [kept]) == []) is fits


def test_rows_of_a_ledger(tmp_path: Path) -> None:
    database = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        columns = "id, outcome, uncached, cache_read, cache_write, output, estimated, attempts"
        connection.execute(f"CREATE TABLE turns ({columns})")
        tried = '[{"provider":"gone"},{"provider":"chat"}]'
        connection.execute("INSERT INTO turns VALUES ('a', 'ok', 90, 8, 2, 10, 0, ?)", (tried,))
        connection.execute("INSERT INTO turns (id) VALUES ('b')")
        connection.commit()
    assert rows(database) == [
        Row("a", "ok", (100, 10), False, ("gone", "chat")),
        Row("b", None, (0, 0), False),
    ]
