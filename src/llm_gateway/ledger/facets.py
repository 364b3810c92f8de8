"""How many turns there are of each client, provider, model and so on, and when: what can be filtered by.

Of each facet the counts are those of turns that fit the rest of the filter, so that one value can be taken
for another. They come from the sums by hour, day and month; from turns themselves only at the ends of a time,
for a short one, and for a session or ids (`tallies.py`). Of what clients reported of themselves and no turn
is, the `source` `seen`, there are counts too.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from llm_gateway.ledger.buckets import Width, begin_of, number_of, width_for
from llm_gateway.ledger.filters import FAILED, NAMELESS, Filter, Meaning, first_since, lowered, meaning
from llm_gateway.ledger.spans import DAY_US, HOUR_US
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.tallies import (
    FACETS,
    Facet,
    Tally,
    at_the_ends,
    counted,
    key_names,
    listed,
    reach,
    summed,
)
from llm_gateway.wire.ready import ready

__all__ = ["Bucket", "Facets", "Share", "facets"]

# So many turns are counted one by one sooner than their sums are found.
_FEW = 8000
_SHORT_US = 6 * HOUR_US
_Chosen = tuple[int, Facet, str]
_MEANT = {"ok": ("ok", "cached"), "failed": FAILED}
_FIRST = (
    "SELECT u.at FROM {0} AS u CROSS JOIN usage_dims AS d ON d.id = u.dim WHERE d.source = 'routed' "
    "ORDER BY u.at LIMIT 1"
)
_FIRST_DAY = _FIRST.format("usage_days")
_FIRST_HOUR = _FIRST.format("usage_hours")


@ready
class Share(msgspec.Struct, frozen=True):
    """So many requests are of this value of a facet."""

    name: str
    requests: int


@ready
class Bucket(msgspec.Struct, frozen=True):
    """How the requests ended that began in a part of the time; what was answered from a cache is `ok` too."""

    start_us: int
    ok: int = 0
    failed: int = 0
    cancelled: int = 0
    running: int = 0


@ready
class Facets(msgspec.Struct, frozen=True):
    """What a filter finds: how much, of what, and when. `text_is` is what its text is taken for."""

    requests: int
    since_us: int
    until_us: int
    by: dict[Facet, tuple[Share, ...]]
    buckets: tuple[Bucket, ...]
    width: Width
    text_is: Meaning


def facets(rows: Rows, which: Filter, now_us: int) -> Facets:
    """Return what there is to choose from, and when it was, of a time that ends now where none is said."""
    taken_for = meaning(rows, which.text)
    since_us, until_us = which.since_us, which.until_us or now_us + 1
    if taken_for in ("id", "session"):
        first_us, last_us = reach(rows, which, taken_for)
        since_us, until_us = max(since_us, first_us), min(until_us, last_us + 1)
    elif not since_us:
        since_us = _beginning(rows, now_us)
    until_us = max(until_us, since_us + 1)
    one_by_one = taken_for in ("id", "session") or _is_short(rows, since_us, until_us)
    width = width_for(until_us - since_us, minutes=one_by_one)
    asked = msgspec.structs.replace(which, since_us=since_us, until_us=until_us)
    names = key_names(rows)
    if one_by_one:
        found = list(listed(rows, asked, taken_for, width, names))
        in_buckets: Iterable[Tally] = found
    else:
        ends = list(at_the_ends(rows, asked, width, names))
        found = [*summed(rows, asked, names), *ends]
        in_buckets = [*counted(rows, asked, taken_for, width), *ends]
    by, requests = _by(found, asked, taken_for)
    buckets = _buckets(in_buckets, asked, taken_for, width)
    return Facets(requests, since_us, until_us, by, buckets, width, taken_for)


def _is_short(rows: Rows, since_us: int, until_us: int) -> bool:
    if until_us - since_us > _SHORT_US:
        return False
    ((last,),) = rows.rows("SELECT coalesce(max(seq), 0) FROM turns")
    after = int(last) + 1 if isinstance(last, int) else 1
    return min(first_since(rows, until_us), after) - min(first_since(rows, since_us), after) <= _FEW


def _beginning(rows: Rows, now_us: int) -> int:
    """Return when the first day began of which there are sums, or the first hour; else a day ago."""
    for sql, length_us in ((_FIRST_DAY, DAY_US), (_FIRST_HOUR, HOUR_US)):
        for (number,) in rows.rows(sql):
            if isinstance(number, int):
                return min(number * length_us, now_us)
    return now_us - DAY_US


def _by(
    found: Iterable[Tally], asked: Filter, taken_for: Meaning
) -> tuple[dict[Facet, tuple[Share, ...]], int]:
    """Return the shares of each facet, the largest first, and how many turns fit the whole filter."""
    counts: dict[Facet, Counter[str]] = {facet: Counter() for facet in FACETS}
    requests, chosen = 0, _chosen(asked)
    for tally in found:
        if not _named_so(tally, asked, taken_for):
            continue
        unlike = _unlike(tally, chosen)
        if not unlike:
            requests += tally.count
        if len(unlike) <= 1:
            for facet in unlike or FACETS:
                for name in _values(facet, tally):
                    counts[facet][name] += tally.count
    by = {
        facet: tuple(Share(*pair) for pair in sorted(each.items(), key=lambda pair: (-pair[1], pair[0])))
        for facet, each in counts.items()
    }
    return by, requests


def _buckets(found: Iterable[Tally], asked: Filter, taken_for: Meaning, width: Width) -> tuple[Bucket, ...]:
    """Return the parts of the time, those without a turn too."""
    first, last = (number_of(width, at_us) for at_us in (asked.since_us, asked.until_us - 1))
    counts: Counter[tuple[int, str]] = Counter()
    chosen = _chosen(asked)
    for tally in found:
        told = not tally.names[0]  # by a statement that asks for the names of the filter itself
        if told:
            fits = _ended_so(tally.names[4], asked.outcome)
        else:
            fits = _named_so(tally, asked, taken_for) and not _unlike(tally, chosen)
        if fits:
            counts[tally.number, _end(tally.names[4])] += tally.count
    ends = ("ok", "failed", "cancelled", "running")
    return tuple(
        Bucket(begin_of(width, number), *(counts[number, end] for end in ends))
        for number in range(first, last + 1)
    )


def _chosen(asked: Filter) -> list[_Chosen]:
    """Return what is asked for of each facet of which anything is."""
    wanted = ("routed", asked.client, asked.provider, asked.model, asked.outcome, asked.key, asked.caller)
    return [
        (place, facet, want) for place, (facet, want) in enumerate(zip(FACETS, wanted, strict=True)) if want
    ]


def _unlike(tally: Tally, chosen: Sequence[_Chosen]) -> list[Facet]:
    """Return the facets in which turns are not as they are asked for."""
    unlike: list[Facet] = []
    for place, facet, want in chosen:
        name = tally.names[place]
        if name == want:
            continue
        match facet:
            case "status":
                fits = _ended_so(name, want)
            case "key":
                fits = want == tally.key_id
            case _:
                fits = want == NAMELESS and not name
        if not fits:
            unlike.append(facet)
    return unlike


def _named_so(tally: Tally, asked: Filter, taken_for: Meaning) -> bool:
    if taken_for != "name":
        return True
    part = lowered(asked.text)
    return any(part in lowered(name) for name in tally.names[1:4])


def _ended_so(status: str, want: str) -> bool:
    return status == want or not want or status in _MEANT.get(want, ())


def _values(facet: Facet, tally: Tally) -> tuple[str, ...]:
    """Return the values of a facet that turns are counted under: an end may be a part of another one."""
    name = tally.names[FACETS.index(facet)]
    if facet != "status":
        return (name,)
    return (name, *(whole for whole, ends in _MEANT.items() if name in ends and name != whole))


def _end(status: str) -> str:
    return next((whole for whole, ends in _MEANT.items() if status in ends), status)
