"""Counts as somebody tells them, made into a usage: what is a part of what is said by who reads, not guessed.

Nobody agrees on two things. Tokens that a cache took are a part of the input with OpenAI and Google and
stand beside it with Anthropic; reasoning is a part of the output with OpenAI and Anthropic and stands beside
it with Google and xAI. Taken the wrong way, either is billed twice or not at all. Not how a dialect spells
its counts: each reads its own (docs/usage.md).
"""

from typing import Literal

import msgspec

from llm_gateway.canonical.usage import Special, Usage

__all__ = [
    "MOST_TOKENS",
    "Caching",
    "Reasoning",
    "Told",
    "added",
    "both_ways",
    "count",
    "member",
    "normal",
    "plain",
    "whole",
]

Caching = Literal["inside", "beside"]
"""Whether what was read from a cache or written to one is a part of the input that was told."""

Reasoning = Literal["inside", "beside"]
"""Whether the reasoning is a part of the output that was told."""

MOST_TOKENS = 1_000_000_000
"""Of one turn: whatever says more is no count."""

_MOST_SEARCHES = 10_000


class Told(msgspec.Struct, frozen=True, gc=False):
    """What somebody told of one turn. `write_1h` is a part of `write`.

    `audio_in` and `image_in` are of all that went in, whatever of it a cache took: what of them was read from
    one is `audio_read` and `image_read`, where that is told.
    """

    sent: int = 0
    made: int = 0
    read: int = 0
    write: int = 0
    write_1h: int = 0
    reasoning: int = 0
    audio_in: int = 0
    audio_read: int = 0
    audio_out: int = 0
    image_in: int = 0
    image_read: int = 0
    image_out: int = 0
    searches: int = 0


def count(value: object) -> int | None:
    """Return a number of tokens that can be believed, None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_TOKENS:
        return None
    return value


def whole(value: object) -> int:
    """Return a number of tokens that can be believed, 0 for anything else."""
    return count(value) or 0


def member(details: object, *names: str) -> int:
    """Return the first count among the members of an object that is any, 0 where there is none."""
    if isinstance(details, dict):
        for name in names:
            if number := count(details.get(name)):
                return number
    return 0


def normal(told: Told, *, caching: Caching, reasoning: Reasoning) -> Usage:
    """Return what was used. No part is more than its whole: what is too much of one is nothing at all."""
    if caching == "beside":
        uncached, read, write = told.sent, told.read, told.write
    else:
        read = min(told.read, told.sent)
        write = min(told.write, told.sent - read)
        uncached = told.sent - read - write
    output = told.made if reasoning == "inside" else told.made + told.reasoning
    thought = min(told.reasoning, output)
    return Usage(
        uncached,
        read,
        write,
        output,
        thought,
        cache_write_1h=min(told.write_1h, write),
        special=_special(told, uncached, read, output - thought),
    )


def plain(sums: tuple[int, int, int], read: int, write: int, reasoning: int) -> Usage | None:
    """Return a usage that adds up as it is told, in OpenAI's way; None for what has to be looked at closely.

    `sums` are the tokens that went in, that came out, and together; the others are parts of these.
    """
    sent, made, total = sums
    if total != sent + made or not 0 < total <= MOST_TOKENS:
        return None
    if min(sent, made, read, write, reasoning) < 0 or read + write > sent or reasoning > made:
        return None
    return Usage(sent - read - write, read, write, made, reasoning)


def both_ways(sent: int | None, made: int | None, total: int | None) -> tuple[int, int] | None:
    """Return what went in and what came out; None where that cannot be told, or nobody counts and says 0."""
    if made is None:
        return None
    if sent is None:
        if total is None or total < made:
            return None
        sent = total - made
    return (sent, made) if sent or made else None


def added(one: Usage, other: Usage) -> Usage:
    """Return the sum of two usages: several answers of a provider may be one of ours."""
    return Usage(
        one.uncached + other.uncached,
        one.cache_read + other.cache_read,
        one.cache_write + other.cache_write,
        one.output + other.output,
        one.reasoning + other.reasoning,
        one.estimated or other.estimated,
        one.cache_write_1h + other.cache_write_1h,
        _both(one.special, other.special),
    )


def _special(told: Told, uncached: int, read: int, said: int) -> Special | None:
    """Return what has prices of its own, each a part of what it is a part of.

    Where nobody tells how much of the audio came from a cache, it is new as far as it can be: that costs
    more, and no answer is to look cheaper than it was.
    """
    audio_in, audio_read = _placed(told.audio_in, told.audio_read, uncached, read)
    image_in, image_read = _placed(told.image_in, told.image_read, uncached - audio_in, read - audio_read)
    audio_out = min(told.audio_out, said)
    image_out = min(told.image_out, said - audio_out)
    searches = told.searches if told.searches <= _MOST_SEARCHES else 0
    special = Special(audio_in, audio_read, audio_out, image_in, image_read, image_out, searches)
    return special if special != _NOTHING else None


def _placed(sent: int, told_read: int, uncached: int, read: int) -> tuple[int, int]:
    """Return how much of what was sent is new, and how much came from a cache."""
    known = min(told_read, sent, read)
    new = min(sent - known, uncached)
    return new, min(sent - new, read)


def _both(one: Special | None, other: Special | None) -> Special | None:
    if one is None or other is None:
        return one or other
    names = Special.__struct_fields__
    return Special(*[getattr(one, name) + getattr(other, name) for name in names])


_NOTHING = Special()
