"""Which targets are asked, in which order and why: one reason at a time, and what holds whatever they are."""

import math
from collections import Counter
from decimal import Decimal
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.routing import Prefer
from llm_gateway.errors import BudgetReached, CoolingDown, Forbidden, GatewayError, LimitReached, NoTarget
from llm_gateway.pipeline.choose import Block as Kind
from llm_gateway.pipeline.choose import Choice, choose, refusal
from llm_gateway.pipeline.needs import NOTHING, Needs
from llm_gateway.pipeline.plan import Left, Nature, Plan, Step, Traits
from llm_gateway.providers.names import Target
from standings import Block, Fares, Standings

NOW = 100.0


def plan(*traits: Traits, prefer: Prefer = "order", left: tuple[Left, ...] = ()) -> Plan:
    """Return a plan for targets a/m, b/m, … with these traits."""
    steps = []
    for place, each in enumerate(traits):
        name = chr(ord("a") + place)
        placed = msgspec.structs.replace(each, place=place, group=each.group if each.weight else place)
        steps.append(Step(name, "m", "chat", None, None, True, True, b"", placed))
    return Plan("fast", tuple(steps), prefer=prefer, left=left)


def chosen(
    made: Plan, needs: Needs = NOTHING, kept: str = "", draw: str = "", **fares: Fares
) -> tuple[str, dict[str, str]]:
    """Return the providers in the order in which they are asked, and the reasons by provider."""
    choice = choose(made, needs, Standings(**fares), NOW, draw, kept)
    return order(choice), {each.target.provider: each.why for each in choice.told}


def order(choice: Choice) -> str:
    return "".join(step.provider for step in choice.steps)


def cooling(seconds: float) -> Fares:
    return Fares(Block("cooling", NOW + seconds))


def full(seconds: float, kind: Kind = "limit") -> Fares:
    return Fares(Block(kind, NOW + seconds, "5 of 5 requests are used"))


def opened(seconds: float) -> Fares:
    return Fares(Block("open", NOW + seconds, "5 failures in a row"))


PLAIN = Traits()


def test_without_any_reason_the_order_is_that_of_the_alias() -> None:
    assert chosen(plan(PLAIN, PLAIN, PLAIN)) == ("abc", {"a": "", "b": "", "c": ""})


def test_tools_and_images_keep_away_who_does_not_get_them() -> None:
    made = plan(Traits(tools=False), Traits(images=False), PLAIN)
    assert chosen(made)[0] == "abc"
    names, why = chosen(made, Needs(tools=True))
    assert (names, why["a"]) == ("bc", "it gets no requests that offer tools")
    names, why = chosen(made, Needs(images=True))
    assert (names, why["b"]) == ("ac", "it gets no requests that hold images")
    assert chosen(made, Needs(tools=True, images=True))[0] == "c"


def test_what_does_not_fit_goes_where_it_fits() -> None:
    made = plan(Traits(window=8000), Traits(most_input=5000, window=200_000), PLAIN)
    assert chosen(made, Needs(input_tokens=4000, output_tokens=4000))[0] == "abc"
    names, why = chosen(made, Needs(input_tokens=6000, output_tokens=4000))
    assert names == "c"
    assert why["a"] == "about 6000 tokens go in and 4000 come out, and its window holds 8000"
    assert why["b"] == "about 6000 tokens go in, and it gets at most 5000"


def test_what_fits_nowhere_goes_to_the_largest() -> None:
    made = plan(Traits(window=8000), Traits(window=32_000), Traits(window=16_000), Traits(tools=False))
    names, why = chosen(made, Needs(tools=True, input_tokens=50_000))
    assert names == "b"
    assert why["b"].endswith("its window holds 32000; no other target takes more")
    assert chosen(made, Needs(input_tokens=50_000))[0] == "d", "whose window nobody knows may hold it"


def test_who_cools_down_is_left_out_and_whose_circuit_is_open_comes_last() -> None:
    made = plan(PLAIN, PLAIN, PLAIN, PLAIN)
    names, why = chosen(made, a=opened(3), b=cooling(12.25), c=opened(8))
    assert names == "dac"
    assert why["b"] == "it cools down for 12.2 s more: it answered 429"
    assert why["a"] == "its circuit is open for 3.0 s more (5 failures in a row)"
    assert chosen(plan(PLAIN), a=opened(3))[0] == "a", "a circuit never keeps the last one from being asked"


