"""What came through here and what passed by, hour by hour: counted again only where an hour has changed.

Counting goes through every turn of a time, and most of a time is over. What an hour's counts are known by is
its sums, which change with everything that ends or is recognised in it. Where raw rows were pruned there are
sums of more than is left; such a time is counted each time.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from llm_gateway.ledger.coverage import Use, passed_by, routed
from llm_gateway.ledger.rebuilding import whole_since
from llm_gateway.ledger.spans import HOUR_US
from llm_gateway.ledger.store import Rows, Value

__all__ = ["UsedHours"]

_SUMS = (
    "SELECT at, count(*), sum(requests), sum(ok), sum(uncached + cache_read + cache_write + output) "
    "FROM usage_hours WHERE at >= ? GROUP BY at ORDER BY at"
)
_Mark = tuple[Value, ...]
_Counted = tuple[tuple[Use, ...], tuple[Use, ...]]
_NOTHING: _Counted = ((), ())


class UsedHours:
    """The hours that were counted, each with what it is known by."""

    def __init__(self) -> None:
        self._known: Mapping[int, tuple[_Mark, _Counted]] = {}

    def since(self, rows: Rows, since_us: int) -> _Counted:
        """Return what came through and what passed by from then on."""
        first = -(-max(since_us, whole_since(rows)) // HOUR_US)
        # The sums before the turns: what ends in between is counted once more the next time.
        marks = {int(str(at)): tuple(rest) for at, *rest in rows.rows(_SUMS, (first,))}
        known = {at: each for at, each in self._known.items() if marks.get(at) == each[0]}
        for begin, end in _runs(marks, known):
            counted = _by_hour(_count(rows, begin * HOUR_US, end * HOUR_US))
            known |= {at: (marks[at], counted.get(at, _NOTHING)) for at in marks if begin <= at < end}
        self._known = known
        parts = [_count(rows, since_us, first * HOUR_US), *(known[at][1] for at in sorted(known))]
        return tuple(use for part in parts for use in part[0]), tuple(
            use for part in parts for use in part[1]
        )


def _runs(marks: Mapping[int, _Mark], known: Mapping[int, object]) -> Iterator[tuple[int, int]]:
    """Yield the times that have to be counted: from an hour on, and before another one."""
    begin: int | None = None
    end = 0
    for at in marks:
        if at in known and begin is not None:
            yield begin, end
            begin = None
        elif at not in known:
            begin, end = at if begin is None else begin, at + 1
    if begin is not None:
        yield begin, end


def _count(rows: Rows, since_us: int, until_us: int) -> _Counted:
    return tuple(routed(rows, since_us, until_us)), tuple(passed_by(rows, since_us, until_us))


def _by_hour(counted: _Counted) -> dict[int, _Counted]:
    hours: dict[int, tuple[list[Use], list[Use]]] = defaultdict(lambda: ([], []))
    for which, uses in enumerate(counted):
        for use in uses:
            hours[use.hour][which].append(use)
    return {at: (tuple(came), tuple(went)) for at, (came, went) in hours.items()}
