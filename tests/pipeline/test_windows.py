"""The last minute to the second, and the calendar in UTC."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.pipeline.windows import PERIODS, Minute, Period, span

SECOND = 1_000_000


def us(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[misc, arg-type]  # a date's parts


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("day", us(2026, 11, 26), us(2026, 11, 27)),
        ("week", us(2026, 11, 23), us(2026, 11, 30)),
        ("month", us(2026, 11, 1), us(2026, 12, 1)),
    ],
)
def test_a_span_begins_and_ends_with_the_calendar(period: Period, start: int, end: int) -> None:
    now = us(2026, 11, 26, 21, 30)
    assert (span(period, now).start, span(period, now).end) == (start, end)


@pytest.mark.parametrize("now", [us(2024, 2, 29, 23, 59, 59), us(2026, 12, 31, 12), us(2027, 1, 1)])
@pytest.mark.parametrize("period", PERIODS)
def test_spans_follow_one_another_without_a_gap(period: Period, now: int) -> None:
    this = span(period, now)
    assert this.start <= now < this.end
    assert span(period, this.end).start == this.end
    assert span(period, this.end - 1) == this


def test_a_minute_forgets_what_is_older() -> None:
    minute = Minute()
    minute.add(5, 10 * SECOND)
    minute.add(7, 30 * SECOND)
    assert minute.at(69 * SECOND) == 12
    assert minute.at(70 * SECOND) == 7
    assert minute.at(90 * SECOND) == 0


def test_there_is_room_when_enough_of_it_is_forgotten() -> None:
    minute = Minute()
    minute.add(5, 10 * SECOND)
    minute.add(5, 20 * SECOND)
    assert minute.room_in(1, 11, 30 * SECOND) == 0
    assert minute.room_in(2, 11, 30 * SECOND) == 40  # at 70 s the first five are gone
    assert minute.room_in(7, 11, 30 * SECOND) == 50
    assert minute.room_in(12, 11, 30 * SECOND) == -1


def test_a_clock_that_is_set_back_makes_no_room() -> None:
    minute = Minute()
    minute.add(5, 100 * SECOND)
    minute.add(5, 40 * SECOND)
    assert minute.at(41 * SECOND) == 10
    assert minute.at(159 * SECOND) == 10


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30 * SECOND)), max_size=40), st.integers(1, 40))
def test_within_any_minute_no_more_than_the_limit_is_let_in(asked: list[tuple[int, int]], limit: int) -> None:
    minute, now = Minute(), 0
    let_in: list[tuple[int, int]] = []
    for amount, later in asked:
        now += later
        wait = minute.room_in(amount, limit, now)
        if wait == 0:
            minute.add(amount, now)
            let_in.append((now // SECOND, amount))
        elif wait > 0:  # what is said of the future is true, if nobody else comes before
            assert minute.room_in(amount, limit, now + round(wait * SECOND)) == 0
            break
    for second, _ in let_in:
        assert sum(amount for at, amount in let_in if second <= at < second + 60) <= limit
