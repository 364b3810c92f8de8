"""Carry a seal of one dialect through a client that speaks another one.

Clients send back, unchanged, what they cannot read: a thinking signature, encrypted reasoning. In that
place of the client's dialect travels an envelope that names the dialect the seal belongs to. A seal without
an envelope is the client's dialect's own.
"""

from llm_gateway.canonical.parts import Seal

__all__ = ["opened", "sealed_for"]

_MARK = "lgw1."


def sealed_for(dialect: str, seal: Seal) -> str:
    """Return what to put where `dialect` keeps its seals."""
    return seal.data if seal.dialect == dialect else f"{_MARK}{seal.dialect}.{seal.data}"


def opened(dialect: str, text: str) -> Seal:
    """Return the seal found where `dialect` keeps its seals."""
    if text.startswith(_MARK):
        owner, dot, data = text[len(_MARK) :].partition(".")
        if dot:
            return Seal(owner, data)
    return Seal(dialect, text)
