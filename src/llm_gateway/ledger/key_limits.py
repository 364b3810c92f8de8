"""What a key may use at most, as it is said of one key and kept with it: values, and their words.

The limits of the configuration are elsewhere, and so is the counting; of the two the stricter holds.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from llm_gateway.wire.ready import ready

__all__ = ["NO_LIMITS", "KeyLimits"]

_Count = Annotated[int, Meta(ge=1, le=10**12)]
_Dollars = Annotated[float, Meta(ge=0, le=10**6)]
_Pattern = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]

_WORDS = {
    "requests_per_minute": "{} requests per minute",
    "tokens_per_minute": "{} tokens per minute",
    "parallel": "{} at a time",
    "usd_per_day": "${} per day",
    "usd_per_week": "${} per week",
    "usd_per_month": "${} per month",
}


@ready
class KeyLimits(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The limits of a key, by the names that they have in the configuration; None is no limit.

    `models` are patterns of names that may be asked for; none means all.
    """

    requests_per_minute: _Count | None = None
    tokens_per_minute: _Count | None = None
    parallel: _Count | None = None
    usd_per_day: _Dollars | None = None
    usd_per_week: _Dollars | None = None
    usd_per_month: _Dollars | None = None
    models: Annotated[tuple[_Pattern, ...], Meta(max_length=100)] = ()

    @classmethod
    def read(cls, stored: str) -> "KeyLimits":
        """Return limits as they were stored, "" for none."""
        return msgspec.json.decode(stored, type=cls) if stored else NO_LIMITS

    @property
    def stored(self) -> str:
        """Return them as they are stored."""
        return "" if self == NO_LIMITS else msgspec.json.encode(self).decode()

    @property
    def told(self) -> str:
        """Return them in words, "" for none."""
        limits = ((words, getattr(self, name)) for name, words in _WORDS.items())
        told = [words.format(_number(most)) for words, most in limits if most is not None]
        if self.models:
            told.append(f"models {' '.join(self.models)}")
        return ", ".join(told)


NO_LIMITS = KeyLimits()


def _number(most: float) -> str:
    return str(most) if isinstance(most, int) else f"{most:.15g}"
