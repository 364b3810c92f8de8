"""What stands in `thoughtSignature`: Google's own seals as they are, and those of others in an envelope.

The field is bytes, so that clients read base64 and write it again, in either alphabet; an envelope is base64
of its text. It also says whether the seal stands for thinking that its provider does not show.

Gemini CLI keeps of an answer what is no thought (`stripThoughts` and the like in its code), and other
providers want back what their models thought before a call. So the envelope of a call holds that, too.
"""

import binascii
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Iterable, Sequence

import msgspec

from llm_gateway.canonical.parts import Part, Refusal, Seal, Text, Thinking
from llm_gateway.dialects.gemini.response import UNREADABLE
from llm_gateway.dialects.opaque import opened, sealed_for

__all__ = [
    "BYPASS",
    "ENVELOPE",
    "NAME",
    "Thought",
    "call_signature",
    "open_call_signature",
    "open_signature",
    "signature_of",
    "thoughts_of",
]

NAME = "gemini"

BYPASS = "skip_thought_signature_validator"
"""What stands where a signature is demanded and there is none (ai.google.dev, "Thought signatures")."""

_REDACTED = "lgw1r."
_THOUGHTS = "lgw1t.thought-before-the-call."  # long: a search of a body skips over as many bytes at a time
_ENVELOPE = ("lgw1.", _REDACTED)
_BEGINS = "bGd3M"  # "lgw1" in base64
ENVELOPE = b64encode(_THOUGHTS.encode())
"""What the envelope of a call begins with that holds thoughts, too, where it stands in a body."""
_STANDARD = str.maketrans("+/", "-_")


class Thought(msgspec.Struct, array_like=True):
    """What a model thought before a call; `early`: before it said something, which came before the call."""

    text: str
    dialect: str = ""
    data: str = ""
    redacted: bool = False
    early: bool = False

    def thinking(self) -> Thinking:
        """Return the part that this was made from."""
        seal = Seal(self.dialect, self.data) if self.dialect else None
        return Thinking(self.text, seal, self.redacted)


class _Before(msgspec.Struct, array_like=True):
    seal: tuple[str, str] | None
    thoughts: list[Thought]


_before = msgspec.json.Decoder(_Before)


def thoughts_of(parts: Iterable[Part]) -> list[Thought]:
    """Return what of these parts, which come before a call, is thinking of others than Gemini."""
    found: list[Thought] = []
    for part in parts:
        match part:
            case Thinking(text, None, redacted) if text:
                found.append(Thought(text, redacted=redacted))
            case Thinking(text, Seal(dialect, data), redacted) if dialect != NAME:
                found.append(Thought(text, dialect, data, redacted))
            case Text(text) | Refusal(text) if text:
                for thought in found:
                    thought.early = True
    return found


def call_signature(seal: Seal | None, thoughts: Sequence[Thought]) -> str:
    """Return what a client gets to keep with a call, "" where there is nothing to be kept."""
    if not thoughts or (seal is not None and seal.dialect == NAME):
        return "" if seal is None else signature_of(seal)
    told = _Before(None if seal is None else (seal.dialect, seal.data), list(thoughts))
    return b64encode(_THOUGHTS.encode() + msgspec.json.encode(told)).decode("ascii")


def open_call_signature(text: str) -> tuple[Seal | None, list[Thought]]:
    """Return the seal of a call that a client sent back, and what was thought before it."""
    if text in ("", BYPASS):
        return None, []
    if text.startswith(_BEGINS):
        told = _decoded(text)
        if told.startswith(_THOUGHTS):
            try:
                before = _before.decode(told.removeprefix(_THOUGHTS).encode())
            except UNREADABLE:
                return None, []  # ours, and came back changed
            return None if before.seal is None else Seal(*before.seal), before.thoughts
    return open_signature(text)[0], []


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
