"""What stands in `encrypted_content`: OpenAI's own seals with the id of their item, and those of others.

OpenAI proves a seal against the id of its reasoning item, where one is sent with it ("item_id did not match
the target item id"), so that both travel together. Of other dialects' seals it must be kept whether they
stand for thinking that its provider does not show, or belong to the call that follows: Google seals calls,
and a call of this dialect has no place for that.
"""

from llm_gateway.canonical.parts import Seal
from llm_gateway.dialects.opaque import opened, sealed_for

__all__ = ["NAME", "call_seal_text", "open_call_seal", "open_seal", "own_seal", "seal_text", "with_id"]

NAME = "responses"

_REDACTED = "lgw1r."
_CALL = "lgw1c."
_ITEM = "rs_"


def with_id(encrypted: str, item_id: str) -> Seal:
    """Return OpenAI's own seal."""
    kept = item_id if item_id.startswith(_ITEM) and "." not in item_id else ""
    return Seal(NAME, f"{kept}.{encrypted}" if kept else encrypted)


def own_seal(seal: Seal) -> tuple[str, str]:
    """Return the encrypted content of OpenAI's own seal, and the id of its item or ""."""
    if seal.data.startswith(_ITEM):
        item_id, dot, encrypted = seal.data.partition(".")
        if dot:
            return encrypted, item_id
    return seal.data, ""


def open_seal(text: str, item_id: str) -> tuple[Seal, bool]:
    """Return the seal that a client sent back, and whether it stands for thinking that is not shown."""
    seal = opened(NAME, text.removeprefix(_REDACTED))
    if seal.dialect == NAME:
        return with_id(text, item_id), False
    return seal, text.startswith(_REDACTED)


def seal_text(seal: Seal, *, redacted: bool) -> str:
    """Return what a client gets to keep."""
    if seal.dialect == NAME:
        return own_seal(seal)[0]
    return f"{_REDACTED if redacted else ''}{sealed_for(NAME, seal)}"


def call_seal_text(seal: Seal) -> str:
    """Return what a client gets to keep, in an item of its own before the call that has the seal."""
    return f"{_CALL}{sealed_for(NAME, seal)}"


def open_call_seal(text: str) -> Seal | None:
    """Return the seal of the call that follows, where this is one."""
    return opened(NAME, text.removeprefix(_CALL)) if text.startswith(_CALL) else None
