"""What is expected of a budget follows from what was spent, by arithmetic that anybody can do again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.ledger.money import NANO
from llm_gateway.pipeline.forecast import HISTORY_DAYS, HOURS_DAYS, LEAST_DAYS, Forecast, forecast
from llm_gateway.pipeline.limits import Standing

HOUR_US = 3_600_000_000
# A Wednesday, half past nine; its month has 30 days.
NOW = int(datetime(2026, 11, 25, 9, 30, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = NOW // HOUR_US
TODAY = HOUR // 24


def standing(limit: str, most: float, used: float) -> Standing:
    return Standing(("global", ""), limit, round(most * NANO), round(used * NANO))


def told(limit: Standing, spends: dict[int, int], now_us: int = NOW) -> Forecast:
    found = forecast(limit, spends, now_us)
    assert found is not None
    return found


def evenly(n_days: int, per_hour: int = NANO) -> dict[int, int]:
    """Return a dollar an hour for the last so many days and today so far."""
    return dict.fromkeys(range((TODAY - n_days) * 24, HOUR), per_hour)


def at(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%m-%d %H:%M")


def test_a_limit_that_is_not_of_money_has_no_forecast() -> None:
    assert forecast(standing("requests_per_minute", 1, 1), evenly(9), NOW) is None


@pytest.mark.parametrize("spends", [{}, evenly(LEAST_DAYS - 1), {HOUR: NANO}])
def test_it_says_nothing_without_enough_history(spends: dict[int, int]) -> None:
    found = told(standing("usd_per_day", 30, 9.5), spends)
    assert (found.method, found.per_day, found.projected, found.reached_us) == ("", None, None, 0)
    assert found.days < LEAST_DAYS
    assert told(standing("usd_per_day", 30, 30), spends).reached_us == NOW, "what is, is no forecast"


def test_what_was_long_ago_says_that_nothing_was_since() -> None:
    found = told(standing("usd_per_day", 30, 9.5), dict.fromkeys(range(9), NANO))
    assert (found.days, found.per_day, found.projected) == (HISTORY_DAYS, 0, round(9.5 * NANO))


def test_days_long_ago_may_be_told_in_one() -> None:
    by_hour = evenly(20)
    by_day = {hour: nano for hour, nano in by_hour.items() if hour >= (TODAY - HOURS_DAYS) * 24}
    by_day |= {(TODAY - day) * 24 + 23: 24 * NANO for day in range(HOURS_DAYS + 1, 21)}
    limit = standing("usd_per_month", 700, 585.5)
    found, whole = told(limit, by_day), told(limit, by_hour)
    assert found.days == whole.days - 1, "the first one may have begun late"
    assert (found.projected, found.reached_us, found.per_day) == (
        whole.projected,
        whole.reached_us,
        whole.per_day,
    )


def test_a_day_that_began_with_the_first_spend_is_not_whole() -> None:
    spends = dict.fromkeys(range((TODAY - LEAST_DAYS) * 24 + 1, HOUR), NANO)
    assert told(standing("usd_per_day", 30, 9.5), spends).days == LEAST_DAYS - 1


def test_an_even_spend_goes_on_evenly() -> None:
    found = told(standing("usd_per_day", 30, 9.5), evenly(5))
    assert (found.method, found.days, found.per_day) == ("days", 5, 24 * NANO)
    assert (found.projected, found.reached_us) == (24 * NANO, 0), "a dollar an hour until midnight"
    found = told(standing("usd_per_day", 12, 9.5), evenly(5))
    assert (found.projected, at(found.reached_us)) == (24 * NANO, "11-25 12:00")
    week = told(standing("usd_per_week", 100, 57.5), evenly(5))
    assert (week.projected, at(week.reached_us)) == (7 * 24 * NANO, "11-27 04:00"), "its week began on Monday"
    month = told(standing("usd_per_month", 700, 585.5), evenly(20))
    assert (month.method, month.projected, at(month.reached_us)) == ("weekdays", 720 * NANO, "11-30 04:00")


def test_weekends_are_known_once_two_weeks_are() -> None:
    """Weekdays cost 24 dollars and weekends nothing: a week has two more days to pay."""
    hours = range((TODAY - 14) * 24, HOUR)
    spends = {hour: NANO * ((hour // 24 + 3) % 7 < 5) for hour in hours}
    week = told(standing("usd_per_week", 1000, 57.5), spends)
    assert (week.method, week.projected) == ("weekdays", 5 * 24 * NANO)
    assert week.per_day == round(5 * 24 * NANO / 7)
    short = {hour: nano for hour, nano in spends.items() if hour >= (TODAY - 7) * 24}
    blind = told(standing("usd_per_week", 1000, 57.5), short)
    assert blind.method == "days" and (blind.projected or 0) > 5 * 24 * NANO, "it cannot know yet"


def test_hours_take_the_share_that_they_took() -> None:
    """All is spent from nine to ten: half an hour of it is left today."""
    spends = {(TODAY - day) * 24 + 9: 10 * NANO for day in range(1, 6)} | {(TODAY - 6) * 24: 0}
    found = told(standing("usd_per_day", 9, 5), spends)
    assert (found.projected, at(found.reached_us)) == (10 * NANO, "11-25 09:54")


def test_an_idle_history_projects_what_is_used() -> None:
    spends = {(TODAY - 20) * 24: NANO}
    found = told(standing("usd_per_day", 9, 5), spends)
    assert (found.method, found.per_day, found.projected, found.reached_us) == ("weekdays", 0, 5 * NANO, 0)


def test_no_more_than_four_weeks_are_looked_at() -> None:
    spends = evenly(HISTORY_DAYS) | dict.fromkeys(range((TODAY - 60) * 24, (TODAY - HISTORY_DAYS) * 24), 99)
    assert told(standing("usd_per_month", 1, 0), spends) == told(
        standing("usd_per_month", 1, 0), evenly(HISTORY_DAYS)
    )
    assert told(standing("usd_per_month", 1, 0), spends).days == HISTORY_DAYS


@given(
    st.dictionaries(st.integers(HOUR - 24 * 40, HOUR), st.integers(0, 10**12), max_size=60),
    st.integers(0, 10**12),
    st.integers(0, 10**13),
    st.integers(0, 60 * 24 * 3600),
)
def test_it_never_projects_less_than_is_used_nor_a_limit_that_is_not_reached(
    spends: dict[int, int], used: int, most: int, later_s: int
) -> None:
    now_us = NOW + later_s * 1_000_000
    for limit in ("usd_per_day", "usd_per_week", "usd_per_month"):
        found = told(Standing(("key", "k"), limit, most, used), spends, now_us)
        if found.projected is None:
            continue
        assert found.projected >= used
        if found.reached_us:
            assert found.reached_us >= now_us and found.projected >= most - 1
        else:
            assert found.projected <= most + 1
