"""llm's tables, of now and of before: answers, and how the plug-in that asked counts its input."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.llm import llm
from llm_gateway.clients.logs.reading import Log, Read


def put(path: Path, key: str, details: object = None, table: str = "turns", answer: str = "{}") -> None:
    session = "thread_id" if table == "turns" else "conversation_id"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            f"CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY, {session} TEXT, model TEXT,"
            " datetime_utc TEXT, input_tokens INTEGER, output_tokens INTEGER, token_details TEXT,"
            " response_json TEXT)"
        )
        told = json.dumps(details) if details else None
        row = (key, "s", "alias", "2026-11-20T08:00:00.000000+00:00", 40, 12, told, answer)
        database.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def read(path: Path) -> Read:
    return llm(Log(path, "llm", "m", 5), "")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs.db"


@pytest.mark.parametrize(
    ("details", "usage"),
    [
        (None, Usage(40, output=12)),
        ({"prompt_tokens_details": {"cached_tokens": 8}}, Usage(32, 8, 0, 12)),
        ({"completion_tokens_details": {"reasoning_tokens": 5}}, Usage(40, 0, 0, 12, 5)),
        ({"input_tokens_details": {"cached_tokens": 8}}, Usage(32, 8, 0, 12)),
        ({"output_tokens_details": {"reasoning_tokens": 5}}, Usage(40, 0, 0, 12, 5)),
        ({"prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2}}, Usage(30, 8, 2, 12)),
        ({"cache_read_input_tokens": 800, "cache_creation_input_tokens": 3}, Usage(40, 800, 3, 12)),
        (
            {
                "cache_read_input_tokens": 800,
                "cache_creation_input_tokens": 3,
                "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2},
            },
            Usage(40, 800, 3, 12, cache_write_1h=2),
        ),
        ({"cachedContentTokenCount": 8, "thoughtsTokenCount": 5}, Usage(32, 8, 0, 17, 5)),
    ],
)
def test_an_answer(log: Path, details: object, usage: Usage) -> None:
    put(log, "a", details, answer='{"id": "chatcmpl-1", "model": "gpt-5.5", "content": "said"}')
    (answer,) = read(log).sightings
    assert answer.usage == usage
    assert (answer.mark, answer.session, answer.model) == ("a", "s", "gpt-5.5")
    assert (answer.answer_id, answer.at_us) == ("chatcmpl-1", 1_795_161_600_000_000)


@pytest.mark.parametrize("answer", ["", "{", "[]", "null", '{"id": {"said": "x"}}'])
def test_an_answer_whose_own_words_are_no_json(log: Path, answer: str) -> None:
    put(log, "a", answer=answer)
    told = read(log)
    assert [(each.mark, each.model) for each in told.sightings] == [("a", "alias")]
    assert told.problems == ()


def test_both_tables_are_read_and_an_answer_in_both_is_one(log: Path) -> None:
    put(log, "a", table="responses")
    put(log, "b", table="responses")
    put(log, "b")
    put(log, "c")
    assert {each.mark for each in read(log).sightings} == {"a", "b", "c"}
