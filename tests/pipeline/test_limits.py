"""Room is held for all of a request's scopes or for none, and never twice."""

import math
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.errors import BudgetReached, Forbidden, LimitReached
from llm_gateway.ledger.money import NANO, nano
from llm_gateway.pipeline.limits import Bounds, Claim, Hold, Limits, Scope
from llm_gateway.pipeline.windows import PERIODS

SECOND = 1_000_000
NOON = 1_795_694_400 * SECOND  # a Thursday, 12:00 UTC
KEY: Scope = ("key", "k1")
OTHER: Scope = ("key", "k2")
ALL: Scope = ("global", "")
NOTHING = Claim()
NAMES = ("openai/gpt-5.5",)


def limits(**bounds: Bounds) -> Limits:
    made = Limits()
    scopes: dict[str, Scope] = {"key": KEY, "other": OTHER, "all": ALL}
    made.configure({scopes[name]: each for name, each in bounds.items()})
    return made


def hold(
    made: Limits, *, scopes: tuple[Scope, ...] = (KEY,), claim: Claim = NOTHING, now: int = NOON
) -> Hold:
    return made.hold(made.bounded(scopes), claim, NAMES, now)


def test_without_limits_nothing_is_counted() -> None:
    made = limits()
    assert made.bounded((ALL, KEY)) == ()
    assert hold(made).scopes == ()


def test_requests_per_minute() -> None:
    made = limits(key=Bounds(requests_per_minute=2))
    hold(made)
    hold(made, now=NOON + 10 * SECOND)
    with pytest.raises(LimitReached, match="2 requests per minute: 2 are used") as caught:
        hold(made, now=NOON + 20 * SECOND)
    assert caught.value.retry_after == 40
    hold(made, now=NOON + 60 * SECOND)


def test_tokens_per_minute_are_corrected_by_what_was_used() -> None:
    made = limits(key=Bounds(tokens_per_minute=100))
    first = hold(made, claim=Claim(tokens=80))
    with pytest.raises(LimitReached):
        hold(made, claim=Claim(tokens=30))
    made.settle(first, 20, 0, NOON + SECOND)
    hold(made, claim=Claim(tokens=80), now=NOON + SECOND)


def test_a_request_that_is_over_a_limit_by_itself_need_not_come_again() -> None:
    made = limits(key=Bounds(tokens_per_minute=100))
    with pytest.raises(LimitReached, match="more than the limit by itself") as caught:
        hold(made, claim=Claim(tokens=101))
    assert caught.value.retry_after is None


def test_who_has_reached_several_limits_is_told_when_all_have_room() -> None:
    made = limits(key=Bounds(requests_per_minute=1, per_day=NANO), all=Bounds(parallel=1))
    both = (ALL, KEY)
    made.remember("day", {KEY: NANO}, NOON)
    hold(made, scopes=both)
    with pytest.raises(LimitReached, match="1 requests per minute") as minute:
        hold(made, scopes=both)
    assert minute.value.retry_after == 60, "not the second after which one that runs may have ended"
    with pytest.raises(BudgetReached) as day:
        hold(made, scopes=both, claim=Claim(nano=1))
    assert day.value.retry_after == 12 * 3600


def test_what_reaches_a_limit_is_told_without_being_held() -> None:
    made = limits(key=Bounds(requests_per_minute=1, tokens_per_minute=100))
    assert made.reached(KEY, Claim(tokens=100), NOON) is None
    hold(made, claim=Claim(tokens=100))
    reached = made.reached(KEY, Claim(), NOON + SECOND)
    assert reached is not None and reached.wait == 59
    told = "this key has reached its limit of 1 requests per minute: 1 are used and this one needs 1"
    assert reached.told == told
    never = made.reached(KEY, Claim(tokens=101), NOON + SECOND)
    assert never is not None and never.wait == math.inf
    assert made.reached(OTHER, Claim(tokens=101), NOON) is None


def test_requests_at_a_time() -> None:
    made = limits(key=Bounds(parallel=1))
    first = hold(made)
    with pytest.raises(LimitReached, match="1 requests at a time: 1 run now"):
        hold(made)
    made.settle(first, 0, 0, NOON)
    hold(made)


def test_money_is_held_until_it_is_known() -> None:
    made = limits(key=Bounds(per_day=10 * NANO))
    first = hold(made, claim=Claim(nano=6 * NANO))
    with pytest.raises(
        BudgetReached, match=r"has no room now under its limit of \$10\.0000 per day"
    ) as caught:
        hold(made, claim=Claim(nano=5 * NANO))
    assert caught.value.retry_after == 1, "it is not spent: room comes back when the other one ends"
    made.settle(first, 0, 1 * NANO, NOON)
    second = hold(made, claim=Claim(nano=9 * NANO))
    made.settle(second, 0, 9 * NANO, NOON)
    with pytest.raises(BudgetReached, match=r"has reached its limit of \$10\.0000 per day") as spent:
        hold(made, claim=Claim(nano=1))
    assert spent.value.retry_after == 12 * 3600


