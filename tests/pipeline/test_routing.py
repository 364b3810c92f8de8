"""What a choice is made from is brought together for a request, and not where there is nothing to choose."""

from collections.abc import Iterable

import msgspec
import pytest

from fakes import FakeClock
from llm_gateway.config.routing import RoutingSettings
from llm_gateway.dialects.contract import Call
from llm_gateway.errors import CoolingDown, LimitReached, NoTarget
from llm_gateway.pipeline.extent import Extent
from llm_gateway.pipeline.needs import Needs, conversation_named
from llm_gateway.pipeline.plan import Plan, Step, Traits
from llm_gateway.pipeline.routing import Routing
from llm_gateway.pipeline.spending import Full, Load
from pipeline_stage import call
from standings import Block, Fares, Standings

CALL = call(model="fast")
NAMED = [(b"session-id", b"0199")]


class Rooms:
    """Room as it is put down beforehand: who has none."""

    def __init__(self) -> None:
        self.without: dict[tuple[str, str], Full] = {}
        self.looked: list[Load] = []

    @property
    def limits_providers(self) -> bool:
        return bool(self.without)

    def full(self, steps: Iterable[Step], load: Load) -> dict[tuple[str, str], Full]:
        self.looked.append(load)
        names = {(step.provider, step.model) for step in steps}
        return {name: full for name, full in self.without.items() if name in names}


class Scene:
    def __init__(self, **settings: float) -> None:
        self.clock = FakeClock()
        self.standings = Standings()
        self.rooms = Rooms()
        ttl, most = settings.get("ttl", 3600.0), int(settings.get("most", 100))
        self.routing = Routing(
            self.standings,
            self.clock,
            RoutingSettings(sticky_ttl=ttl, sticky_conversations=most),
            self.rooms,
        )

    def fill(self, provider: str, seconds: float) -> None:
        until = self.clock.monotonic() + seconds
        self.rooms.without[provider, "m"] = Full("limit", until, f"the provider {provider} is full")

    def ask(self, plan: Plan, call: Call = CALL, headers: list[tuple[bytes, bytes]] = NAMED) -> Plan:
        return self.routing.chosen(plan, call, headers, "key_1", "turn_1")


def step(name: str, place: int = 0, *, tools: bool = True) -> Step:
    return Step(name, "m", "chat", None, None, True, True, b"", Traits(place, place, tools=tools))


ONE = Plan("a/m", (step("a"),), fixed=True)
TWO = Plan("fast", (step("a"), step("b", 1)), fixed=True)
STICKY = Plan("fast", (step("a"), step("b", 1)), sticky=True, reads=frozenset({"session"}))


def names(plan: Plan) -> str:
    return "".join(step.provider for step in plan.steps)


def test_a_single_target_without_terms_is_asked_as_planned() -> None:
    scene = Scene()
    unread = Call("chat/completions", "a/m", False, False, document=None)  # type: ignore[arg-type]
    assert scene.ask(ONE, unread) is ONE, "nothing is read off such a request"
    assert scene.ask(TWO, unread) is TWO
    scene.standings.put("a", Fares(Block("open", 9.0)))
    assert names(scene.ask(ONE, unread)) == "a"


def test_a_single_target_that_cools_down_is_not_asked() -> None:
    scene = Scene()
    scene.standings.put("a", Fares(Block("cooling", scene.clock.monotonic() + 7)))
    with pytest.raises(CoolingDown) as refused:
        scene.ask(ONE)
    assert refused.value.retry_after == 7
    scene.standings.put("a", Fares())
    assert scene.ask(ONE) is ONE


def test_a_provider_without_room_is_passed_over() -> None:
    scene = Scene()
    scene.fill("a", 7)
    assert names(scene.ask(TWO)) == "b"
    (load,) = scene.rooms.looked
    assert (load.size, load.kind) == (len(CALL), "generate")
    with pytest.raises(LimitReached, match=r"it has room again in 7\.0 s: the provider a is full") as refused:
        scene.ask(ONE)
    assert refused.value.retry_after == 7
    other = msgspec.structs.replace(ONE, steps=(step("b"),))
    assert scene.ask(other) is other, "what has room is asked as planned"
    told = scene.routing.choice(TWO, Needs(input_tokens=10, output_tokens=5)).told
    assert [each.order for each in told] == [None, 1]
    assert scene.rooms.looked[-1] == Load(40, Extent(5))


def test_a_login_is_not_held_against_anybody() -> None:
    scene = Scene()
    scene.fill("a", 7)
    passed_on = msgspec.structs.replace(ONE, steps=(msgspec.structs.replace(step("a"), login=True),))
    assert scene.ask(passed_on) is passed_on


