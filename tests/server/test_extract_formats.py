"""What is written is read back by others' programs, and no cell is a formula."""

import csv
import io
import json
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.ledger.extracts import Column
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.store import Value
from llm_gateway.server.extract_formats import CONTENT_TYPES, FORMATS, Format, Writing, decimal_dollars

COLUMNS = (
    Column("client", "text"),
    Column("at", "time"),
    Column("tokens", "count"),
    Column("estimated", "flag"),
    Column("cost", "money"),
)
NAMES = ["client", "at", "at_us", "tokens", "estimated", "cost_usd", "cost_nano"]
ROWS: list[tuple[Value, ...]] = [
    ("codex", 1_700_000_000_000_000, 12, 0, 1_250_000),
    ('a "b", c\nd', 0, None, None, None),
    ("", None, 0, 1, -3),
]


def written(how: Format, *pages: Sequence[Sequence[Value]]) -> str:
    writing = Writing("export-x", COLUMNS, how)
    text = writing.begin() + b"".join(writing.rows(page) for page in pages) + writing.end()
    assert writing.count == sum(map(len, pages))
    return text.decode()


def test_csv_is_rfc_4180() -> None:
    text = written("csv", ROWS[:1], ROWS[1:])
    assert text == (
        "client,at,at_us,tokens,estimated,cost_usd,cost_nano\r\n"
        "codex,2023-11-14T22:13:20.000Z,1700000000000000,12,false,0.001250000,1250000\r\n"
        '"a ""b"", c\nd",1970-01-01T00:00:00.000Z,0,,,,\r\n'
        ",,,0,true,-0.000000003,-3\r\n"
    )
    assert list(csv.reader(io.StringIO(text, newline="")))[2][0] == 'a "b", c\nd'


def test_json_and_ndjson_say_the_same() -> None:
    whole = json.loads(written("json", ROWS[:2], [], ROWS[2:]))
    assert list(whole) == ["schema", "rows"] and whole["schema"] == "llm-gateway/export-x/v1"
    lines = [json.loads(line) for line in written("ndjson", ROWS[:2], [], ROWS[2:]).splitlines()]
    assert [{"schema": "llm-gateway/export-x/v1", **row} for row in whole["rows"]] == lines
    assert all(list(row) == NAMES for row in whole["rows"])
    assert whole["rows"][0]["cost_usd"] == "0.001250000" and whole["rows"][0]["cost_nano"] == 1_250_000
    assert whole["rows"][0]["estimated"] is False and whole["rows"][1]["cost_usd"] is None


@pytest.mark.parametrize("how", FORMATS)
def test_nothing_is_still_a_file(how: Format) -> None:
    text = written(how)
    assert CONTENT_TYPES[how]
    match how:
        case "csv":
            assert list(csv.reader(io.StringIO(text))) == [NAMES]
        case "json":
            assert json.loads(text)["rows"] == []
        case "ndjson":
            assert text == ""


@pytest.mark.parametrize("how", FORMATS)
def test_where_pages_end_does_not_show(how: Format) -> None:
    pages = {written(how, ROWS), written(how, ROWS[:1], ROWS[1:]), written(how, [], *([row] for row in ROWS))}
    assert len(pages) == 1


@given(st.text(max_size=20))
def test_no_text_is_a_formula_and_none_is_lost(text: str) -> None:
    row: tuple[Value, ...] = (text, 0, 1, 0, 1)
    (_, cells) = csv.reader(io.StringIO(written("csv", [row]), newline=""))
    assert not cells[0].startswith(
        ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
    )
    assert cells[0].removeprefix("'") == text.removeprefix("'")
    assert json.loads(written("ndjson", [row]))["client"] == text, "JSON needs no such care"


@given(st.integers(-(2**63), 2**63 - 1))
def test_dollars_are_exact(nano: int) -> None:
    assert Decimal(decimal_dollars(nano)) == dollars(nano)