@pytest.mark.parametrize(
    ("prefer", "names", "reason"),
    [("local", "cdab", "it is local"), ("subscription", "dcab", "a subscription pays")],
)
def test_who_costs_nothing_may_come_first(prefer: Prefer, names: str, reason: str) -> None:
    natures: tuple[Nature, ...] = ("hosted", "hosted", "local", "subscription")
    found, why = chosen(plan(*(Traits(nature=nature) for nature in natures), prefer=prefer))
    assert (found, why[names[0]], why["b"]) == (names, reason, "every request is paid for")


def test_the_cheapest_comes_first_and_who_has_no_price_last() -> None:
    prices = (None, Decimal("2.50"), Decimal(0), Decimal("0.4"))
    names, why = chosen(plan(*(Traits(price=price) for price in prices), prefer="cheapest"))
    assert names == "cdba"
    assert (why["a"], why["b"]) == ("its price is not known", "2.50 US dollars for a million tokens")


def test_the_fastest_comes_first_once_everybody_was_measured() -> None:
    made = plan(PLAIN, PLAIN, PLAIN, prefer="fastest")
    names, why = chosen(made, a=Fares(ttft=0.8), c=Fares(ttft=0.25))
    assert (names, why["b"], why["c"]) == (
        "bca",
        "nobody has measured it yet",
        "its answers begin after 0.25 s",
    )


def test_a_conversation_stays_with_who_answered_it_while_that_can_be_asked() -> None:
    made = plan(Traits(price=Decimal(1)), Traits(price=Decimal(2)), Traits(tools=False), prefer="cheapest")
    names, why = chosen(made, kept="b/m")
    assert (names, why["b"]) == ("bac", "it answered this conversation last")
    assert chosen(made, kept="b/m", b=opened(1))[0] == "acb"
    assert chosen(made, kept="b/m", b=cooling(1))[0] == "ac"
    assert chosen(made, Needs(tools=True), kept="c/m")[0] == "ab"
    assert chosen(made, kept="gone/m")[0] == "abc"


def test_what_the_plan_left_out_is_told_at_its_place() -> None:
    gone = Left(1, Target("x", "m"), "no such provider is configured")
    steps = plan(PLAIN, PLAIN).steps
    second = msgspec.structs.replace(steps[1], traits=Traits(place=2, group=2))
    choice = choose(Plan("fast", (steps[0], second), left=(gone,)), NOTHING, Standings(), NOW, "")
    assert [(str(each.target), each.order) for each in choice.told] == [("a/m", 1), ("x/m", None), ("b/m", 2)]
    assert choice.told[1].why == "no such provider is configured"


# weights

WEIGHTED = plan(PLAIN, Traits(weight=3, group=1), Traits(weight=1, group=1), PLAIN)


def test_weights_decide_among_neighbours_and_nowhere_else() -> None:
    drawn = {chosen(WEIGHTED, draw=f"turn {number}")[0] for number in range(50)}
    assert drawn == {"abcd", "acbd"}
    names, why = chosen(WEIGHTED)
    assert (names, why["b"], why["c"]) == ("abcd", "weight 3 of 4", "weight 1 of 4"), (
        "no draw: heaviest first"
    )


def test_the_same_draw_has_the_same_outcome_and_shares_are_as_the_weights() -> None:
    weights = (5, 3, 2)
    made = plan(*(Traits(weight=weight) for weight in weights))
    draws = [f"turn {number}" for number in range(20_000)]
    firsts = Counter(chosen(made, draw=draw)[0][0] for draw in draws)
    for name, weight in zip("abc", weights, strict=True):
        assert abs(firsts[name] / len(draws) - weight / 10) < 0.015
    assert [chosen(made, draw=draw) for draw in draws[:100]] == [
        chosen(made, draw=draw) for draw in draws[:100]
    ]


def test_who_drops_out_takes_no_others_conversations_along() -> None:
    made = plan(*(Traits(weight=weight) for weight in (5, 3, 2)))
    for number in range(200):
        with_all = chosen(made, draw=str(number))[0]
        assert chosen(made, draw=str(number), c=cooling(1))[0] == with_all.replace("c", "")


