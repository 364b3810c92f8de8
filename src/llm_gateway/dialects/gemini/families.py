"""What generations of Gemini differ in, as far as a request has to be written differently for them.

By the model's name, as Google documents it; what is named otherwise (`gemini-flash-latest`, a name of one's
own) is taken for one of the newest.
"""

import msgspec

__all__ = ["Family", "family_of"]


class Family(msgspec.Struct, frozen=True):
    """How a generation wants things said."""

    levels: tuple[str, ...] = ()
    """Levels of thinking, from little to much."""
    budgets: tuple[int, int] | None = None
    """Where thinking is told in tokens: the fewest and the most."""
    stoppable: bool = False
    """Thinking can be switched off."""
    signed: bool = False
    """The first call of a turn must have a signature."""
    sees_results: bool = False
    """The result of a tool may hold pictures and files."""
    formed_calls: bool = False
    """Tools can be offered together with a form of the answer."""
    prefill: bool = True
    """An answer that was begun is gone on with; else a request must not end with the model's turn."""


# ai.google.dev, "Gemini thinking": levels since 3, budgets for 2.5. 3 Pro knows two levels. "Requests ending
# with a model turn are not supported" is said by 3.5 Flash-Lite and by what came after 3.5
# (LibreChat-AI/agents pull request 323, anomalyco/opencode issue 45359).
_FLASH = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
_NEWEST = Family(_FLASH, signed=True, sees_results=True, formed_calls=True, prefill=False)
_PRO = msgspec.structs.replace(_NEWEST, levels=_FLASH[1:])
_PRO_3 = msgspec.structs.replace(_NEWEST, levels=("LOW", "HIGH"))
_FLASH_25 = Family(budgets=(0, 24576), stoppable=True)
_LITE_25 = Family(budgets=(512, 24576), stoppable=True)
_PRO_25 = Family(budgets=(128, 32768))
_OLD = Family()


def family_of(model: str) -> Family:
    """Return the family of the model of this name."""
    name = model.lower().rpartition("/")[2]
    _, found, rest = name.partition("gemini-")
    if not found:
        return _OLD if name.startswith("gemma") else _NEWEST
    number, _, kind = rest.partition("-")
    version = _version(number)
    if version is None:
        return _PRO if "pro" in rest else _NEWEST
    if version >= (3, 0):
        family = _NEWEST if not kind.startswith("pro") else _PRO_3 if version == (3, 0) else _PRO
        begun = version < (3, 5) or (version == (3, 5) and "lite" not in kind)
        return msgspec.structs.replace(family, prefill=True) if begun else family
    if version == (2, 5):
        return _PRO_25 if kind.startswith("pro") else _LITE_25 if "lite" in kind else _FLASH_25
    return _OLD


def _version(number: str) -> tuple[int, int] | None:
    major, _, minor = number.partition(".")
    if major.isdecimal() and (minor.isdecimal() or not minor):
        return int(major), int(minor or 0)
    return None
