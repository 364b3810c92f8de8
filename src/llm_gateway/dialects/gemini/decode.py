"""A request of this dialect read into the common model: every member understood, or reported as lost.

`model` says once more what the path says, and `store: false` asks for nothing. What hangs on something that
Google keeps (`cachedContent`) cannot be translated and is refused with the way out.
"""

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Decoded, Request
from llm_gateway.dialects.contract import Call
from llm_gateway.dialects.gemini.contents import read_contents
from llm_gateway.dialects.gemini.members import lose, named, says_nothing, value_of
from llm_gateway.dialects.gemini.settings import read_settings
from llm_gateway.dialects.gemini.tools import read_choice, read_tools
from llm_gateway.errors import MalformedRequest

__all__ = ["decode_request"]

_UNDERSTOOD = frozenset(
    (
        "model",
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "generationConfig",
        "serviceTier",
    )
)
_NO_PLACE = {
    "safetySettings": "another provider has its own rules of safety",
    "labels": "another provider does not keep them",
    "store": "another provider does not store the answer",
}
_TIERS = ("", "unspecified", "service_tier_unspecified", "standard", "default", "auto")


def decode_request(call: Call) -> Decoded:
    """Read a request; raise MalformedRequest with the member at fault."""
    fields = named(call.document.fields)
    losses = Losses()
    if value_of(fields.get("cachedContent")):
        raise MalformedRequest(
            "`cachedContent` names a part of the prompt that Google keeps, and another provider answers for "
            "this model: send that part in `systemInstruction` and `contents`",
            param="cachedContent",
        )
    settings = read_settings(fields, losses)
    tier = value_of(fields.get("serviceTier"))
    request = Request(
        messages=read_contents(fields, losses),
        tools=read_tools(fields, losses),
        tool_choice=read_choice(fields, losses),
        sampling=settings.sampling,
        reasoning=settings.reasoning,
        format=settings.format,
        stream=call.stream,
        service_tier=tier.lower() if isinstance(tier, str) and tier.lower() not in _TIERS else "",
    )
    for key, raw in fields.items():
        if key not in _UNDERSTOOD and not says_nothing(value_of(raw)):
            lose(losses, "", key, _NO_PLACE.get(key, "not known outside of the dialect it came in"))
    return Decoded(request, losses.found())
