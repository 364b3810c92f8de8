"""Sums over a time: how many turns, how they ended, what they used, how long they took, and for whom.

Counts and tokens only; what they were worth is not decided here. Turns that still run are counted as such.
"""

from collections.abc import Callable, Iterable
from operator import attrgetter

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.store import Rows
from llm_gateway.wire.ready import ready

__all__ = ["Cached", "Group", "Share", "Spread", "Totals", "totals"]

# Above every id: ids are hexadecimal.
_NO_END = "g"

_GROUPS = (
    "SELECT client, provider, model, purpose, coalesce(outcome, 'running') AS ending, count(*) AS requests, "
    "coalesce(sum(uncached), 0) AS uncached, coalesce(sum(cache_read), 0) AS cache_read, "
    "coalesce(sum(cache_write), 0) AS cache_write, coalesce(sum(output), 0) AS output, "
    "coalesce(sum(reasoning), 0) AS reasoning, coalesce(max(estimated), 0) AS estimated, "
    "count(cached_from) AS cached, coalesce(sum(saved_uncached + saved_cache_read + saved_cache_write), 0) "
    "AS saved_input, coalesce(sum(saved_output), 0) AS saved_output, "
    "coalesce(sum(saved_nano), 0) AS saved_nano "
    "FROM turns WHERE id >= ? AND id < ? GROUP BY client, provider, model, purpose, ending"
)
# The nearest rank: the smallest value that at least this part of all values does not exceed.
_SPREAD = (
    "SELECT max(CASE WHEN rank = (total * 50 + 99) / 100 THEN us END), "
    "max(CASE WHEN rank = (total * 95 + 99) / 100 THEN us END) FROM "
    "(SELECT {0} AS us, row_number() OVER (ORDER BY {0}) AS rank, count(*) OVER () AS total "
    "FROM turns WHERE id >= ? AND id < ? AND outcome = 'ok' AND {0} > 0) AS ranked"
)
_LATENCY = _SPREAD.format("latency_us")
_TTFT = _SPREAD.format("ttft_us")


@ready
class Group(msgspec.Struct, frozen=True):
    """Turns that have everything in common that is asked for."""

    client: str
    provider: str
    model: str
    purpose: str
    ending: str
    requests: int
    uncached: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    estimated: int
    cached: int
    saved_input: int
    saved_output: int
    saved_nano: int


class Cached(msgspec.Struct, frozen=True):
    """Turns that were answered from the response cache, and what asking for them would have used and cost.

    A line of its own: none of it is in a usage. Money is in nanodollars. Demo and smoke turns save nothing.
    """

    hits: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    nano: int = 0


class Share(msgspec.Struct, frozen=True):
    """Some of the turns, under a name. `usage` is estimated where any part of it is."""

    name: str
    requests: int = 0
    running: int = 0
    ok: int = 0
    cancelled: int = 0
    failed: int = 0
    usage: Usage = Usage()
    cached: Cached = Cached()

    @property
    def success_rate(self) -> float | None:
        """Return which part went well of those that could: what the caller cut off says nothing."""
        ended = self.ok + self.failed
        return self.ok / ended if ended else None


class Spread(msgspec.Struct, frozen=True):
    """Half of the values are at most `p50_us`, 95 of 100 at most `p95_us`."""

    p50_us: int
    p95_us: int


class Totals(msgspec.Struct, frozen=True):
    """The sums of a time, whole and by what; each breakdown has the largest share first.

    Latencies are those of turns that went well; None without any.
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
    window = (floor(since_us), _NO_END if until_us is None else floor(until_us))
    names = Group.__struct_fields__
    groups = [
        msgspec.convert(dict(zip(names, row, strict=True)), Group) for row in rows.rows(_GROUPS, window)
    ]
    whole = _shares(groups, lambda _: "")
    return Totals(
        whole[0] if whole else Share(""),
        _shares(groups, attrgetter("client")),
        _shares(groups, attrgetter("provider")),
        _shares(groups, attrgetter("model")),
        _shares(groups, attrgetter("purpose")),
        _spread(rows, _LATENCY, window),
        _spread(rows, _TTFT, window),
    )


def _shares(groups: Iterable[Group], name: Callable[[Group], str]) -> tuple[Share, ...]:
    shares: dict[str, Share] = {}
    for group in groups:
        key = name(group)
        shares[key] = _with(shares.get(key) or Share(key), group)
    return tuple(sorted(shares.values(), key=lambda share: (-share.requests, share.name)))


def _with(share: Share, group: Group) -> Share:
    count, used = group.requests, share.usage
    return Share(
        share.name,
        share.requests + count,
        share.running + count * (group.ending == "running"),
        share.ok + count * (group.ending == "ok"),
        share.cancelled + count * (group.ending == "cancelled"),
        share.failed + count * (group.ending in ("error", "truncated", "interrupted")),
        Usage(
            used.uncached + group.uncached,
            used.cache_read + group.cache_read,
            used.cache_write + group.cache_write,
            used.output + group.output,
            used.reasoning + group.reasoning,
            used.estimated or bool(group.estimated),
        ),
        _cached(share.cached, group),
    )


def _cached(before: Cached, group: Group) -> Cached:
    if not group.cached:
        return before
    worth = group.purpose == "request"
    return Cached(
        before.hits + group.cached,
        before.tokens_in + group.saved_input * worth,
        before.tokens_out + group.saved_output * worth,
        before.nano + group.saved_nano * worth,
    )


def _spread(rows: Rows, sql: str, window: tuple[str, str]) -> Spread | None:
    ((p50, p95),) = rows.rows(sql, window)
    return Spread(p50, p95) if isinstance(p50, int) and isinstance(p95, int) else None
