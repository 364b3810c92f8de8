"""Sums of periods that are over, kept for the next look at them: they hardly ever change.

That they have not is asked of the ledger each time: the sum of them all is quickly told, and what is kept is
used only where it is the same to the token and the nanodollar. The period that runs is always read anew. How
long things took over a whole time is told as it was up to a minute ago: it is the dearest to add up.
"""

from collections.abc import Sequence

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import COLUMNS, Sums
from llm_gateway.ledger.usage import Asked, Row, usage
from llm_gateway.pipeline.windows import span

__all__ = ["UsageMemory"]

_HOUR_US = 3_600_000_000
_MOST = 24
# Names of keys may change while no sum does.
_LASTS_S = 300.0
_SPREADS_LAST_S = 60.0
_MARKS_LAST_S = 1.0
_Mark = tuple[int, ...]
"""The sum of everything, column by column."""


class _Kept(msgspec.Struct, frozen=True):
    at: float
    mark: _Mark
    rows: Sequence[Row]


class UsageMemory:
    """Answer as `usage` does, and remember what was."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[bytes, _Kept] = {}
        self._spreads: dict[bytes, _Kept] = {}
        self._marks: dict[bytes, _Kept] = {}

    def usage(self, rows: Rows, asked: Asked) -> list[Row]:
        """Return the sums, the earliest period first."""
        cut_us = _running_since(asked, self._clock.now_us())
        if asked.period == "all" and asked.spreads:
            return self._with_spreads(rows, asked)
        if asked.period == "all" or cut_us <= asked.since_us:
            return usage(rows, asked)
        mark = self._mark(rows, asked)
        if asked.until_us is not None and asked.until_us <= cut_us:
            return [*self._over(rows, asked, mark)]
        # The sum up to now is told faster than one up to midnight: months are summed up.
        running = msgspec.structs.replace(asked, since_us=cut_us)
        over = msgspec.structs.replace(asked, until_us=cut_us)
        mark = tuple(both - one for both, one in zip(mark, self._mark(rows, running), strict=True))
        return [*self._over(rows, over, mark), *usage(rows, running)]

    def _over(self, rows: Rows, asked: Asked, mark: _Mark) -> Sequence[Row]:
        """Return the sums of periods that are over, read anew where the sum of them all is another by now."""
        key, now = msgspec.json.encode(asked), self._clock.monotonic()
        kept = self._kept.get(key)
        if kept is not None and kept.mark == mark and now - kept.at < _LASTS_S:
            return kept.rows
        found = usage(rows, asked)
        _keep(self._kept, key, _Kept(now, mark, found))
        return found

    def _mark(self, rows: Rows, asked: Asked) -> _Mark:
        """Return the mark of a time: once for all that one page asks of it."""
        alone = msgspec.structs.replace(asked, period="all", by=(), spreads=False, columns=COLUMNS)
        key, now = msgspec.json.encode(alone), self._clock.monotonic()
        kept = self._marks.get(key)
        if kept is None or now - kept.at >= _MARKS_LAST_S:
            found = usage(rows, alone)
            mark: _Mark = msgspec.structs.astuple(found[0].sums if found else Sums())
            kept = _Kept(now, mark, ())
            _keep(self._marks, key, kept)
        return kept.mark

    def _with_spreads(self, rows: Rows, asked: Asked) -> list[Row]:
        """Return the sums of a whole time as they are, and its spreads as they were not long ago."""
        key, now = msgspec.json.encode(asked), self._clock.monotonic()
        kept = self._spreads.get(key)
        if kept is None or now - kept.at >= _SPREADS_LAST_S:
            found = usage(rows, asked)
            _keep(self._spreads, key, _Kept(now, (), found))
            return found
        known = {row.names: (row.latency, row.ttft) for row in kept.rows}
        return [
            Row(row.start_us, row.names, row.sums, *known.get(row.names, (None, None)))
            for row in usage(rows, msgspec.structs.replace(asked, spreads=False))
        ]


def _keep(kept: dict[bytes, _Kept], key: bytes, what: _Kept) -> None:
    """Keep something as the latest, and not too much."""
    kept.pop(key, None)
    while len(kept) >= _MOST:
        kept.pop(next(iter(kept)), None)
    kept[key] = what


def _running_since(asked: Asked, now_us: int) -> int:
    """Return when the period began that runs."""
    if asked.period == "hour" or asked.period == "all":
        return now_us // _HOUR_US * _HOUR_US
    return span(asked.period, now_us).start