# nobody


def test_when_all_cool_down_the_client_is_told_for_how_long() -> None:
    made = plan(PLAIN, PLAIN, Traits(tools=False))
    choice = choose(made, Needs(tools=True), Standings(a=cooling(12.25), b=cooling(4)), NOW, "")
    assert (choice.steps, choice.retry_after) == ((), 4)
    error = refusal(made, choice)
    assert isinstance(error, CoolingDown) and error.retry_after == 4
    assert "a/m: it cools down for 12.2 s more: it answered 429" in error.message
    assert choose(made, NOTHING, Standings(a=cooling(1)), NOW, "").retry_after is None


def test_who_has_no_room_is_left_out_until_it_has() -> None:
    names, why = chosen(plan(PLAIN, PLAIN, PLAIN), a=full(42), b=opened(5))
    assert (names, why["a"]) == ("cb", "it has room again in 42.0 s: 5 of 5 requests are used")
    for seconds, told in (
        (150.0, "in 2 min"),
        (43_200.0, "in 12.0 h"),
        (math.inf, "never has that much room"),
    ):
        assert told in chosen(plan(PLAIN, PLAIN), a=full(seconds))[1]["a"]
    names, why = chosen(plan(PLAIN, PLAIN), a=full(math.inf, "models"))
    assert (names, why["a"]) == ("b", "5 of 5 requests are used")


@pytest.mark.parametrize(
    ("fares", "error", "wait"),
    [
        ((full(42), full(7)), LimitReached, 7),
        ((full(42, "budget"), full(50, "budget")), BudgetReached, 42),
        ((full(42, "budget"), full(50)), LimitReached, 42),
        ((full(42), cooling(50)), CoolingDown, 42),
        ((full(math.inf), full(50)), LimitReached, 50),
        ((full(math.inf), full(math.inf, "models")), LimitReached, None),
        ((full(math.inf, "models"), full(math.inf, "models")), Forbidden, None),
    ],
)
def test_when_nobody_has_room_the_client_is_told_for_how_long(
    fares: tuple[Fares, Fares], error: type[GatewayError], wait: float | None
) -> None:
    made = plan(PLAIN, PLAIN)
    choice = choose(made, NOTHING, Standings(a=fares[0], b=fares[1]), NOW, "")
    refused = refusal(made, choice)
    assert (type(refused), refused.retry_after) == (error, wait)
    assert "5 of 5" in refused.message


def test_when_nobody_takes_such_a_request_the_client_is_told_why() -> None:
    made = plan(Traits(tools=False), left=(Left(1, Target("b", "m"), "it costs 5, and at most 3"),))
    choice = choose(made, Needs(tools=True), Standings(), NOW, "")
    error = refusal(made, choice)
    assert isinstance(error, NoTarget)
    assert error.message == (
        "'fast' has no target for this request: a/m: it gets no requests that offer tools; b/m: it costs 5, "
        "and at most 3; change the request, or what the configuration says of `aliases.fast`"
    )


# whatever they are

NATURES: tuple[Nature, ...] = get_args(Nature)
TRAITS = st.builds(
    Traits,
    weight=st.integers(0, 3),
    tools=st.booleans(),
    images=st.booleans(),
    most_input=st.sampled_from((0, 0, 1000, 8000)),
    window=st.sampled_from((0, 4000, 8000, 200_000)),
    price=st.one_of(st.none(), st.decimals(0, 100, places=2)),
    nature=st.sampled_from(NATURES),
)
NEEDS = st.builds(
    Needs,
    tools=st.booleans(),
    images=st.booleans(),
    input_tokens=st.sampled_from((0, 10, 3000, 9000, 10**6)),
    output_tokens=st.sampled_from((0, 1024, 4096)),
)
BLOCKS = st.one_of(
    st.none(),
    st.builds(Block, st.sampled_from(get_args(Kind)), st.floats(NOW, NOW + 3600)),
)
FARES = st.builds(Fares, BLOCKS, st.one_of(st.none(), st.floats(0, 60)))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    traits = draw(st.lists(TRAITS, min_size=1, max_size=6))
    grouped: list[Traits] = []
    for place, each in enumerate(traits):
        joins = place and each.weight and traits[place - 1].weight
        group = grouped[-1].group if joins else place
        grouped.append(msgspec.structs.replace(each, group=group))
    return plan(*grouped, prefer=draw(st.sampled_from(get_args(Prefer))))


