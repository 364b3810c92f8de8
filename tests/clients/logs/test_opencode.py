"""opencode's table: answers when they are finished, how reasoning was counted, calls of the program's own."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clients.logs.written import LOGS
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.opencode import opencode
from llm_gateway.clients.logs.reading import Log, Read

(WRITTEN,) = (each for each in LOGS if each.reader == "opencode")
TOKENS = {"input": 32, "output": 7, "reasoning": 5, "cache": {"read": 8, "write": 4}, "total": 56}


def put(path: Path, key: str, session: str = "s", parent: str | None = None, **more: object) -> None:
    data = {"role": "assistant", "tokens": TOKENS, "time": {"created": 1795161600000, "completed": 1}, **more}
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT OR IGNORE INTO session VALUES (?, ?, '', '1.18.33')", (session, parent))
        database.execute(
            "INSERT OR REPLACE INTO message VALUES (?, ?, 1, 1, ?)", (key, session, json.dumps(data))
        )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "opencode.db"
    WRITTEN.write(path, [])
    return path


def read(log: Path, state: str = "") -> Read:
    return opencode(Log(log, "opencode", "m", 5), state)


@pytest.mark.parametrize(
    ("tokens", "usage"),
    [
        (TOKENS, Usage(32, 8, 4, 12, 5)),
        ({**TOKENS, "total": None}, Usage(32, 8, 4, 12, 5)),
        ({**TOKENS, "output": 12}, Usage(32, 8, 4, 12, 5)),
        ({"input": 32}, Usage(32)),
        ({}, Usage()),
    ],
)
def test_an_answer(log: Path, tokens: object, usage: Usage) -> None:
    put(log, "a", tokens=tokens, modelID="m", providerID="anthropic")
    (answer,) = read(log).sightings
    assert answer.usage == usage
    assert (answer.mark, answer.session, answer.version) == ("a", "s", "1.18.33")
    assert (answer.model, answer.asked, answer.at_us) == ("m", "anthropic", 1_795_161_600_000_000)


def test_an_answer_is_told_when_it_is_finished(log: Path) -> None:
    put(log, "a", time={"created": 1795161600000}, tokens={"input": 0})
    put(log, "b")
    first = read(log)
    assert [each.mark for each in first.sightings] == ["b"]
    put(log, "a")
    assert {each.mark for each in read(log, first.state).sightings} >= {"a"}


def test_what_is_no_answer_is_none(log: Path) -> None:
    put(log, "a", role="user")
    put(log, "b", tokens=None)
    put(log, "c", error={"name": "APIError"}, tokens={"input": 0, "output": 0})
    assert read(log) == Read([], read(log).state)


def test_calls_of_the_programs_own(log: Path) -> None:
    put(log, "a", agent="build")
    put(log, "b", agent="title")
    put(log, "c", agent="compaction")
    put(log, "d", "child", "s", agent="general")
    assert [each.label for each in read(log).sightings] == ["", "title", "compaction", "sub-agent"]


def test_rows_that_are_no_json_and_giants_are_passed_over(log: Path) -> None:
    with closing(sqlite3.connect(log)) as database, database:
        database.execute("INSERT INTO message VALUES ('x', 's', 1, 1, '{')")
        database.execute("INSERT INTO message VALUES ('y', 's', 1, 1, x'00')")
        database.execute("INSERT INTO message VALUES ('z', 's', 1, 1, ?)", ("x" * 5_000_000,))
    put(log, "a")
    told = read(log)
    assert [each.mark for each in told.sightings] == ["a"]
    assert told.problems == ("rows of a form that is not known: 2",)
