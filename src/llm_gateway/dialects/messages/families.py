"""What a model takes of this dialect, told by its name: Claude's generations differ in what they refuse.

platform.claude.com, the migration guides of each model. Not a list of models: a generation that is not
known yet is taken to be like the newest known, and another maker's model to be like the first that thought.
"""

from typing import Literal

import msgspec

__all__ = ["Family", "family_of"]

_LOW_TO_HIGH = ("low", "medium", "high")
_NEWEST = (99, 0)
_BETWEEN = str.maketrans("-./@:[]_", " " * 8)


class Family(msgspec.Struct, frozen=True):
    """What models of one generation take.

    `adaptive`: thinking is asked for as an effort, not as a budget of tokens. `off` is how a model is told
    not to think: it does so only when asked (`absent`), `disabled`, `between_tools`, or it always thinks.
    `forced`: a tool may be demanded, while the model does not think. `prefill`: it goes on with an answer
    that was begun. `formats`: it is held to a schema. `most`: how many tokens it generates at most, None
    where that is not known.
    """

    claude: bool = True
    adaptive: bool = True
    off: Literal["absent", "disabled", "between_tools", "never"] = "never"
    efforts: tuple[str, ...] = (*_LOW_TO_HIGH, "xhigh", "max")
    sampling: bool = False
    forced: bool = False
    prefill: bool = False
    formats: bool = True
    most: int | None = 128_000


_OTHERS = Family(
    claude=False,
    adaptive=False,
    off="disabled",
    efforts=(),
    sampling=True,
    forced=True,
    prefill=True,
    formats=False,
    most=None,
)
_4_5 = Family(adaptive=False, off="absent", efforts=(), sampling=True, forced=True, prefill=True, most=64_000)
_4 = msgspec.structs.replace(_4_5, formats=False)
_OPUS_4 = msgspec.structs.replace(_4, most=32_000)
_4_6 = Family(off="absent", efforts=(*_LOW_TO_HIGH, "max"), sampling=True, forced=True)
_SONNET_4_6 = msgspec.structs.replace(_4_6, most=64_000)
_4_7 = Family(off="absent", forced=True)
_5 = Family(off="disabled", forced=True)
_SONNET_5_5 = Family(off="between_tools")
_ALWAYS = Family()


def family_of(model: str) -> Family:
    """Return what a model of this name takes, whichever way a provider spells it."""
    words = model.lower().translate(_BETWEEN).split()
    if "claude" not in words:
        return _OTHERS
    words = words[words.index("claude") + 1 :]
    line = next((word for word in words if word.isalpha()), "")
    # Dates and context sizes are longer than versions.
    numbers = [int(word) for word in words if word.isdecimal() and len(word) < 3][:2]
    version = (numbers[0], numbers[1] if len(numbers) > 1 else 0) if numbers else _NEWEST
    if version < (4, 5):
        return _OPUS_4 if line == "opus" else _4
    if version < (4, 6):
        return _4_5
    if version < (4, 7):
        return _SONNET_4_6 if line == "sonnet" else _4_6
    if version < (5, 0):
        return _4_7
    if line == "haiku" or (version < (5, 5) and line in ("opus", "sonnet")):
        return _5
    return _SONNET_5_5 if line == "sonnet" else _ALWAYS
