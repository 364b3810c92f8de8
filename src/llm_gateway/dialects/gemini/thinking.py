"""How much a model is to think: `thinkingConfig`, read and written.

| effort  | level, where the generation has levels | budget, where it counts tokens  |
|---------|-----------------------------------------|---------------------------------|
| none    | the least there is                      | 0, or the least there is        |
| minimal | MINIMAL, else LOW                       | 1024                            |
| low     | LOW                                     | 1024                            |
| medium  | MEDIUM, else HIGH                       | 8192                            |
| high    | HIGH                                    | 24576                           |
| xhigh   | HIGH                                    | the most there is               |
| max     | HIGH                                    | the most there is               |

After ai.google.dev, "OpenAI compatibility". A budget becomes the level of the smallest of these budgets that
is no less; one that is left to the model is -1. Thoughts are shown to those who ask: who asks for thinking in
another dialect sees it unless told otherwise, so that we ask.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Effort, Reasoning
from llm_gateway.dialects.gemini.families import Family
from llm_gateway.dialects.gemini.members import Json, lose_unknown, optional, value_of

__all__ = ["read_thinking", "write_thinking"]

_integer = msgspec.json.Decoder(int, strict=False)
_text = msgspec.json.Decoder(str)
_flag = msgspec.json.Decoder(bool)

_WHERE = "generationConfig.thinkingConfig."
_KNOWN = frozenset(("thinkingBudget", "thinkingLevel", "includeThoughts"))
_EFFORTS: Mapping[str, Effort] = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
}
_LEVELS: Mapping[Effort, tuple[str, ...]] = {
    "none": ("MINIMAL", "LOW"),
    "minimal": ("MINIMAL", "LOW"),
    "low": ("LOW",),
    "medium": ("MEDIUM", "HIGH"),
    "high": ("HIGH",),
    "xhigh": ("HIGH",),
    "max": ("HIGH",),
}
_BUDGETS: Mapping[Effort, int] = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
_BY_BUDGET: tuple[tuple[int, Effort], ...] = ((0, "none"), (1024, "low"), (8192, "medium"))


def read_thinking(told: Mapping[str, Raw], losses: Losses) -> Reasoning | None:
    """Read the members of a `thinkingConfig`; None where they ask for nothing."""
    if not told:
        return None
    lose_unknown({key: value_of(raw) for key, raw in told.items()}, _KNOWN, _WHERE, losses)
    budget = optional(told, "thinkingBudget", _integer, "a whole number", _WHERE)
    level = optional(told, "thinkingLevel", _text, "a string", _WHERE)
    shown = optional(told, "includeThoughts", _flag, "true or false", _WHERE)
    effort: Effort | None = None
    if level is not None and level.upper() != "THINKING_LEVEL_UNSPECIFIED":
        effort = _EFFORTS.get(level.upper())
        if effort is None:
            losses.add(f"{_WHERE}thinkingLevel", "a level that is not known")
    if budget == 0:
        return Reasoning("none", None, shown)
    if budget is not None and budget > 0:
        return Reasoning(effort, budget, shown)
    if effort is None and budget is None and not shown:
        return None  # the model does as it is used to, and shows nothing
    return Reasoning(effort, None, shown)


def write_thinking(reasoning: Reasoning, family: Family, losses: Losses) -> dict[str, object]:
    """Return the members of a `thinkingConfig`; none where there is nothing to say."""
    asked = reasoning.effort != "none" and reasoning.budget != 0
    told: dict[str, object] = {}
    if family.levels:
        told.update(_level(reasoning, family, losses))
    elif family.budgets is not None:
        told["thinkingBudget"] = _budget(reasoning, family.budgets, family, losses)
    elif asked:
        losses.add("reasoning", "this model does not think")
        return {}
    if asked and (told or reasoning.shown is not None or family.levels):
        told["includeThoughts"] = reasoning.shown is not False
    return told


def _level(reasoning: Reasoning, family: Family, losses: Losses) -> Json:
    effort = reasoning.effort
    if reasoning.budget is not None:
        losses.add("reasoning.budget", "told as a level: this model decides how many tokens it takes")
        budget = reasoning.budget
        effort = effort or next((word for most, word in _BY_BUDGET if budget <= most), "high")
    if effort is None:
        return {}
    if effort == "none":
        losses.add("reasoning.effort", "this model cannot be kept from thinking; it is asked to do little")
    level = next(each for each in _LEVELS[effort] if each in family.levels)
    if effort != "none" and level != effort.upper():
        losses.add("reasoning.effort", "the nearest that this model knows is asked for")
    return {"thinkingLevel": level}


def _budget(reasoning: Reasoning, limits: tuple[int, int], family: Family, losses: Losses) -> int:
    least, most = limits
    budget = reasoning.budget
    if budget is None and reasoning.effort is None:
        return -1
    if budget is None:
        assert reasoning.effort is not None
        budget = _BUDGETS.get(reasoning.effort, most)
    elif reasoning.effort not in (None, "none"):
        losses.add("reasoning.effort", "the budget says how much to think")
    if reasoning.effort == "none":
        budget = 0
    if budget == 0:
        if family.stoppable:
            return 0
        losses.add("reasoning.effort", "this model cannot be kept from thinking; it is asked to do little")
        return least
    kept = min(max(budget, least), most)
    if kept != budget:
        losses.add("reasoning.budget", "brought between what this model takes as the least and the most")
    return kept
