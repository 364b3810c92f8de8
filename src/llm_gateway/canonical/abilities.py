"""What somebody who answers can be told at all, where that is less than what the common model says."""

import msgspec

from llm_gateway.wire.ready import ready

__all__ = ["Abilities"]


@ready
class Abilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bridge takes beside text. What it does not is refused, or reported as lost.

    `system`: a system prompt is one, not just text before the conversation. `effort`: how much to think.
    Sampling (`temperature`, `max_tokens`, `stop`, …) is taken by none: vendors set it for their own programs.
    """

    tools: bool = False
    custom_tools: bool = False
    images: bool = False
    documents: bool = False
    schema: bool = False
    effort: bool = False
    system: bool = True
