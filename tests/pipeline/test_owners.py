"""A subscription answers its owner, and whom it is shared with; everybody else gets the other targets."""

import pytest

from fakes import FakeEngine
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import Forbidden
from llm_gateway.pipeline.owners import for_person
from llm_gateway.pipeline.plan import Plan, Router
from llm_gateway.providers.names import Directory, Target

SHARED = {"mine": frozenset(("",)), "shared": frozenset(("", "ada")), "free": None}


def planned(*names: str) -> Plan:
    """Return the plan for an alias over these providers."""
    engines = {name: FakeEngine(name, lambda: PreparedAnswer.whole(200, b"{}")) for name in names}
    for name, engine in engines.items():
        engine.people = SHARED[name]
    router = Router()
    alias = {"all": tuple(Target(name, "m") for name in names)}
    router.replace(Directory(dict.fromkeys(names, ("m",)), alias), {}, engines)
    return router.plan("all", "chat", "chat/completions")


def providers(plan: Plan) -> list[str]:
    return [step.provider for step in plan.steps]


def test_an_owner_has_them_all() -> None:
    plan = planned("mine", "shared", "free")
    assert plan.owned
    assert for_person(plan, "") is plan


def test_others_have_what_is_shared_with_them() -> None:
    plan = planned("mine", "shared", "free")
    assert providers(for_person(plan, "ada")) == ["shared", "free"]
    eve = for_person(plan, "eve")
    assert providers(eve) == ["free"]
    assert [(left.target.provider, left.why) for left in eve.left] == [
        ("mine", "it is somebody else's subscription"),
        ("shared", "it is somebody else's subscription"),
    ]


def test_who_has_none_is_told_whose_it_is() -> None:
    with pytest.raises(Forbidden, match="a subscription of somebody else, and this key is eve's") as refused:
        for_person(planned("mine"), "eve")
    assert refused.value.status == 403


def test_a_plan_of_nobody_in_particular_is_not_owned() -> None:
    assert not planned("free").owned
