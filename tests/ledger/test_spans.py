"""A time is taken apart into hours, days and months: each hour of it is in just one of them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.ledger.spans import EVER, HOURS_OF_A_DAY, Range, Span, day_of_month, month_of_day, spans

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOURS = st.integers(0, 200 * 24)


MONTHS = [day_of_month(month) * HOURS_OF_A_DAY for month in range(20)]


def hours_in(ranges: tuple[Range, ...], begins: list[int], last: int) -> list[int]:
    """Return the hours before the last one in ranges of what begins at these hours."""
    return [
        hour
        for since, until in ranges
        for each in range(since, min(until, len(begins) - 1))
        for hour in range(begins[each], min(begins[each + 1], last))
    ]


@given(HOURS, st.one_of(HOURS, st.just(EVER)), HOURS, st.sampled_from(["hour", "day", "month"]))
def test_every_hour_is_in_it_once(since: int, until: int, folded: int, widest: Span) -> None:
    parts = spans(since, until, folded, widest)
    last = 210 * HOURS_OF_A_DAY  # after everything
    hours = list(range(last + 2))
    days = [each * HOURS_OF_A_DAY for each in range(220)]
    # Days and months have nothing from `folded` on.
    found = hours_in((parts.hours, parts.later_hours), hours, last)
    found += hours_in((parts.days, parts.later_days), days, min(folded, last))
    found += hours_in((parts.months,), MONTHS, min(folded, last))
    assert sorted(found) == list(range(since, min(until, last)))


def test_a_long_time_is_mostly_months() -> None:
    since, until = (
        ((datetime(*at, tzinfo=UTC) - EPOCH).days * 24 + 5) for at in ((2025, 1, 30), (2026, 3, 2))
    )
    parts = spans(since, until, EVER - 1)
    assert parts.months == ((2025 - 1970) * 12 + 1, (2026 - 1970) * 12 + 2)
    assert [end - begin for begin, end in (parts.days, parts.later_days)] == [1, 1]
    assert [end - begin for begin, end in (parts.hours, parts.later_hours)] == [19, 5]


@given(st.integers(0, 2_000_000))
def test_months_and_days(day: int) -> None:
    month = month_of_day(day)
    assert day_of_month(month) <= day < day_of_month(month + 1)
    first = datetime.fromtimestamp(day_of_month(month) * 86_400, UTC)
    assert (first.day, (first.year - 1970) * 12 + first.month - 1) == (1, month)


@pytest.mark.parametrize("at", [datetime(2024, 2, 29, tzinfo=UTC), datetime(1999, 12, 31, tzinfo=UTC)])
def test_odd_days(at: datetime) -> None:
    assert month_of_day((at - EPOCH).days) == (at.year - 1970) * 12 + at.month - 1
