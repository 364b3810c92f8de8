"""What stands in `thoughtSignature`: Google's own seals as they are, and those of others in an envelope.

The field is bytes, so that clients read base64 and write it again, in either alphabet; an envelope is base64
of its text. It also says whether the seal stands for thinking that its provider does not show.
"""

import binascii
from base64 import b64encode, urlsafe_b64decode

from llm_gateway.canonical.parts import Seal
from llm_gateway.dialects.opaque import opened, sealed_for

__all__ = ["BYPASS", "NAME", "open_signature", "signature_of"]

NAME = "gemini"

BYPASS = "skip_thought_signature_validator"
"""What stands where a signature is demanded and there is none (ai.google.dev, "Thought signatures")."""

_REDACTED = "lgw1r."
_ENVELOPE = ("lgw1.", _REDACTED)
_BEGINS = "bGd3M"  # "lgw1" in base64
_STANDARD = str.maketrans("+/", "-_")


def signature_of(seal: Seal, *, redacted: bool = False) -> str:
    """Return what a client gets to keep."""
    if seal.dialect == NAME:
        return seal.data
    text = f"{_REDACTED if redacted else ''}{sealed_for(NAME, seal)}"
    return b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def open_signature(text: str) -> tuple[Seal, bool]:
    """Return the seal that a client sent back, and whether it stands for thinking that is not shown."""
    if text.startswith(_BEGINS):
        told = _decoded(text)
        if told.startswith(_ENVELOPE):
            return opened(NAME, told.removeprefix(_REDACTED)), told.startswith(_REDACTED)
    return Seal(NAME, text), False


def _decoded(text: str) -> str:
    plain = text.translate(_STANDARD).rstrip("=")
    try:
        return urlsafe_b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError):
        return ""