def test_what_costs_more_than_a_whole_budget_need_not_come_again() -> None:
    made = limits(key=Bounds(per_day=10 * NANO))
    with pytest.raises(BudgetReached, match="it is more than the limit by itself") as caught:
        hold(made, claim=Claim(nano=11 * NANO))
    assert caught.value.retry_after is None


def test_a_new_day_begins_empty_but_what_still_runs_is_held() -> None:
    made = limits(key=Bounds(per_day=10 * NANO))
    runs = hold(made, claim=Claim(nano=4 * NANO))
    tomorrow = NOON + 12 * 3600 * SECOND
    with pytest.raises(BudgetReached):
        hold(made, claim=Claim(nano=7 * NANO), now=tomorrow)
    made.settle(runs, 0, 4 * NANO, tomorrow)
    hold(made, claim=Claim(nano=10 * NANO), now=tomorrow)


def test_what_the_ledger_remembers_counts() -> None:
    made = limits(key=Bounds(per_month=10 * NANO))
    made.remember("month", {KEY: nano(Decimal("9.5"))}, NOON)
    with pytest.raises(BudgetReached):
        hold(made, claim=Claim(nano=NANO))


def test_what_costs_nothing_passes_a_spent_budget() -> None:
    made = limits(key=Bounds(per_day=NANO))
    made.remember("day", {KEY: 2 * NANO}, NOON)
    hold(made, claim=Claim(tokens=5))


def test_one_key_at_its_limit_leaves_the_other_alone() -> None:
    made = limits(key=Bounds(requests_per_minute=1), other=Bounds(requests_per_minute=1))
    hold(made)
    with pytest.raises(LimitReached):
        hold(made)
    hold(made, scopes=(OTHER,))


def test_a_limit_that_is_reached_takes_no_room_elsewhere() -> None:
    made = limits(all=Bounds(requests_per_minute=5), key=Bounds(requests_per_minute=1))
    hold(made, scopes=(ALL, KEY))
    with pytest.raises(LimitReached):
        hold(made, scopes=(ALL, KEY))
    used = {(each.scope, each.limit): each.used for each in made.standing(NOON)}
    assert used[ALL, "requests_per_minute"] == 1


def test_models_that_are_not_allowed() -> None:
    made = limits(key=Bounds(models=("openai/*mini*", "fast")))
    with pytest.raises(Forbidden, match=r"may ask for openai/\*mini\*, fast"):
        hold(made)
    made.hold((KEY,), Claim(), ("fast", "openai/gpt-5.5"), NOON)


def test_of_two_bounds_the_stricter_holds_limit_by_limit() -> None:
    one = Bounds(10, 500, None, per_day=5, per_week=8, models=("openai/*",), warn_at=0.5)
    other = Bounds(20, 400, 3, per_day=0, models=("*mini",))
    assert one.within(other) == Bounds(
        10, 400, 3, per_day=0, per_week=8, models=("openai/*",), also=("*mini",), warn_at=0.5
    )
    assert one.within(Bounds()) == one
    assert Bounds(warn_at=0.5).within(other) == msgspec.structs.replace(other, warn_at=0.5)


def test_a_model_has_to_be_allowed_by_both() -> None:
    made = limits(key=Bounds(models=("openai/*",), also=("*mini", "fast")))
    made.hold((KEY,), NOTHING, ("openai/mini",), NOON)
    for name, told in (("openai/large", r"\*mini, fast"), ("ollama/mini", r"openai/\*")):
        with pytest.raises(Forbidden, match=told):
            made.hold((KEY,), NOTHING, (name,), NOON)


def test_a_scope_without_money_is_asked_about_when_it_gets_a_limit_of_it() -> None:
    made = limits(key=Bounds(parallel=1), all=Bounds(per_day=NANO))
    for period in PERIODS:
        made.remember(period, {ALL: 5, KEY: 7}, NOON)
    assert made.unremembered() == []
    made.configure({KEY: Bounds(per_day=NANO), ALL: Bounds(per_day=NANO)})
    assert made.unremembered() == [KEY]


def test_much_of_a_limit_is_warned_of() -> None:
    made = limits(key=Bounds(per_day=10 * NANO, warn_at=0.5))
    assert hold(made, claim=Claim(nano=4 * NANO)).warned == ()
    (warned,) = hold(made, claim=Claim(nano=4 * NANO)).warned
    assert (warned.scope, warned.limit, warned.share) == (KEY, "usd_per_day", 0.8)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1), st.booleans()), min_size=1, max_size=200),
    st.integers(1, 400),
)
def test_many_at_once_never_spend_more_than_there_is(asked: list[tuple[int, float, bool]], most: int) -> None:
    made = limits(key=Bounds(per_day=most))
    running: list[tuple[Hold, int]] = []
    spent = 0
    for bound, share, ends in asked:
        try:
            running.append((hold(made, claim=Claim(nano=bound)), round(bound * share)))
        except BudgetReached:
            pass
        if ends and running:
            held, used = running.pop(0)
            made.settle(held, 0, used, NOON)
            spent += used
        assert spent + sum(each.claim.nano for each, _ in running) <= most
    for held, used in running:
        made.settle(held, 0, used, NOON)
        spent += used
    (standing,) = made.standing(NOON)
    assert standing.used == spent <= most
