"""Names of tools and ids of calls as this dialect allows them: `^[a-zA-Z0-9_-]{1,128}$`.

A name that does not fit is spelled so that the answer's can be read back: nobody remembers it in between.
An id only has to be the same in a call and its result.
"""

import hashlib
from string import ascii_letters, digits

from llm_gateway.canonical.loss import Losses

__all__ = ["CallIds", "read_name", "write_name"]

_PLAIN = frozenset(ascii_letters + digits + "_-")
_KEPT = frozenset(ascii_letters + digits + "_")
_MARK = "-lgw1"  # ends a name in which `-2e-` stands for a character
_MAX = 128


def write_name(name: str, losses: Losses) -> str:
    """Return a tool's name as this dialect can say it."""
    if 0 < len(name) <= _MAX and _PLAIN.issuperset(name) and not name.endswith(_MARK):
        return name
    spelled = "".join([each if each in _KEPT else f"-{ord(each):x}-" for each in name]) + _MARK
    if len(spelled) <= _MAX:
        return spelled
    losses.add("tools.name", "too long, and written in a shorter way that cannot be read back")
    return f"{spelled[: _MAX - 17]}_{_digest(name)}"


def read_name(name: str) -> str:
    """Return a tool's name as the client knows it."""
    if not name.endswith(_MARK):
        return name
    parts = name.removesuffix(_MARK).split("-")
    try:
        return "".join([chr(int(part, 16)) if at % 2 else part for at, part in enumerate(parts)])
    except (ValueError, OverflowError):  # nothing of ours
        return name


class CallIds:
    """The ids of one request's calls: each used once, however other dialects count."""

    __slots__ = ("_used",)

    def __init__(self) -> None:
        self._used: set[str] = set()

    def take(self, call_id: str) -> str:
        """Return the id of the next call that has this one."""
        plain = call_id
        if not (0 < len(call_id) <= _MAX and _PLAIN.issuperset(call_id)):
            kept = "".join([each if each in _PLAIN else "_" for each in call_id])
            plain = f"{kept[: _MAX - 17]}_{_digest(call_id)}"
        taken, again = plain, 1
        while taken in self._used:
            again += 1
            taken = f"{plain[: _MAX - 8]}_{again}"
        self._used.add(taken)
        return taken


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
