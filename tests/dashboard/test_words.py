"""Numbers, amounts and times as the pages say them."""

import pytest

from llm_gateway.dashboard.words import (
    as_json,
    change,
    count,
    day,
    lasting,
    ms,
    percent,
    short,
    size,
    usd,
    utc,
)


@pytest.mark.parametrize(
    "number, expected",
    [(None, "\u2013"), (0, "0"), (10_648, "10,648"), (1.5, "1.5"), (2.0, "2"), (1234.56789, "1,234.568")],
)
def test_a_count_is_in_full(number: float | None, expected: str) -> None:
    assert count(number) == expected


@pytest.mark.parametrize(
    "number, expected",
    [
        (None, "\u2013"),
        (9_999, "9,999"),
        (10_000, "10.0 k"),
        (999_949, "999.9 k"),
        (1_000_000, "1.0 M"),
        (123_800_000, "123.8 M"),
        (5_380_000_000, "5.4 G"),
        (2_000_000_000_000, "2.0 T"),
        (-20_000, "-20.0 k"),
    ],
)
def test_a_large_number_is_short(number: float | None, expected: str) -> None:
    assert short(number) == expected


@pytest.mark.parametrize(
    "amount, expected",
    [
        (None, "\u2013"),
        (0, "$0.00"),
        (563.576, "$563.58"),
        (1234.5, "$1,234.50"),
        (0.0341, "$0.0341"),
        (0.000012, "$0.000012"),
        (0.0000000001, "<$0.000001"),
        (-2.5, "-$2.50"),
    ],
)
def test_dollars_have_the_digits_that_say_something(amount: float | None, expected: str) -> None:
    assert usd(amount) == expected


@pytest.mark.parametrize(
    "amount, expected",
    [
        (None, "\u2013"),
        (0.42, "0.4 ms"),
        (2913.4, "2,913 ms"),
        (14_168.0, "14.2 s"),
        (180_000.0, "3.0 min"),
    ],
)
def test_a_time_has_the_unit_that_fits(amount: float | None, expected: str) -> None:
    assert ms(amount) == expected


@pytest.mark.parametrize(
    "amount, expected", [(None, "\u2013"), (999, "999 B"), (1000, "1.0 KB"), (64_500_000, "64.5 MB")]
)
def test_bytes_have_the_unit_that_fits(amount: float | None, expected: str) -> None:
    assert size(amount) == expected


def test_a_share_is_in_percent() -> None:
    assert (percent(0.979), percent(1, 0), percent(None)) == ("97.9 %", "100 %", "\u2013")


@pytest.mark.parametrize(
    "now, before, expected",
    [
        (120, 100, "+20.0 % against the time before"),
        (80, 100, "-20.0 % against the time before"),
        (100, 100, "as before"),
        (5, 0, "nothing to compare with"),
        (5, None, "nothing to compare with"),
    ],
)
def test_a_change_is_told_against_the_time_before(now: float, before: float | None, expected: str) -> None:
    assert change(now, before) == expected


def test_times_are_in_utc_and_say_so() -> None:
    assert utc("2026-11-27T01:02:03.456+02:00") == "2026-11-26 23:02:03 UTC"
    assert day("2026-11-27T01:02:03+02:00") == "2026-11-26"
    assert utc(None) == day("") == "\u2013"


@pytest.mark.parametrize(
    "seconds, expected",
    [
        (None, "\u2013"),
        (-5.0, "0 min"),
        (29.0, "0 min"),
        (120.0, "2 min"),
        (3599.0, "1 h"),
        (7800.0, "2 h 10 min"),
        (86_400.0, "1 d"),
        (273_600.0, "3 d 4 h"),
    ],
)
def test_how_long_something_takes_is_in_two_units(seconds: float | None, expected: str) -> None:
    assert lasting(seconds) == expected


def test_a_value_for_a_script_is_json() -> None:
    assert as_json({"a": [1, "<"]}) == '{"a":[1,"<"]}'
