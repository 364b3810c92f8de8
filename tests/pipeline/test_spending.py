"""A request's size becomes what is held, its usage what is paid."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeClock
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.settings import ModelPrice
from llm_gateway.dialects.contract import Call, Path
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import BudgetReached, Forbidden, LimitReached
from llm_gateway.ledger.money import NANO
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.records import Attempt
from llm_gateway.ledger.spending import Spent
from llm_gateway.ledger.stated_prices import flat, stated_of
from llm_gateway.pipeline.counting import Estimate, Extents, Unlearned
from llm_gateway.pipeline.extent import Extent
from llm_gateway.pipeline.limits import Bounds, Scope
from llm_gateway.pipeline.plan import Plan, Step
from llm_gateway.pipeline.spending import Held, Load, Spending

KEY: Scope = ("key", "laptop")


BOOK = PriceBook({"paid/m": flat("1", "10")}, {}, {"local/*": "paid/m"})


def step(provider: str = "paid", model: str = "m") -> Step:
    return Step(provider, model, "chat", None, None, asks_usage=False, counts=True, headers=b"")


def plan(*steps: Step) -> Plan:
    return Plan("m", steps or (step(),))


def call(more: str = "") -> Call:
    body = b'{"model":"m"%b}' % more.encode()
    return DIALECTS["chat"].read_call(body, Path("chat/completions"))


def spending(**bounds: object) -> Spending:
    made = Spending(FakeClock())
    limits = {KEY: Bounds(**bounds)} if bounds else {}  # type: ignore[arg-type]  # fields by name
    made.use(BOOK, {"paid", "unknown"}, limits)
    return made


def hold(made: Spending, asked: Call | None = None, of: Plan | None = None) -> Held | None:
    return made.hold("laptop", "codex-cli", asked or call(), of or plan())


def test_without_a_limit_nothing_is_held() -> None:
    assert hold(spending()) is None


def test_what_another_key_may_is_not_asked() -> None:
    assert spending(parallel=1).hold("desk", "codex-cli", call(), plan()) is None


def test_the_most_that_a_request_can_cost_is_held() -> None:
    asked = call(',"max_tokens":1000,"n":2')
    held = hold(spending(per_day=NANO), asked)
    assert held is not None
    bytes_in = len(asked)
    assert held.hold.claim.nano == -(-bytes_in // 2) * 1000 + 2000 * 10_000


def test_the_dearest_target_counts() -> None:
    held = hold(spending(per_day=NANO), call(',"max_tokens":1000'), plan(step("local"), step()))
    assert held is not None and held.hold.claim.nano > 1000 * 10_000


def test_what_a_model_wrote_once_it_may_write_again() -> None:
    made = spending(per_day=1000 * NANO)
    held = hold(made)
    assert held is not None
    first = held.hold.claim.nano
    made.settle(held, step(), Usage(10, output=50_000))
    again = hold(made)
    assert again is not None and again.hold.claim.nano - first == (100_000 - 8192) * 10_000


def test_a_local_model_costs_nothing_and_passes_a_spent_budget() -> None:
    made = spending(per_day=0)
    held = hold(made, of=plan(step("local")))
    assert held is not None
    assert made.basis(step("local"), 0).tariff is None
    made.settle(held, step("local"), Usage(100, output=100))
    assert all(each.used == 0 for each in made.standing())
    with pytest.raises(BudgetReached):
        hold(made)


def test_a_price_that_nobody_knows_is_taken_for_a_dear_one() -> None:
    tariff = spending().basis(step("unknown"), 0).tariff
    assert tariff is not None and tariff.card.match == "assumed"
    assert tariff.cost(Usage(1_000_000, output=1_000_000)) == 90 * NANO


def test_what_was_used_is_paid() -> None:
    made = spending(per_day=10 * NANO)
    made.settle(hold(made), step(), Usage(1000, output=100), 2_000_000)
    (standing,) = made.standing()
    assert standing.used == 2_000_000


def test_what_other_attempts_cost_counts_for_whoever_asked_and_at_their_own_providers() -> None:
    made = Spending(FakeClock())
    bounds = Bounds(per_day=100 * NANO, tokens_per_minute=10**9)
    made.use(
        BOOK, {"paid", "other"}, {KEY: bounds, ("provider", "paid"): bounds, ("provider", "other"): bounds}
    )
    held = hold(made, of=plan(step(), step("other")))
    assert held is not None
    made.enter(held, step())
    made.enter(held, step("other"))
    tries = (Attempt("paid", usage=Usage(500), cost_nano=700), Attempt("paid"), Attempt("other"))
    made.settle(held, step("other"), Usage(1000, output=10), 9000, tries)
    used = {(each.scope[1], each.limit): each.used for each in made.standing()}
    assert used["laptop", "usd_per_day"] == 9700 and used["laptop", "tokens_per_minute"] == 1510
    assert used["paid", "usd_per_day"] == 700 and used["paid", "tokens_per_minute"] == 500
    assert used["other", "usd_per_day"] == 9000 and used["other", "tokens_per_minute"] == 1010


def test_a_request_that_was_never_answered_costs_nothing() -> None:
    made = spending(per_day=10 * NANO, parallel=1)
    made.settle(hold(made), None, None)
    assert all(each.used == 0 for each in made.standing())
    made.settle(hold(made), step(), None)
    assert all(each.used == 0 for each in made.standing())


def test_counting_tokens_is_free() -> None:
    held = hold(spending(per_day=0), of=Plan("m", (step(),), "count"))
    assert held is not None and held.hold.claim.nano == 0


def test_a_model_is_known_by_the_name_that_was_asked_and_by_its_own() -> None:
    hold(spending(models=("paid/*",)))
    with pytest.raises(Forbidden):
        hold(spending(models=("other/*",)))


def test_what_is_not_understood_is_limited_too() -> None:
    made = spending(requests_per_minute=1)
    assert made.hold_unread("laptop", "", 1000, step(model="")) is not None
    with pytest.raises(LimitReached):
        made.hold_unread("laptop", "", 1000, step(model=""))
    with pytest.raises(BudgetReached):
        spending(per_day=0).hold_unread("laptop", "", 1000, step())


def test_a_client_is_told_what_it_is_close_to() -> None:
    held = hold(spending(parallel=1))
    assert held is not None
    assert held.fields == b"x-llm-gateway-limit-warning: key parallel 100%\r\n"


def test_a_limit_is_warned_of_once_until_less_of_it_is_used() -> None:
    clock, told = FakeClock(), list[str]()
    made = Spending(clock, lambda each: told.append(f"{each.scope[1]} {each.limit} {each.used}"))
    bounds = Bounds(requests_per_minute=4, warn_at=0.5)
    made.use(BOOK, {"paid"}, {KEY: bounds, ("provider", "paid"): Bounds(parallel=2, warn_at=0.5)})
    for _ in range(3):
        assert hold(made) is not None
    assert told == ["laptop requests_per_minute 2"]
    held = made.hold("desk", "", call(), plan())
    assert held is not None
    made.enter(held, step())
    assert told[1:] == ["paid parallel 1"]
    assert held.fields == b"x-llm-gateway-limit-warning: provider parallel 50%\r\n"
    clock.advance(61)
    for _ in range(2):
        assert hold(made) is not None
    assert told[2:] == ["laptop requests_per_minute 2"], "it was far from it in between"


def test_rates_are_told_as_the_vendors_do() -> None:
    made = spending(requests_per_minute=5, tokens_per_minute=50_000)
    assert spending().rate_fields("laptop", "codex-cli") == b""
    hold(made)
    lines = made.rate_fields("laptop", "codex-cli").decode().splitlines()
    assert lines[:3] == [
        "x-ratelimit-limit-requests: 5",
        "x-ratelimit-remaining-requests: 4",
        "x-ratelimit-reset-requests: 60s",
    ]
    assert any(line.startswith("anthropic-ratelimit-tokens-reset: 20") for line in lines)


def test_a_provider_has_room_of_its_own() -> None:
    made = Spending(FakeClock())
    made.use(
        BOOK, {"paid"}, {("provider", "paid"): Bounds(parallel=1), ("provider", "other"): Bounds(parallel=1)}
    )
    first, second = hold(made), hold(made, of=plan(step(), step("other")))
    assert first is not None and second is not None
    made.enter(first, step())
    made.enter(first, step())  # asked again: it holds its room
    with pytest.raises(LimitReached, match="the provider paid has reached its limit of 1 requests at a time"):
        made.enter(second, step())
    made.enter(second, step("other"))
    made.settle(first, step(), Usage(1))
    made.settle(second, step("other"), Usage(1))
    assert [each.used for each in made.standing()] == [0, 0]


def test_what_a_provider_did_not_answer_it_is_not_paid_for() -> None:
    made = Spending(FakeClock())
    made.use(BOOK, {"paid", "other"}, {("provider", "paid"): Bounds(per_day=100 * NANO)})
    held = hold(made, of=plan(step(), step("other")))
    assert held is not None
    made.enter(held, step())
    made.enter(held, step("other"))
    made.settle(held, step("other"), Usage(1000, output=1000))
    assert [each.used for each in made.standing()] == [0]


def provided(**bounds: Bounds) -> Spending:
    made = Spending(FakeClock())
    made.use(BOOK, {"paid"}, {("provider", name): each for name, each in bounds.items()})
    return made


def test_who_has_no_room_is_known_before_it_is_asked() -> None:
    made = provided(paid=Bounds(requests_per_minute=1), other=Bounds(models=("small*",)))
    steps, load = (step(), step("other"), step("third")), Load(100, Extent(10))
    assert made.limits_providers and not spending(parallel=1).limits_providers
    assert [*made.full(steps, load)] == [("other", "m")]
    barred = made.full(steps, load)["other", "m"]
    assert (barred.kind, barred.until) == ("models", math.inf)
    assert barred.why == "the provider other may not ask for 'other/m'; it may ask for small*"
    held = hold(made)
    assert held is not None
    made.enter(held, step())
    full = made.full(steps, load)["paid", "m"]
    assert (full.kind, full.until - FakeClock().monotonic()) == ("limit", 60)
    assert full.why.startswith("the provider paid has reached its limit of 1 requests per minute: 1 are used")


@given(size=st.integers(0, 5000), tokens=st.none() | st.integers(0, 3000), most=st.integers(1, 20_000))
def test_no_room_is_what_entering_would_refuse(size: int, tokens: int | None, most: int) -> None:
    bounds = Bounds(tokens_per_minute=most, per_day=most * NANO // 1000)
    made = provided(paid=bounds, other=bounds)
    asked = call(f',"x":"{"x" * size}"' + (f',"max_tokens":{tokens}' if tokens is not None else ""))
    both = plan(step(), step("other"))
    load = Load(len(asked), Extent(tokens), "generate")
    held = hold(made, asked, of=both)
    assert held is not None
    full = made.full(both.steps, load)
    for each in both.steps:
        told = full.get((each.provider, "m"))
        if told is None:
            made.enter(held, each)
        else:
            with pytest.raises(BudgetReached if told.kind == "budget" else LimitReached) as caught:
                made.enter(held, each)
            assert caught.value.message.startswith(told.why)


def test_a_provider_holds_what_a_request_may_cost_there() -> None:
    made = provided(paid=Bounds(per_day=100 * NANO), other=Bounds(per_day=1))
    held = hold(made, call(',"max_tokens":1000'), of=plan(step(), step("other")))
    assert held is not None
    made.enter(held, step())
    made.enter(held, step("other"))
    used = {each.scope[1]: each.used for each in made.standing()}
    assert used["paid"] > 0 and used["other"] == 0, "nobody is to be paid there"


def test_a_count_needs_no_tokens_and_no_money() -> None:
    made = provided(paid=Bounds(tokens_per_minute=1, per_day=1))
    assert made.full((step(),), Load(100, Extent(), "generate"))
    assert not made.full((step(),), Load(100, Extent(), "count"))


def test_a_keys_own_limits_hold_beside_those_of_the_configuration() -> None:
    made = spending(parallel=2)
    made.limit_keys({KEY: Bounds(parallel=1), ("key", "desk"): Bounds(parallel=1)})
    assert [(each.scope[1], each.most) for each in made.standing()] == [("laptop", 1), ("desk", 1)]
    held = hold(made)
    with pytest.raises(LimitReached):
        hold(made)
    made.limit_keys({})
    assert [(each.scope[1], each.most, each.used) for each in made.standing()] == [("laptop", 2, 1)]
    made.limit_keys({KEY: Bounds(parallel=1)})
    made.use(BOOK, set(), {})
    with pytest.raises(LimitReached):
        hold(made)
    made.settle(held, step(), None)


def test_limits_begin_with_what_the_ledger_knows() -> None:
    made = spending(per_day=NANO)
    assert made.periods() == ("day", "week", "month")
    for period in made.periods():
        made.remember(
            period, [Spent("laptop", "a", "paid", NANO // 2), Spent("laptop", "b", "paid", NANO // 2)]
        )
    assert made.periods() == ()
    with pytest.raises(BudgetReached):
        hold(made)
    made.use(BOOK, {"paid"}, {KEY: Bounds(per_day=NANO), ("global", ""): Bounds(per_day=2 * NANO)})
    assert made.periods()


def test_who_is_to_be_paid_and_who_is_not() -> None:
    made = spending()
    paid, free = step(), step("free")
    told = [
        made.all_paid(steps) for steps in ((), (paid,), (paid, paid), (free,), (paid, free), (free, paid))
    ]
    assert told == [False, True, True, False, False, False]
    assert made.unpaid(plan(paid, free, paid)).steps == (free,)
    assert made.unpaid(plan(free)) == plan(free)


def test_what_nobody_is_asked_for_takes_room_as_a_request_alone() -> None:
    made = spending(requests_per_minute=2, tokens_per_minute=1, per_day=0)
    for _ in range(2):
        held = made.hold("laptop", "codex-cli", call(), plan(), free=True)
        assert held is not None and (held.hold.claim.tokens, held.hold.claim.nano) == (0, 0)
        made.settle(held, step(), Usage(), 0)
    with pytest.raises(LimitReached, match="2 requests per minute"):
        made.hold("laptop", "codex-cli", call(), plan(), free=True)


def test_a_dearer_tier_that_is_asked_for_is_held_and_a_cheaper_one_is_not_trusted() -> None:
    made = spending(per_day=10**6 * NANO)
    stated = ModelPrice("paid/m", input=1, output=10, flex=0.5, priority=2)
    made.use(PriceBook(stated_of((stated,)), {}), {"paid"}, {KEY: Bounds(per_day=10**6 * NANO)})
    claims = {}
    for tier in ("auto", "flex", "priority"):
        held = hold(made, call(f',"max_tokens":10000,"service_tier":"{tier:8}"'.replace(" ", "")))
        assert held is not None
        claims[tier] = held.hold.claim.nano
    assert claims["priority"] > 1.99 * claims["auto"]
    assert claims["flex"] >= claims["auto"] - 10_000, "it may be answered in the usual tier"


class Doubled(Unlearned):
    """Counts twice as many tokens as bytes usually have."""

    def estimate(self, extents: Extents) -> Estimate:
        once = super().estimate(extents)
        return Estimate(Usage(2 * once.usage.uncached, estimated=True), "calibrated", 10)


def test_tokens_by_the_minute_are_held_as_whoever_counts_expects() -> None:
    made = spending(tokens_per_minute=10**6)
    usual, asked = hold(made), call(',"max_tokens":1')
    made.counting = Doubled()
    doubled = hold(made, asked)
    assert usual is not None and doubled is not None
    assert doubled.hold.claim.tokens == 2 * -(-len(asked) // 4) + 1
