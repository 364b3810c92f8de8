"""Names of tools as this dialect allows them, and ids for calls that have none.

A name begins with a letter or `_` and goes on with those, digits, `.`, `:` and `-`, 128 characters in all
(ai.google.dev, "FunctionDeclaration"). One that does not fit is spelled so that the answer's can be read
back: nobody remembers it in between.
"""

import hashlib
from string import ascii_letters, digits

from llm_gateway.canonical.loss import Losses

__all__ = ["made_up_id", "read_name", "write_name"]

_FIRST = frozenset(ascii_letters + "_")
_PLAIN = frozenset(ascii_letters + digits + "_.:-")
_KEPT = frozenset(ascii_letters + digits + "_")
_MARK = "-lgw1"  # ends a name that begins with a `_` of ours and in which `-2f-` stands for a character
_MAX = 128


def write_name(name: str, losses: Losses) -> str:
    """Return a tool's name as this dialect can say it."""
    if 0 < len(name) <= _MAX and name[0] in _FIRST and _PLAIN.issuperset(name) and not name.endswith(_MARK):
        return name
    spelled = "_" + "".join([each if each in _KEPT else f"-{ord(each):x}-" for each in name]) + _MARK
    if len(spelled) <= _MAX:
        return spelled
    losses.add("tools.name", "too long, and written in a shorter way that cannot be read back")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{spelled[: _MAX - 17]}_{digest}"


def read_name(name: str) -> str:
    """Return a tool's name as the client knows it."""
    if not (name.startswith("_") and name.endswith(_MARK)):
        return name
    parts = name[1:].removesuffix(_MARK).split("-")
    try:
        return "".join([chr(int(part, 16)) if at % 2 else part for at, part in enumerate(parts)])
    except (ValueError, OverflowError):  # nothing of ours
        return name


def made_up_id(origin: str, index: int) -> str:
    """Return an id for a call that came without one, made of what every dialect takes in an id."""
    plain = "".join([letter for letter in origin if letter.isascii() and letter.isalnum()])
    return f"call_{plain[-24:]}_{index}" if plain else f"call_{index}"
