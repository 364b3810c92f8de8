"""Values as programs of others write them: counts, names and times that may be missing, odd or absurd.

What cannot be believed counts as nothing. A name is an identifier; a text that is no identifier is dropped,
so that nothing that was said gets in where a name should be. Not what a log is made of.
"""

from datetime import UTC, datetime

from llm_gateway.canonical.counts import MOST_TOKENS, Told, normal
from llm_gateway.canonical.usage import Usage

__all__ = ["apart", "beside", "count", "either", "moment", "name", "within"]

_LONGEST = 200
_EARLIEST_US = 1_400_000_000_000_000
_LATEST_US = 4_000_000_000_000_000


def count(value: object) -> int:
    """Return a number of tokens that can be believed, 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value <= MOST_TOKENS else 0


def name(value: object) -> str:
    """Return a name or an id, "" for anything else: a long text, or one with lines in it, is none."""
    if isinstance(value, str) and len(value) <= _LONGEST and value.isprintable():
        return value
    return ""


def moment(value: object, otherwise_us: int) -> int:
    """Return a time in microseconds, from ISO 8601 or seconds, milli- or microseconds since 1970."""
    told = 0.0
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return otherwise_us
        told = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e6
    elif isinstance(value, int | float) and _EARLIEST_US / 1e6 <= value <= _LATEST_US:
        told = float(value)
        while told < _EARLIEST_US:
            told *= 1000
    return round(told) if _EARLIEST_US <= told <= _LATEST_US else otherwise_us


def apart(
    uncached: object, read: object, write: object, output: object, reasoning: object = 0, write_1h: object = 0
) -> Usage:
    """Return usage whose input was told without what was cached, as Anthropic counts."""
    told = Told(
        sent=count(uncached),
        made=count(output),
        read=count(read),
        write=max(count(write), count(write_1h)),
        write_1h=count(write_1h),
        reasoning=count(reasoning),
    )
    return normal(told, caching="beside", reasoning="inside")


def within(sent: object, read: object, write: object, output: object, reasoning: object = 0) -> Usage:
    """Return usage whose input was told with what was cached, as OpenAI counts."""
    told = Told(
        sent=count(sent),
        made=count(output),
        read=count(read),
        write=count(write),
        reasoning=count(reasoning),
    )
    return normal(told, caching="inside", reasoning="inside")


def either(sent: object, read: object, write: object, output: object, reasoning: object = 0) -> Usage:
    """Return usage of a program that hands on what its vendors count, without saying which one did.

    Input that is less than what was cached was told without it.
    """
    if count(sent) < count(read) + count(write):
        return apart(sent, read, write, output, reasoning)
    return within(sent, read, write, output, reasoning)


def beside(sent: object, read: object, output: object, thoughts: object, brought: object = 0) -> Usage:
    """Return usage whose thoughts were told beside the output, as Google counts.

    ai.google.dev, "GenerateContentResponse": the prompt has what was cached in it, but not what Google's own
    tools brought in.
    """
    told = Told(
        sent=count(sent) + count(brought),
        made=count(output),
        read=min(count(read), count(sent)),
        reasoning=count(thoughts),
    )
    return normal(told, caching="inside", reasoning="beside")
