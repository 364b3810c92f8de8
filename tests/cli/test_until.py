"""When something ends: what may be said, and what is no time."""

from datetime import UTC, datetime

import pytest

from llm_gateway.cli.output import USAGE, Stop
from llm_gateway.cli.until import shown_until, until_us

NOW = 1_800_000_000_000_000


def test_hours_count_from_now_on() -> None:
    assert until_us(None, 1.5, NOW) - NOW == 5_400_000_000
    assert until_us(None, None, NOW) == 0


def test_a_time_without_an_offset_is_this_machines_own() -> None:
    here = datetime(2027, 3, 1, 18, 0).astimezone()
    assert until_us("2027-03-01T18:00", None, NOW) == here.timestamp() * 1e6
    there = datetime(2027, 3, 1, 17, 0, tzinfo=UTC)
    assert until_us("2027-03-01T18:00+01:00", None, NOW) == there.timestamp() * 1e6


@pytest.mark.parametrize(
    ("until", "hours", "why"),
    [
        ("2027-03-01", 1.0, "one of them is enough"),
        ("tomorrow", None, "is no day and time, such as 2027-01-31T18:00"),
        ("2026-01-01", None, "is over already"),
        ("0001-01-01", None, "is "),
        (None, 0.0, "more than 0"),
        (None, -1.0, "more than 0"),
        (None, float("nan"), "more than 0"),
        (None, 1e9, "at most 8784"),
    ],
)
def test_what_is_no_end_is_said(until: str | None, hours: float | None, why: str) -> None:
    with pytest.raises(Stop, match=why) as stopped:
        until_us(until, hours, NOW)
    assert stopped.value.code == USAGE


def test_people_read_it_in_utc() -> None:
    assert shown_until(NOW) == "2027-01-15 08:00:00 UTC"
    assert shown_until(0) == ""
