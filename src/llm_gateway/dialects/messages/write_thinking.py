"""How much a model is to think, and how long the answer may be, written as its generation takes it.

| effort  | budget where one is asked for | effort where there is none to say a budget |
|---------|-------------------------------|--------------------------------------------|
| none    | no thinking                   | no thinking, or `low` where it cannot be switched off |
| minimal | 1024                          | low                                        |
| low     | 2048                          | low                                        |
| medium  | 8192                          | medium                                     |
| high    | 16384                         | high                                       |
| xhigh   | 23808                         | xhigh, else high                           |
| max     | 23808                         | max                                        |

The other way, a budget of at most 2048 is `low`, of at most 8192 `medium`, of at most 32768 `high`, and more
is `xhigh`. 23808 is what the smallest limit of a model that thinks in budgets, 32000, leaves beside 8192 for
the answer. `max_tokens` counts both, so that a client's limit leaves three quarters of it for thinking.
"""

from collections.abc import Mapping

import msgspec

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Effort, Reasoning
from llm_gateway.dialects.messages.families import Family
from llm_gateway.dialects.messages.members import Json

__all__ = ["Situation", "ThinkingPlan", "plan_thinking"]

_LEAST = 1024  # platform.claude.com, "Extended thinking"
_BUDGETS: Mapping[Effort, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 23808,
    "max": 23808,
}
_EFFORTS: tuple[tuple[int, Effort], ...] = ((2048, "low"), (8192, "medium"), (32768, "high"))


class Situation(msgspec.Struct, frozen=True):
    """What thinking depends on beside what is asked for.

    `limit` is the client's, `usual` what to allow without one. `forced`: a tool must be called. `resumed`:
    the model goes on after its calls, and what it thought before them did not come along.
    """

    limit: int | None
    usual: int
    forced: bool = False
    resumed: bool = False


class ThinkingPlan(msgspec.Struct, frozen=True):
    """What to write. `on` is whether the model thinks in a way that excludes other settings."""

    max_tokens: int
    thinking: Json | None = None
    effort: str | None = None
    on: bool = False


def plan_thinking(
    reasoning: Reasoning | None, family: Family, situation: Situation, losses: Losses
) -> ThinkingPlan:
    """Return what to write for a model of this family."""
    limit = _limit(situation, family, 0)
    asked = reasoning is not None and reasoning.effort != "none" and reasoning.budget != 0
    if situation.forced and family.forced:
        if asked:
            losses.add("reasoning", "a model that must call a tool does not think before")
        return _off(family, limit, losses)
    if reasoning is None:
        return ThinkingPlan(limit)
    if not asked:
        return _off(family, limit, losses)
    if family.adaptive:
        return _adaptive(reasoning, family, situation, losses)
    if situation.resumed and family.claude:
        losses.add(
            "reasoning", "what was thought before the calls did not come along, which this model demands"
        )
        return ThinkingPlan(limit)
    return _budgeted(reasoning, family, situation, losses)


def _limit(situation: Situation, family: Family, thinking: int) -> int:
    """Return how many tokens to allow: the client's number, or enough for `thinking` and an answer."""
    limit = situation.usual + thinking if situation.limit is None else situation.limit
    return limit if family.most is None else min(limit, family.most)


def _off(family: Family, limit: int, losses: Losses) -> ThinkingPlan:
    match family.off:
        case "absent":
            return ThinkingPlan(limit)
        case "never":
            losses.add(
                "reasoning.effort", "this model cannot be kept from thinking; it is asked to do little"
            )
            return ThinkingPlan(limit, effort="low", on=True)
        case kind:
            return ThinkingPlan(limit, {"type": kind})


def _adaptive(reasoning: Reasoning, family: Family, situation: Situation, losses: Losses) -> ThinkingPlan:
    wanted = reasoning.effort
    if reasoning.budget is not None:
        losses.add("reasoning.budget", "told as an effort: this model decides how many tokens it takes")
        wanted = wanted or _effort_of(reasoning.budget)
    effort: str | None = wanted
    if wanted is not None and wanted not in family.efforts:
        effort = "low" if wanted == "minimal" else "high"
        losses.add("reasoning.effort", "the nearest that this model knows is asked for")
    limit = _limit(situation, family, _BUDGETS[wanted or "high"])
    thinking: dict[str, object] = {"type": "adaptive"}
    _add_display(thinking, reasoning)
    return ThinkingPlan(limit, thinking, effort, on=True)


def _budgeted(reasoning: Reasoning, family: Family, situation: Situation, losses: Losses) -> ThinkingPlan:
    told = reasoning.budget
    wanted = _BUDGETS[reasoning.effort or "high"] if told is None else told
    if told is not None and reasoning.effort is not None:
        losses.add("reasoning.effort", "the budget says how much to think")
    limit = _limit(situation, family, max(wanted, _LEAST))
    most = limit * 3 // 4
    if most < _LEAST:
        losses.add("reasoning", "the limit of tokens leaves no room to think")
        return ThinkingPlan(limit)
    budget = wanted if wanted < limit and told is not None else min(wanted, most)
    budget = max(budget, _LEAST)
    if told is not None and budget != told:
        losses.add("reasoning.budget", "brought between 1024 and what the limit of tokens allows")
    thinking: dict[str, object] = {"type": "enabled", "budget_tokens": budget}
    if family.claude:
        _add_display(thinking, reasoning)
    elif reasoning.shown is False:
        losses.add("reasoning.shown", "each server decides whether it shows what the model thought")
    return ThinkingPlan(limit, thinking, on=family.claude)


def _effort_of(budget: int) -> Effort:
    return next((effort for most, effort in _EFFORTS if budget <= most), "xhigh")


def _add_display(thinking: dict[str, object], reasoning: Reasoning) -> None:
    """Newer models show what they thought only to those who ask."""
    if reasoning.shown is not None:
        thinking["display"] = "summarized" if reasoning.shown else "omitted"
