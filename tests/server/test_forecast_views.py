"""What is expected of each budget goes by what its own key, client or provider spent."""

from pathlib import Path

from fakes import FakeClock
from ledger_samples import Failures, intent, settlement
from llm_gateway.config.settings import Limit
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.money import NANO
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.records import Record
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.store import Store
from llm_gateway.pipeline.limits import Scope, Standing
from llm_gateway.server.forecast_views import forecast_views, spends_of, standing_of

HOUR_US = 3_600_000_000
NOON = 1_700_049_600_000_000  # 2023-11-15 12:00, a Wednesday
RESETS = NOON + 12 * HOUR_US


def spend(store: Store, days: int) -> None:
    """Spend a dollar every hour: codex at openai in the even ones, aider at mistral in the odd ones."""
    clock = FakeClock(NOON - days * 24 * HOUR_US)
    ids = Ids(clock)
    records: list[Record] = []
    while clock.now < NOON:
        even = clock.now // HOUR_US % 2 == 0
        client, provider = ("codex", "openai") if even else ("aider", "mistral")
        turn_id = ids.new()
        records += [
            intent(turn_id, at_us=clock.now, client=client, provider=provider, key_id="key_1"),
            settlement(turn_id, provider=provider, model="m", cost_nano=NANO),
        ]
        clock.now += HOUR_US
    store.apply(merge(records), 1)


def standing(scope: Scope, used: int, limit: str = "usd_per_day", most: int = 18) -> Standing:
    return Standing(scope, limit, most * NANO, used * NANO, RESETS, 0.8)


def test_each_scope_goes_by_its_own_spends(tmp_path: Path) -> None:
    with offline(tmp_path, FakeClock(NOON), Failures()) as store:
        spend(store, 9)
        scopes: list[Scope] = [("global", ""), ("key", "key_1"), ("client", "codex"), ("provider", "mistral")]
        spends = spends_of(store, [*scopes, ("client", "nobody")], NOON)
        assert [sum(spends[scope].values()) // NANO for scope in scopes] == [216, 216, 108, 108]
        assert spends["client", "nobody"] == {}
        limits = [standing(scope, used) for scope, used in zip(scopes, (12, 12, 6, 6), strict=True)]
        found = forecast_views(store, [*limits, standing(("global", ""), 3, "requests_per_minute")], NOON)
    assert [(view.scope, view.name) for view in found] == [
        ("global", ""),
        ("key", "key_1"),
        ("client", "codex"),
        ("provider", "mistral"),
    ], "the one that will be used most is first, and requests are no money"
    first, last = found[0], found[-1]
    assert (first.projected_usd, first.projected_share, first.per_day_usd) == (24.0, 1.3333, 24.0)
    assert first.reached_at == "2023-11-15T18:00:00.000Z" and first.ends_at == "2023-11-16T00:00:00.000Z"
    assert first.method == "as on average over the last 7 days" and first.history_days == 8
    assert (last.projected_usd, last.reached_at) == (12.0, None)


def test_limits_stand_by_the_ledger_where_no_gateway_counts(tmp_path: Path) -> None:
    limits = [
        Limit("global", usd_per_day=18.0, usd_per_month=900.0, parallel=2),
        Limit("client", "codex", usd_per_week=90.0),
    ]
    with offline(tmp_path, FakeClock(NOON), Failures()) as store:
        spend(store, 9)
        found = standing_of(store, limits, FakeClock(NOON))
    told = {(each.scope[0], each.limit): each.used // NANO for each in found if each.limit.startswith("usd")}
    assert told == {
        ("global", "usd_per_day"): 12,
        ("global", "usd_per_month"): 216,
        ("client", "usd_per_week"): 30,
    }


def test_weeks_are_gone_by_once_there_are_two(tmp_path: Path) -> None:
    with offline(tmp_path, FakeClock(NOON), Failures()) as store:
        spend(store, 15)
        (found,) = forecast_views(store, [standing(("global", ""), 12)], NOON)
    assert found.method == "as on the same weekdays of the last 2 weeks, on average"


def test_too_little_is_said_to_be(tmp_path: Path) -> None:
    with offline(tmp_path, FakeClock(NOON), Failures()) as store:
        spend(store, 2)
        (found,) = forecast_views(store, [standing(("global", ""), 0, most=0)], NOON)
        assert forecast_views(store, [], NOON) == []
    assert found.method == "not enough history: 1 whole days, 3 are needed"
    assert (found.projected_usd, found.projected_share, found.per_day_usd) == (None, None, None)
    assert found.share == 1.0 and found.reached_at == "2023-11-15T12:00:00.000Z"
