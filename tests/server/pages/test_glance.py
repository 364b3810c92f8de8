"""What is drawn has every hour and every day, and a time is compared only with one that is on record."""

from pathlib import Path

import pytest

from llm_gateway.ledger.outcomes import DayMoney, HourOutcomes
from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.totals import totals
from llm_gateway.server.pages import glance
from usage_stage import DAY_US, HOUR_US, filled

KINDS = {"cache_never_read", "price_unknown", "no_reference"}
NOW = 480_000 * HOUR_US + 5


def test_every_hour_of_seven_days_is_there() -> None:
    found = glance.hour_views([HourOutcomes(480_000, "a", 1, 2, 3), HourOutcomes(480_000, "b", 1, 0, 0)], NOW)
    assert len(found) == 168
    assert found[-1] == glance.HourView("2024-10-04T00:00:00Z", 480_000 * 3600, 2, 2, 3)
    assert {(each.ok, each.cancelled, each.failed) for each in found[:-1]} == {(0, 0, 0)}


def test_every_day_of_thirty_is_there_and_yesterday_is_the_last_but_one() -> None:
    found = glance.day_views([DayMoney(19_999, 1_500_000_000, 2_000_000_000, -1)], NOW)
    assert len(found) == 30
    assert (found[-1].day, found[-2].day) == ("2024-10-04", "2024-10-03")
    assert (found[-2].paid_usd, found[-2].equivalent_usd) == (1.5, 2.0)
    assert found[-1].paid_usd == 0


@pytest.mark.parametrize(
    ("outcomes", "mark"),
    [((1, 0, 0), "ok"), ((19, 0, 1), "ok"), ((9, 0, 1), "some"), ((1, 0, 1), "failed"), ((0, 5, 0), "none")],
)
def test_an_hour_of_a_strip_is_what_most_came_to(outcomes: tuple[int, int, int], mark: str) -> None:
    found = glance.strip([HourOutcomes(480_000, "a", *outcomes), HourOutcomes(479_976, "a", 9, 9, 9)], NOW)
    assert list(found["a"].hours) == [*["none"] * 23, mark]
    assert (found["a"].ok, found["a"].cancelled, found["a"].failed) == outcomes


def test_a_share_of_nothing_is_none() -> None:
    found = glance.numbers_view(Sums(), None, "24h")
    assert (found.success_rate, found.removed_share, found.requests_before) == (None, None, None)
    shown = glance.numbers_view(Sums(uncached=75, removed=25), Sums(requests=2), "24h")
    assert (shown.removed_share, shown.requests_before) == (0.25, 2)


def test_the_figures_are_those_of_the_turns(tmp_path: Path) -> None:
    with filled(tmp_path, 400) as full:
        now_us = max(each.intent.at_us for each in full.turns) + 1
        assert glance.lately(full.store, now_us, 7 * 24) == totals(full.store, now_us - 7 * DAY_US).all.sums
        before = glance.before(full.store, now_us, 7 * 24)
        assert before == totals(full.store, now_us - 14 * DAY_US, now_us - 7 * DAY_US).all.sums
        # Of a time before the first turn nothing is known: then there is nothing to compare with.
        assert glance.before(full.store, now_us, 90 * 24) is None
        seen = glance.glance(full.store, now_us)
        day = totals(full.store, now_us - DAY_US)
        assert {name for name, _ in seen.by_client} == {each.name for each in day.by_client}
        assert sum(seen.by_client.values()) == day.all.requests
        assert len(glance.latest(full.store)) == glance.LATEST
        assert {each.kind for each in glance.counsel(full.store, now_us)} <= KINDS
