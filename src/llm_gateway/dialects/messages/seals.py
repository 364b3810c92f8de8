"""Seals in a thinking block's `signature`: Anthropic's own as it is, those of others in an envelope.

Google seals calls of tools, too. A `tool_use` has no place for that, so a call's seal travels in the thinking
block before it, marked to find its way back to the call that follows. Thinking that nobody sealed is signed
with a mark of ours: GitHub's Copilot CLI drops a block without a signature or without text, and asks for no
more thinking in that turn.
"""

from llm_gateway.canonical.parts import Seal
from llm_gateway.dialects.opaque import opened, sealed_for

__all__ = ["NAME", "call_signature", "made_seal", "open_signature", "signature"]

NAME = "messages"

_CALL = "lgw1c."
_NOBODY = "lgw1u."


def signature(seal: Seal | None) -> str:
    """Return what a thinking block is signed with, by a mark of ours where nobody sealed it."""
    return _NOBODY if seal is None else sealed_for(NAME, seal)


def call_signature(seal: Seal) -> str:
    """Return what the block before a call is signed with."""
    return f"{_CALL}{sealed_for(NAME, seal)}"


def made_seal(text: str) -> Seal | None:
    """Return the seal that an upstream signed its thinking with."""
    return Seal(NAME, text) if text and text != _NOBODY else None


def open_signature(text: str) -> tuple[Seal | None, bool]:
    """Return the seal that a client sent back, and whether it is the following call's."""
    if text.startswith(_CALL):
        return opened(NAME, text.removeprefix(_CALL)), True
    return (opened(NAME, text) if text and text != _NOBODY else None), False
