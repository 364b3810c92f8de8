"""What one answer of a provider says was used, beside the figure that a person reckoned from it.

Shapes are those of vendors' references, of recordings and of reports; texts are our own. Nothing of the
gateway reads an answer here: a figure is reckoned by hand, and its arithmetic stands beside it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from llm_gateway.canonical.usage import Special, Usage

__all__ = ["Case", "cost", "data", "event", "lines", "name_of"]

# Nanodollars for a token, and for a search: what every model costs in these cases.
_PRICES = {
    "uncached": 1_000,
    "cache_read": 100,
    "cache_write": 1_250,
    "cache_write_1h": 2_000,
    "output": 10_000,
    "audio_in": 5_000,
    "audio_out": 20_000,
    "search": 10_000_000,
}


@dataclass(frozen=True)
class Case:
    """One answer: `body` is all of it, also of a stream. `whole` is False where it breaks off.

    `by` is whose server answers so. `usage` None is an answer of which nobody can say what was used.
    """

    name: str
    by: str
    body: bytes
    usage: Usage | None
    tier: str = ""
    stream: bool = False
    whole: bool = True
    operation: str = ""


def name_of(case: Case) -> str:
    """Return what a case is called by."""
    return case.name


def event(told: object, kind: str = "") -> bytes:
    """Return a server-sent event, of a kind where the dialect names it."""
    first = f"event: {kind}\n" if kind else ""
    return f"{first}data: {json.dumps(told, separators=(',', ':'))}\n\n".encode()


def data(told: object) -> bytes:
    """Return a whole answer."""
    return json.dumps(told).encode()


def lines(*told: object) -> bytes:
    """Return a JSON value a line."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in told)


def cost(usage: Usage) -> int:
    """Return what a usage costs at the prices of these cases, in nanodollars, class by class."""
    special = usage.special or Special()
    parts: Sequence[tuple[int, str]] = (
        (usage.uncached - special.audio_in, "uncached"),
        (special.audio_in, "audio_in"),
        (usage.cache_read, "cache_read"),
        (usage.cache_write - usage.cache_write_1h, "cache_write"),
        (usage.cache_write_1h, "cache_write_1h"),
        (usage.output - special.audio_out, "output"),
        (special.audio_out, "audio_out"),
        (special.searches, "search"),
    )
    return sum(tokens * _PRICES[kind] for tokens, kind in parts)
