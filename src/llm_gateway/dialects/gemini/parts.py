"""What a model answered, written as parts of a content of this dialect.

For whole answers and streams alike; the parts of requests are in `turns.py`.
"""

from collections.abc import Mapping

from llm_gateway.canonical.customs import wrapped
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal, ToolCall
from llm_gateway.dialects.gemini.members import Json
from llm_gateway.dialects.gemini.seals import signature_of
from llm_gateway.dialects.gemini.turns import arguments_of

__all__ = ["call_part", "thought_part"]


def thought_part(text: str, seal: Seal | None, *, redacted: bool = False) -> Json:
    """Return a part of thinking."""
    told: dict[str, object] = {"text": text, "thought": True}
    if seal is not None:
        told["thoughtSignature"] = signature_of(seal, redacted=redacted)
    return told


def call_part(call: ToolCall, losses: Losses) -> Mapping[str, object]:
    """Return a call, which is whole in this dialect."""
    if call.custom:
        call = wrapped(call)
    args = arguments_of(call.arguments, losses)
    told: dict[str, object] = {"functionCall": {"id": call.id, "name": call.name, "args": args}}
    if call.seal is not None:
        told["thoughtSignature"] = signature_of(call.seal)
    return told
