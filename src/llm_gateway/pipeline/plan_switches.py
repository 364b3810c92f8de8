"""Whose traffic has moved from a plan that is paid for to a key that is billed, without a word. Pure.

A client that is logged out, or finds a key in its environment, goes on with the key: the work goes on, and
so does the bill. It is found in the sums by hour, where the one ends and the other begins within a day.
"""

from collections.abc import Iterable

import msgspec

__all__ = ["Switch", "Use", "switches"]

_DAY = 24
_ENOUGH = 5  # requests to the plan, so that there was something to move
_AT_LEAST = 3  # billed ones since
_MIXED = 0.1  # whoever used both before has not moved


class Use(msgspec.Struct, frozen=True):
    """What a client of a caller asked a provider for in an hour, counted from 1970; `billed` by tokens."""

    client: str
    caller: str
    provider: str
    hour: int
    billed: bool
    requests: int
    cost_nano: int = 0


class Switch(msgspec.Struct, frozen=True):
    """Traffic that has moved: in which hour, from which provider to which, and what was billed since."""

    client: str
    caller: str
    plan: str
    billed: str
    hour: int
    requests: int
    cost_nano: int


def switches(uses: Iterable[Use]) -> list[Switch]:
    """Return what has moved and not moved back, the latest first."""
    by_whom: dict[tuple[str, str], list[Use]] = {}
    for use in uses:
        if use.requests > 0:
            by_whom.setdefault((use.client, use.caller), []).append(use)
    found = [switch for each in by_whom.values() if (switch := _switch(each)) is not None]
    return sorted(found, key=lambda switch: (-switch.hour, switch.client, switch.caller))


def _switch(uses: list[Use]) -> Switch | None:
    on_plan = [use for use in uses if not use.billed]
    if not on_plan:
        return None
    last = max(on_plan, key=lambda use: (use.hour, use.requests))
    before = [use for use in uses if last.hour - _DAY < use.hour <= last.hour]
    billed = [use for use in uses if use.billed and use.hour >= last.hour]
    if not billed:
        return None
    first = min(billed, key=lambda use: (use.hour, use.provider))
    planned = sum(use.requests for use in before if not use.billed)
    mixed = sum(use.requests for use in before if use.billed and use.hour < last.hour)
    since = sum(use.requests for use in billed)
    if first.hour - last.hour > _DAY or planned < _ENOUGH or mixed > planned * _MIXED or since < _AT_LEAST:
        return None
    cost = sum(use.cost_nano for use in billed)
    return Switch(first.client, first.caller, last.provider, first.provider, first.hour, since, cost)
