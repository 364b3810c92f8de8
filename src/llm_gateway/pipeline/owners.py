"""Whose subscription may answer whom: a plan for one person, without the targets that are others' alone."""

import msgspec

from llm_gateway.errors import Forbidden
from llm_gateway.pipeline.plan import Left, Plan

__all__ = ["for_person"]

_OTHERS = "it is somebody else's subscription"


def for_person(plan: Plan, person: str) -> Plan:
    """Return what of a plan is for a person, "" for the gateway's owner; Forbidden when nothing is."""
    kept = tuple(step for step in plan.steps if step.people is None or person in step.people)
    if len(kept) == len(plan.steps):
        return plan
    if not kept:
        name = plan.steps[0].provider
        raise Forbidden(
            f"{plan.asked!r} is answered by {name}, a subscription of somebody else, and this key is "
            f"{person or 'the owner'}'s. Its owner may share it (`share_with` of its table in [[bridges]]), "
            "as far as the vendor's terms allow that",
            param="model",
        )
    gone = {step.traits.place for step in plan.steps} - {step.traits.place for step in kept}
    left = tuple(
        Left(step.traits.place, step.target, _OTHERS) for step in plan.steps if step.traits.place in gone
    )
    return msgspec.structs.replace(plan, steps=kept, left=plan.left + left)