def test_the_longer_of_a_cool_down_and_a_limit_is_told() -> None:
    scene = Scene()
    scene.fill("a", 7)
    now = scene.clock.monotonic()
    for seconds, error in ((5, LimitReached), (9, CoolingDown)):
        scene.standings.put("a", Fares(Block("cooling", now + seconds)))
        with pytest.raises(error) as refused:
            scene.ask(ONE)
        assert refused.value.retry_after == max(seconds, 7)
    scene.standings.put("a", Fares(Block("open", now + 9)))
    with pytest.raises(LimitReached):
        scene.ask(ONE)


def test_of_several_targets_those_are_asked_that_can_be() -> None:
    scene = Scene()
    assert (names(scene.ask(TWO)), scene.ask(TWO).session) == ("ab", "")
    scene.standings.put("a", Fares(Block("open", 9.0)))
    assert names(scene.ask(TWO)) == "ba"


def test_a_target_with_terms_is_judged_by_what_the_request_needs() -> None:
    toolless = Plan("fast", (step("a", tools=False),), reads=frozenset({"tools"}))
    assert names(Scene().ask(toolless)) == "a"
    with pytest.raises(NoTarget) as refused:
        Scene().ask(toolless, call(model="fast", tools=[{"type": "function"}]))
    assert "a/m: it gets no requests that offer tools" in refused.value.message


def test_a_conversation_stays_where_it_was_answered() -> None:
    scene = Scene()
    plan = scene.ask(STICKY)
    assert (names(plan), plan.session) == ("ab", conversation_named("0199"))
    scene.routing.answered(plan, plan.steps[1])
    assert names(scene.ask(STICKY)) == "ba"
    assert names(scene.ask(STICKY, headers=[(b"session-id", b"another")])) == "ab"
    assert names(scene.ask(Plan("other", STICKY.steps, sticky=True, reads=STICKY.reads))) == "ab"
    scene.clock.advance(3601)
    assert names(scene.ask(STICKY)) == "ab"


def test_the_reason_goes_with_the_target() -> None:
    scene = Scene()
    assert [each.why for each in scene.ask(STICKY).steps] == ["", ""]
    scene.standings.put("a", Fares(Block("open", scene.clock.monotonic() + 3, "5 failures in a row")))
    late = "its circuit is open for 3.0 s more (5 failures in a row)"
    assert [each.why for each in scene.ask(STICKY).steps] == ["", late]


def test_who_does_not_stay_is_not_remembered() -> None:
    scene = Scene()
    plan = scene.ask(TWO)
    scene.routing.answered(plan, plan.steps[1])
    assert names(scene.ask(TWO)) == "ab"


def test_an_explanation_is_made_of_the_same() -> None:
    scene = Scene()
    needs = Needs(session=conversation_named("0199"))
    assert [each.order for each in scene.routing.choice(STICKY, needs).told] == [1, 2]
    scene.routing.answered(scene.ask(STICKY), STICKY.steps[1])
    first, second = scene.routing.choice(STICKY, needs).told
    assert (first.order, second.order, second.why) == (2, 1, "it answered this conversation last")


def test_lots_are_drawn_by_the_conversation_else_by_the_turn() -> None:
    weighted = [
        Step(name, "m", "chat", None, None, True, True, b"", Traits(place, 0, 1))
        for place, name in enumerate("ab")
    ]
    scene = Scene()
    free = Plan("fast", tuple(weighted))
    drawn = {names(scene.routing.chosen(free, CALL, NAMED, "k", f"turn {n}")) for n in range(20)}
    assert drawn == {"ab", "ba"}
    named = Needs(session=conversation_named("0199"))
    drawn = {scene.routing.choice(free, named, f"turn {n}").steps[0].provider for n in range(20)}
    assert drawn == {"a", "b"}, "a conversation that does not stay decides nothing"
    bound = Plan("fast", tuple(weighted), sticky=True, reads=frozenset({"session"}))
    drawn = {names(scene.routing.chosen(bound, CALL, NAMED, "k", f"turn {n}")) for n in range(20)}
    assert len(drawn) == 1


def test_other_settings_count_from_then_on() -> None:
    scene = Scene()
    scene.routing.use(RoutingSettings(sticky_ttl=5.0))
    plan = scene.ask(STICKY)
    scene.routing.answered(plan, plan.steps[1])
    scene.clock.advance(6)
    assert names(scene.ask(STICKY)) == "ab"
