"""An answer as it is made, piece by piece: what every dialect's stream means, without its wording.

Blocks do not overlap but for calls of tools, which are told apart by `index`: a text or thinking delta
belongs to the block of its kind that is open, or opens one; another kind of event closes it. An answer
begins with `Started` and ends with `Finished` or `Failed`; `Measured` may come at any time, the last counts.
"""

from typing import Literal, TypeAlias

import msgspec

from llm_gateway.canonical.parts import Seal
from llm_gateway.canonical.usage import Usage

__all__ = [
    "CallDelta",
    "CallStarted",
    "Event",
    "Failed",
    "Finish",
    "Finished",
    "Measured",
    "RefusalDelta",
    "Sealed",
    "Started",
    "TextDelta",
    "ThinkingDelta",
]

Finish = Literal[
    "stop", "length", "tool_calls", "refusal", "content_filter", "stop_sequence", "pause", "other"
]
"""Why an answer ended. `refusal`: the model declined; `content_filter`: somebody stopped it; `pause`: the
provider wants the turn sent back to go on."""


class Started(msgspec.Struct, frozen=True, tag="started", gc=False):
    """The answer begins; `id` and `model` are the upstream's own words."""

    id: str = ""
    model: str = ""


class TextDelta(msgspec.Struct, frozen=True, tag="text", gc=False):
    """More text; `new` begins a block even though one of text is open."""

    text: str
    new: bool = False


class RefusalDelta(msgspec.Struct, frozen=True, tag="refusal", gc=False):
    """More of a refusal."""

    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, tag="thinking", gc=False):
    """More thinking; `new` begins a block even though one of thinking is open."""

    text: str
    new: bool = False


class Sealed(msgspec.Struct, frozen=True, tag="sealed"):
    """The open thinking block is complete and has this seal; without an open one, a block of no text.

    `redacted`: a block of its own whose text the provider keeps to itself.
    """

    seal: Seal
    redacted: bool = False


class CallStarted(msgspec.Struct, frozen=True, tag="call"):
    """A call of a tool begins; `index` counts the calls of this answer from 0."""

    index: int
    id: str
    name: str
    custom: bool = False
    seal: Seal | None = None


class CallDelta(msgspec.Struct, frozen=True, tag="arguments", gc=False):
    """More of a call's arguments: JSON text, or free text for a custom tool."""

    index: int
    text: str


class Measured(msgspec.Struct, frozen=True, tag="measured"):
    """What was used so far, and at which service tier; the last one counts."""

    usage: Usage
    tier: str = ""


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The answer is complete. `sequence` is the stop sequence that ended it; `native` the dialect's word."""

    reason: Finish
    sequence: str = ""
    native: str = ""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The answer failed while it was made; `kind` is the upstream's own word for it."""

    message: str
    kind: str = ""


Event: TypeAlias = (
    Started
    | TextDelta
    | RefusalDelta
    | ThinkingDelta
    | Sealed
    | CallStarted
    | CallDelta
    | Measured
    | Finished
    | Failed
)
