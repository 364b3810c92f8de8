"""Figures are read at a glance, and nothing that is not nothing looks like nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.cli.figures import WIDTH, count, exact, figures_table, money, places


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "$0"),
        (1, "<$0.0001"),
        (99_999, "<$0.0001"),
        (-1, "-<$0.0001"),
        (100_000, "$0.0001"),
        (33_817_000, "$0.0338"),
        (1_234_567_890_123, "$1,234.5679"),
        (-2_500_000_000, "-$2.5000"),
    ],
)
def test_money_has_enough_digits(nano: int, shown: str) -> None:
    assert money(nano) == shown
    assert money(nano, estimated=True) == (f"~{shown}" if nano else shown)


def test_counts_have_thousands_and_estimates_a_mark() -> None:
    assert [count(0, estimated=True), count(1234567), count(1234, estimated=True)] == [
        "0",
        "1,234,567",
        "~1,234",
    ]


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=6))
def test_amounts_that_add_up_add_up_as_they_are_written(amounts: list[int]) -> None:
    decimals = places(amounts)
    assert 4 <= decimals <= 9
    shown = [Decimal(exact(nano, decimals).replace("$", "").replace(",", "")) for nano in amounts]
    assert sum(shown) * 10**9 == sum(amounts)


def test_places_are_no_more_than_it_takes() -> None:
    assert places([]) == places([5_000_000_000]) == 4
    assert places([10_000, 1_000_000_000]) == 5
    assert exact(-1_250_000_000, 4) == "-$1.2500"


def test_a_table_fits_and_its_first_column_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["2026-11-27", "claude-code" * 4, "claude-opus-4-5-20251101" * 3, "1,234", "$1.0000"]] * 2
    figures_table(
        ("DAY", "CLIENT", "MODEL", "REQUESTS", "COST"), [*rows, ["total", "", "", "2,468", "$2.0000"]], 3, 1
    )
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) == WIDTH
    assert lines[1].startswith("2026-11-27  claude-code") and lines[1].count("…") == 2
    assert set(lines[3]) == {"-", " "} and lines[4].split() == ["total", "-", "-", "2,468", "$2.0000"]
    assert lines[0].endswith("    COST") and len(lines[1]) == len(lines[4])


def test_a_narrow_table_is_as_wide_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    figures_table(("A", "N"), [["x\x1b[2J", "1"], ["y", "10"]], 1)
    assert capsys.readouterr().out == "A       N\nx?[2J   1\ny      10\n"


def test_numbers_are_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    figures_table(("A", "B", "N"), [["a" * 80, "b" * 80, "1" * 80]], 2)
    assert capsys.readouterr().out.splitlines()[1] == f"{'a' * 80}  {'b' * 7}…  {'1' * 80}"