FLEETS = st.dictionaries(st.sampled_from("abcdef"), FARES).map(lambda fares: Standings(**fares))
KEPT = st.sampled_from(("", "a/m", "b/m", "c/m"))


@given(plans(), NEEDS, FLEETS, st.text(), KEPT)
def test_it_always_chooses_the_same_and_neither_loses_nor_doubles_anybody(
    made: Plan, needs: Needs, fleet: Standings, draw: str, kept: str
) -> None:
    choice = choose(made, needs, fleet, NOW, draw, kept)
    assert choose(made, needs, fleet, NOW, draw, kept) == choice
    assert [each.step for each in choice.told] == list(made.steps)
    asked = sorted((each.order, each.step) for each in choice.told if each.order is not None)
    assert [step for _, step in asked] == list(choice.steps)
    assert [number for number, _ in asked] == list(range(1, len(asked) + 1))
    assert all(each.why for each in choice.told if each.order is None)
    refusal(made, choice)


@given(plans(), NEEDS, FLEETS, st.text(), KEPT)
def test_the_order_respects_every_condition(
    made: Plan, needs: Needs, fleet: Standings, draw: str, kept: str
) -> None:
    steps = choose(made, needs, fleet, NOW, draw, kept).steps
    blocks = {step.provider: fleet.of(step.provider, "", "").block for step in made.steps}
    for step in steps:
        assert step.traits.tools or not needs.tools
        assert step.traits.images or not needs.images
        block = blocks[step.provider]
        assert block is None or block.kind == "open"
    late = [blocks[step.provider] is not None for step in steps]
    assert late == sorted(late), "whose circuit is open comes behind everybody else"
    fit = [
        step
        for step in made.steps
        if (step.traits.tools or not needs.tools) and (step.traits.images or not needs.images)
    ]
    if any(holds(step, needs) for step in fit):
        assert all(holds(step, needs) for step in steps)
    else:
        assert len(steps) <= 1 or not needs.input_tokens
    if kept and any(str(step.target) == kept and not blocks[step.provider] for step in steps):
        assert str(steps[0].target) == kept


@given(plans(), NEEDS, st.text(), KEPT)
def test_where_nothing_decides_the_order_is_that_of_the_plan(
    made: Plan, needs: Needs, draw: str, kept: str
) -> None:
    plain = [
        msgspec.structs.replace(step, traits=Traits(place=place)) for place, step in enumerate(made.steps)
    ]
    bare = Plan("fast", tuple(plain), fixed=True)
    assert choose(bare, needs, Standings(), NOW, draw).steps == bare.steps


def holds(step: Step, needs: Needs) -> bool:
    if not needs.input_tokens:
        return True
    traits = step.traits
    fits = not traits.window or needs.input_tokens + needs.output_tokens <= traits.window
    return fits and (not traits.most_input or needs.input_tokens <= traits.most_input)


@given(plans(), FLEETS, st.text())
def test_preferences_sort_and_weights_only_break_ties(made: Plan, fleet: Standings, draw: str) -> None:
    choice = choose(made, NOTHING, fleet, NOW, draw)
    steps = [step for step in choice.steps if fleet.of(step.provider, "", "").block is None]
    match made.prefer:
        case "order":
            groups = [step.traits.group for step in steps]
            assert groups == sorted(groups)
        case "cheapest":
            prices = [(step.traits.price is None, step.traits.price or 0) for step in steps]
            assert prices == sorted(prices)
        case "fastest":
            times = [fleet.of(step.provider, "", "").ttft for step in steps]
            measured = [time for time in times if time is not None]
            assert times == [None] * (len(times) - len(measured)) + sorted(measured)
        case "local" | "subscription":
            ranks = [step.traits.nature == made.prefer for step in steps]
            assert ranks == sorted(ranks, reverse=True)
            hosted = [step.traits.nature == "hosted" for step in steps]
            assert hosted == sorted(hosted)
