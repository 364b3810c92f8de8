"""Parts of a time: as wide as it is long, each where the one before it ends."""

import pytest

from ledger_samples import NOON
from llm_gateway.ledger.buckets import Width, begin_of, number_of, slot_us, width_for
from llm_gateway.ledger.spans import DAY_US, HOUR_US

WIDTHS = (
    Width("minute"),
    Width("minute", 5),
    Width("hour"),
    Width("hour", 3),
    Width("day"),
    Width("week"),
    Width("month"),
)


@pytest.mark.parametrize(
    ("length_us", "width", "parts"),
    [
        (HOUR_US, Width("minute"), 60),
        (2 * HOUR_US, Width("minute", 2), 60),
        (6 * HOUR_US, Width("minute", 5), 72),
        (DAY_US, Width("hour"), 24),
        (7 * DAY_US, Width("hour", 3), 56),
        (90 * DAY_US, Width("day"), 90),
        (365 * DAY_US, Width("week"), 52),
        (2000 * DAY_US, Width("month"), 65),
    ],
)
def test_there_are_about_sixty_parts(length_us: int, width: Width, parts: int) -> None:
    assert width_for(length_us) == width
    last, first = (number_of(width, at_us) for at_us in (NOON + length_us, NOON))
    assert abs(last - first - parts) <= 1


def test_there_are_no_minutes_where_they_are_not_wanted() -> None:
    assert width_for(HOUR_US, minutes=False) == Width("hour")


@pytest.mark.parametrize("width", WIDTHS)
def test_each_begins_where_the_one_before_it_ends(width: Width) -> None:
    for at_us in range(NOON, NOON + 70 * DAY_US, 7 * HOUR_US + 1):
        number = number_of(width, at_us)
        assert begin_of(width, number) <= at_us < begin_of(width, number + 1)
        assert number_of(width, begin_of(width, number)) == number


def test_turns_are_told_apart_by_hours_or_by_less() -> None:
    assert slot_us(Width("minute", 2)) == 120_000_000
    assert slot_us(Width("week")) == HOUR_US
    assert [each.widest for each in WIDTHS] == ["hour", "hour", "hour", "hour", "day", "day", "month"]
