"""Sums over a time: how many turns, how they ended, what they used, how long they took, and for whom.

What they cost and what that avoided is in the sums of each share. Turns that still run are counted as such.
"""

from collections.abc import Mapping

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.spreads import Spread
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.window import spreads_of, sums_of, window

__all__ = ["Cached", "Share", "Totals", "totals"]

# Above every time that is kept.
_NO_END = 2**63 - 1
_NAMES = ("client", "provider", "model", "purpose")
_RUNNING = (
    f"SELECT {', '.join(_NAMES)}, count(*) FROM turns "
    f"WHERE outcome IS NULL AND at_us >= ? AND at_us < ? GROUP BY {', '.join(_NAMES)}"
)
_Names = tuple[str, ...]


class Cached(msgspec.Struct, frozen=True):
    """Turns that were answered from the response cache, and what asking for them would have used and cost.

    A line of its own: none of it is in a usage. Money is in nanodollars, of answers that count.
    """

    hits: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    nano: int = 0


class Share(msgspec.Struct, frozen=True):
    """Some of the turns, under a name: those that run, and the sums of those that have ended."""

    name: str
    running: int = 0
    sums: Sums = Sums()

    @property
    def requests(self) -> int:
        """Return how many there are."""
        return self.running + self.sums.requests

    @property
    def ok(self) -> int:
        """Return how many went well."""
        return self.sums.ok

    @property
    def cancelled(self) -> int:
        """Return how many were cut off by their caller."""
        return self.sums.cancelled

    @property
    def failed(self) -> int:
        """Return how many failed."""
        return self.sums.failed

    @property
    def usage(self) -> Usage:
        """Return what was used; estimated where any part of it is."""
        sums = self.sums
        return Usage(
            sums.uncached,
            sums.cache_read,
            sums.cache_write,
            sums.output,
            sums.reasoning,
            estimated=sums.estimated > 0,
        )

    @property
    def cached(self) -> Cached:
        """Return what the response cache answered."""
        sums = self.sums
        return Cached(sums.cached, sums.saved_input, sums.saved_output, sums.response_cache_nano)

    @property
    def success_rate(self) -> float | None:
        """Return which part went well of those that could: what the caller cut off says nothing."""
        return self.sums.success_rate


class Totals(msgspec.Struct, frozen=True):
    """The sums of a time, whole and by what; each breakdown has the largest share first.

    Latencies are those of turns that went well and were asked for, to a few in a hundred; None without any.
    """

    all: Share
    by_client: tuple[Share, ...]
    by_provider: tuple[Share, ...]
    by_model: tuple[Share, ...]
    by_purpose: tuple[Share, ...]
    latency: Spread | None
    ttft: Spread | None

    @property
    def top_model(self) -> str:
        """Return the model that answered most often, or nothing."""
        return next((share.name for share in self.by_model if share.name), "")


def totals(rows: Rows, since_us: int, until_us: int | None = None) -> Totals:
    """Return the sums over the turns that began from `since_us` on and before `until_us`."""
    time = window(rows, since_us, until_us)
    ended = sums_of(rows, tuple(f"{{0}}.{name}" for name in _NAMES), time)
    running = _running(rows, since_us, _NO_END if until_us is None else until_us)
    client, provider, model, purpose = (_shares(ended, running, at) for at in range(len(_NAMES)))
    return Totals(
        Share("", sum(running.values()), sum(ended.values(), Sums())),
        client,
        provider,
        model,
        purpose,
        *spreads_of(rows, time),
    )


def _running(rows: Rows, since_us: int, until_us: int) -> dict[_Names, int]:
    """Return how many turns run, by their names."""
    return {
        tuple(map(str, names)): count
        for *names, count in rows.rows(_RUNNING, (since_us, until_us))
        if isinstance(count, int)
    }


def _shares(ended: Mapping[_Names, Sums], running: Mapping[_Names, int], at: int) -> tuple[Share, ...]:
    """Return the shares by one of their names."""
    shares: dict[str, Share] = {}
    for names in {**ended, **running}:
        name = names[at]
        share = shares.get(name) or Share(name)
        shares[name] = Share(
            name, share.running + running.get(names, 0), share.sums + ended.get(names, Sums())
        )
    return tuple(sorted(shares.values(), key=lambda share: (-share.requests, share.name)))
