"""What a model answered, written as parts of a content of this dialect.

For whole answers and streams alike; the parts of requests are in `turns.py`.
"""

from collections.abc import Iterable, Mapping

from llm_gateway.canonical.customs import wrapped
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Part, Seal, ToolCall
from llm_gateway.dialects.gemini.members import Json
from llm_gateway.dialects.gemini.seals import call_signature, signature_of, thoughts_of
from llm_gateway.dialects.gemini.turns import arguments_of

__all__ = ["call_part", "thought_part"]


def thought_part(text: str, seal: Seal | None, *, redacted: bool = False) -> Json:
    """Return a part of thinking."""
    told: dict[str, object] = {"text": text, "thought": True}
    if seal is not None:
        told["thoughtSignature"] = signature_of(seal, redacted=redacted)
    return told


def call_part(call: ToolCall, losses: Losses, before: Iterable[Part] = ()) -> Mapping[str, object]:
    """Return a call, which is whole in this dialect. `before` is what was said since the last one."""
    if call.custom:
        call = wrapped(call)
    args = arguments_of(call.arguments, "response", losses)
    told: dict[str, object] = {"functionCall": {"id": call.id, "name": call.name, "args": args}}
    if signature := call_signature(call.seal, thoughts_of(before)):
        told["thoughtSignature"] = signature
    return told
