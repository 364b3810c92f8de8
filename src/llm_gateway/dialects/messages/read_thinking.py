"""How much a client wants the model to think: `thinking` and `output_config.effort`, read.

An effort alone asks for thinking, too: models that take one think by themselves.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Effort, Reasoning
from llm_gateway.dialects.messages.members import Json, lose_unknown, optional, wrong

__all__ = ["read_effort", "read_reasoning"]

_object = msgspec.json.Decoder(dict[str, object])
_EFFORTS: Mapping[str, Effort] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
_KNOWN = frozenset(("type", "budget_tokens", "display"))


def read_reasoning(fields: Mapping[str, Raw], effort: Effort | None, losses: Losses) -> Reasoning | None:
    """Return what is asked for; `effort` is the one that counts in the end."""
    thinking = optional(fields, "thinking", _object, "an object")
    if thinking is None:
        return Reasoning(effort) if effort is not None else None
    lose_unknown(thinking, _KNOWN, "thinking.", losses)
    shown = _shown(thinking, losses)
    match thinking.get("type"):
        case "adaptive":
            return Reasoning(effort, None, shown)
        case "enabled":
            budget = thinking.get("budget_tokens")
            if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool)):
                raise wrong("thinking.budget_tokens", "a whole number")
            return Reasoning(effort, budget, shown)
        case "disabled":
            pass
        case "between_tools":
            losses.add("thinking.between_tools", "other models think before they call a tool, or not at all")
        case str():
            losses.add("thinking.type", "a way of thinking that is not known")
            return Reasoning(effort, None, shown)
        case _:
            raise wrong("thinking.type", "adaptive, enabled or disabled")
    if effort is not None:
        losses.add("output_config.effort", "elsewhere it is a matter of thinking, which is switched off")
    return Reasoning("none")


def read_effort(told: object, where: str, losses: Losses) -> Effort | None:
    """Read an effort; one that is not known is a loss."""
    if told is None:
        return None
    if not isinstance(told, str):
        raise wrong(where, "low, medium, high, xhigh or max")
    if (effort := _EFFORTS.get(told)) is None:
        losses.add("output_config.effort", "an effort that is not known")
    return effort


def _shown(thinking: Json, losses: Losses) -> bool | None:
    match thinking.get("display"):
        case None:
            return None
        case "summarized":
            return True
        case "omitted":
            return False
        case _:
            losses.add("thinking.display", "elsewhere thinking is shown or not")
            return True
