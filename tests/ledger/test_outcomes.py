"""How requests ended by hour and what they cost by day: what the turns themselves come to."""

from collections import Counter
from pathlib import Path

from fakes import FakeClock
from ledger_samples import Failures
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.outcomes import by_day, by_hour, first_hour
from usage_stage import DAY_US, HOUR_US, filled

_KINDS = {"ok": 0, "cancelled": 1}


def test_hours_and_days_are_what_the_turns_come_to(tmp_path: Path) -> None:
    hours: Counter[tuple[int, str, int]] = Counter()
    cost: Counter[int] = Counter()
    worth: Counter[int] = Counter()
    with filled(tmp_path, 600) as full:
        for each in full.turns:
            at_us = each.intent.at_us
            hours[at_us // HOUR_US, each.named("provider"), _KINDS.get(each.end.outcome, 2)] += 1
            cost[at_us // DAY_US] += each.end.cost_nano or 0
            worth[at_us // DAY_US] += each.lines.get("route", 0)
        found, days = by_hour(full.store, 0), by_day(full.store, 0)
        last = found[-1].hour
        assert by_hour(full.store, last) == [each for each in found if each.hour == last]
        assert by_day(full.store, days[-1].day) == days[-1:]
        assert first_hour(full.store) == found[0].hour == min(hour for hour, _, _ in hours)
    told = {
        (each.hour, each.provider, kind): count
        for each in found
        for kind, count in enumerate((each.ok, each.cancelled, each.failed))
        if count
    }
    assert told == hours
    assert {each.day: each.cost_nano for each in days if each.cost_nano} == +cost
    assert {each.day: each.equivalent_nano for each in days if each.equivalent_nano} == +worth
    assert any(each.avoided_nano for each in days)


def test_of_nothing_there_is_nothing(tmp_path: Path) -> None:
    with offline(tmp_path, FakeClock(), Failures()) as store:
        assert (by_hour(store, 0), by_day(store, 0), first_hour(store)) == ([], [], None)
