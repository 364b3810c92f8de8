"""The table as it lies in a file: which row is for a name, and which of its prices hold at a time."""

import hashlib
import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.ledger.price_table import (
    Clause,
    PriceRow,
    PriceTable,
    TableModel,
    TableProvider,
    changes_of,
    holding,
    holds,
    read_table,
    shipped_table,
    steps_of,
    table_of,
)
from llm_gateway.ledger.price_taking import written

DAY = 86_400_000_000
HOUR = DAY // 24


def at(time: str) -> int:
    return int(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()) * 1_000_000


def row(into: str, **more: str) -> PriceRow:
    return PriceRow({"input": Decimal(into)}, **more)  # type: ignore[arg-type]  # all of them texts here


def table(**providers: list[TableModel]) -> bytes:
    also = {"seller": ("vendor",)}
    return written(
        "mine",
        "1",
        [
            (
                TableProvider(name, rf"https://{name}\.example(/|$)", msgspec.Raw(b"[]"), also.get(name, ())),
                models,
            )
            for name, models in providers.items()
        ],
    )


def model(name: str, *prices: PriceRow, match: Clause | None = None) -> TableModel:
    return TableModel(name, match or Clause(equals=name), prices or (row("1"),))


def test_the_shipped_table_says_what_it_was_made_from() -> None:
    raw = files("llm_gateway.ledger").joinpath("prices.json").read_bytes()
    head = json.loads(raw)
    body = raw[raw.index(b'"providers":') + len(b'"providers":') : raw.rindex(b"}")]
    assert head["sha256"] == hashlib.sha256(body).hexdigest() == shipped_table().sha256
    assert (head["source"], head["version"]) == (shipped_table().source, shipped_table().version)
    assert head["checked"].startswith("litellm ") and shipped_table() is shipped_table()


def test_every_row_of_the_shipped_table_can_be_read() -> None:
    read = {name: shipped_table().models(name) for name in shipped_table().names}
    assert min(map(len, read.values())) > 0
    assert all(each.prices for models in read.values() for each in models)


def test_a_provider_is_known_by_its_address() -> None:
    found = read_table(table(vendor=[model("m")], seller=[model("n")]))
    assert [found.at(address) for address in ("https://seller.example/v1", "https://other", "")] == [
        "seller",
        "",
        "",
    ]
    assert found.names == ("vendor", "seller") and found.models("other") == ()


@pytest.mark.parametrize(
    ("clause", "name", "fits", "named"),
    [
        (Clause(equals="M-1"), "m-1", True, True),
        (Clause(equals="m-1"), "m-12", False, False),
        (Clause(starts_with="M"), "m-1", True, False),
        (Clause(ends_with="-1"), "m-1", True, False),
        (Clause(contains="-"), "m-1", True, False),
        (Clause(regex=r"^m-\d$"), "m-1", True, False),
        (Clause(regex=r"^m-\d$"), "m-12", False, False),
        (Clause(any_of=(Clause(equals="a"), Clause(equals="m-1"))), "m-1", True, True),
        (Clause(any_of=(Clause(equals="a"), Clause(starts_with="m"))), "m-1", True, False),
        (Clause(all_of=(Clause(starts_with="m"), Clause(contains="2"))), "m-1", False, False),
        (Clause(all_of=(Clause(starts_with="m"), Clause(contains="1"))), "m-1", True, False),
        (Clause(), "m-1", False, False),
    ],
)
def test_a_rule_is_for_names(clause: Clause, name: str, fits: bool, named: bool) -> None:
    assert (clause.fits(name), clause.names(name)) == (fits, named)


@pytest.mark.parametrize(
    ("provider", "asked", "whose", "which", "match"),
    [
        ("vendor", "M", "vendor", "m", "exact"),
        ("vendor", "big-1", "vendor", "big", "pattern"),
        ("vendor", "big", "vendor", "big", "exact"),
        ("seller", "m", "vendor", "m", "exact"),
        ("vendor", "dated-20261127", "vendor", "dated-2026-11-27", "exact"),
        ("vendor", "dated-20261327", "", "", ""),
        ("vendor", "n", "", "", ""),
        ("other", "m", "", "", ""),
    ],
)
def test_a_row_is_found_by_the_models_name(
    provider: str, asked: str, whose: str, which: str, match: str
) -> None:
    big = model("big", match=Clause(starts_with="big"))
    read = read_table(table(vendor=[model("m"), big, model("dated-2026-11-27")], seller=[model("n")]))
    found = read.find(provider, asked)
    told = (found.provider, found.model.id, found.match) if found is not None else ("", "", "")
    assert told == (whose, which, match)


ROWS = (
    row("1"),
    row("2", since="2026-03-01"),
    row("3", since="2026-05-01"),
    row("4", hours="22:30-01:00"),
    row("5", hours="06:00-10:00"),
)


@pytest.mark.parametrize(
    ("time", "into"),
    [
        ("2026-02-28T12:00", "1"),
        ("2026-03-01T12:00", "2"),
        ("2026-05-01T12:00", "3"),
        ("2026-05-01T22:29", "3"),
        ("2026-05-01T22:30", "4"),
        ("2026-05-01T00:59", "4"),
        ("2026-05-01T01:00", "3"),
        ("2026-02-01T06:00", "5"),
        ("2026-02-01T10:00", "1"),
    ],
)
def test_the_last_price_that_holds_counts(time: str, into: str) -> None:
    found = holding(ROWS, at(time))
    assert found is not None and found.rates["input"] == Decimal(into)


def test_before_all_of_them_the_first_one_counts_and_of_none_none() -> None:
    assert holding((row("1", since="2026-01-01"), row("2", since="2026-02-01")), 0) == row(
        "1", since="2026-01-01"
    )
    assert holding((), 0) is None


@given(st.integers(0, 900 * DAY // (HOUR // 6)))
def test_nothing_changes_within_what_is_said_to_stay(tenths: int) -> None:
    now = at("2025-12-01") + tenths * HOUR // 6
    begin, end = changes_of(ROWS, now)
    assert begin <= now < end
    held = holding(ROWS, now)
    assert all(holding(ROWS, moment) is held for moment in (max(begin, 0), min(end, at("2030-01-01")) - 1))
    assert end - begin <= DAY


def test_what_never_changes_stays() -> None:
    begin, end = changes_of((row("1"),), at("2026-11-27"))
    assert begin < 0 and end > at("9999-01-01") and holds(row("1"), 0)


def test_a_price_for_any_number_of_tokens_has_one_step() -> None:
    steps = ((0, Decimal(1)), (10, Decimal(2)))
    assert steps_of(Decimal(3)) == ((0, Decimal(3)),) and steps_of(steps) == steps


def test_a_home_may_have_a_table_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    assert table_of(tmp_path) is shipped_table()
    file.write_bytes(table(vendor=[model("m")]))
    own = table_of(tmp_path)
    assert (own.source, own.names) == ("mine", ("vendor",)) and table_of(tmp_path) is own
    file.write_bytes(table(vendor=[model("m")], seller=[model("n")]))
    os.utime(file, ns=(1, 1))
    assert table_of(tmp_path).names == ("vendor", "seller")
    file.write_bytes(b"{")
    assert table_of(tmp_path) is shipped_table()


@pytest.mark.parametrize("data", [b"", b"[]", b'{"source":"x"}', b"\xff"])
def test_what_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        read_table(data)


def test_a_table_keeps_no_state_of_another() -> None:
    one, other = (read_table(table(vendor=[model(name)])) for name in ("m", "n"))
    assert isinstance(one, PriceTable)
    assert one.find("vendor", "m") is not None and other.find("vendor", "m") is None
