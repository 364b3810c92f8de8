"""Let go of turns that are old enough, and of what clients reported then: the sums and the cards stay.

A little at a time, each in a transaction of its own in the thread that writes, so that what ends meanwhile
waits for milliseconds. What is kept for how long is the configuration's.
"""

import asyncio
from collections.abc import Callable

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.config import Loaded
from llm_gateway.errors import AuditUnavailable, LedgerUnavailable
from llm_gateway.ledger.compressions import prune_compressions
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.removals import prune_removals
from llm_gateway.ledger.rollups import ENDING, LANE_OF_A_TURN
from llm_gateway.ledger.spans import DAY_US
from llm_gateway.ledger.store import Rows, Statement, Store
from llm_gateway.telemetry.log import Log

__all__ = ["Pruned", "begin_of", "due", "keep_pruned", "prune", "prune_some", "pruning"]

_AT_ONCE = 250
_BETWEEN_S = 0.05
_AGAIN_S = 6 * 3600.0
_DECIDED_DAYS = 60
_WHOLE = (
    "UPDATE meta SET value = max(value, ?1) WHERE name = '{0}_whole_us' "
    "AND EXISTS (SELECT 1 FROM {0} WHERE at_us < ?1{1})"
)
_ENDED = " AND outcome IS NOT NULL"
_OLD_TURNS = (
    f"SELECT t.seq, {ENDING}, (SELECT d.id FROM usage_dims AS d WHERE "
    + " AND ".join(f"d.{name} = {value}" for name, value in LANE_OF_A_TURN.items())
    + ") FROM turns AS t LEFT JOIN keys AS k ON k.id = t.key_id "
    f"WHERE t.at_us < ? AND t.outcome IS NOT NULL ORDER BY t.at_us, t.seq LIMIT {_AT_ONCE}"
)
_OLD_SIGHTINGS = f"SELECT seq FROM sightings WHERE at_us < ? ORDER BY at_us, seq LIMIT {_AT_ONCE}"
# One by one: to look for many at once SQLite goes through all that their lanes have.
_FORGET = "DELETE FROM usage_turns WHERE seq = ? AND ending = ? AND dim = ?"
_PRUNE_TURN = "DELETE FROM turns WHERE seq = ?"
_PRUNE_SIGHTING = "DELETE FROM sightings WHERE seq = ?"
_DUE = (
    "SELECT (SELECT count(*) FROM turns WHERE at_us < ?1) "
    "- (SELECT count(*) FROM turns WHERE at_us < ?1 AND outcome IS NULL), "
    "(SELECT count(*) FROM sightings WHERE at_us < ?1)"
)


class Pruned(msgspec.Struct, frozen=True):
    """How many turns and sightings went, or would."""

    turns: int = 0
    sightings: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        """Return both together."""
        return Pruned(self.turns + other.turns, self.sightings + other.sightings)


def begin_of(days: int, now_us: int) -> int:
    """Return from when on everything stays that is to be kept for so many days: the begin of a day in UTC."""
    return max(now_us // DAY_US - days, 0) * DAY_US


def due(rows: Rows, before_us: int) -> Pruned:
    """Return how much is older than that, of what has ended."""
    ((turns, sightings),) = rows.rows(_DUE, (before_us,))
    return Pruned(_number(turns), _number(sightings))


def prune_some(store: Store, before_us: int) -> Pruned:
    """Delete some of what is older than that; nothing when it is gone."""
    value = (before_us,)
    turns, sightings = store.rows(_OLD_TURNS, value), store.rows(_OLD_SIGHTINGS, value)
    if not turns and not sightings:
        return Pruned()
    # First of all: a day of which something is gone is never summed up anew.
    statements: list[Statement] = [
        (_WHOLE.format("turns", _ENDED), value),
        (_WHOLE.format("sightings", ""), value),
    ]
    statements += [(_FORGET, turn) for turn in turns]
    statements += [(_PRUNE_TURN, turn[:1]) for turn in turns]
    statements += [(_PRUNE_SIGHTING, sighting) for sighting in sightings]
    store.write(statements)
    return Pruned(len(turns), len(sightings))


def prune(store: Store, before_us: int) -> Pruned:
    """Delete everything that is older than that, while no gateway runs."""
    whole = Pruned()
    while (some := prune_some(store, before_us)) != Pruned():
        whole += some
    return whole


async def pruning(ledger: Ledger, before_us: int) -> Pruned:
    """Delete everything that is older than that, beside what goes on."""
    whole = Pruned()
    while (some := await ledger.write(lambda store: prune_some(store, before_us))) != Pruned():
        whole += some
        await asyncio.sleep(_BETWEEN_S)
    return whole


async def keep_pruned(ledger: Ledger, clock: Clock, loaded: Callable[[], Loaded], log: Log) -> None:
    """Delete what is older than the configuration says, several times a day, until cancelled.

    What was decided of conversations goes by itself: nobody goes on with one as old as that, and who does
    is asked for it as it came.
    """
    while True:
        days = loaded().settings.ledger.keep_days
        try:
            decided = clock.now_us() - _DECIDED_DAYS * DAY_US
            await _forget_decisions(ledger, decided)
            if days:
                await _prune(ledger, begin_of(days, clock.now_us()), days, log)
        except (AuditUnavailable, LedgerUnavailable) as error:
            log.failure("ledger.prune", error)
        await asyncio.sleep(_AGAIN_S)


async def _prune(ledger: Ledger, before_us: int, days: int, log: Log) -> None:
    if await ledger.read(due, before_us) == Pruned():
        return
    await ledger.audit.record("ledger.prune", f"older than {days} days", "gateway")
    gone = await pruning(ledger, before_us)
    log.write("info", "old turns are pruned", count=gone.turns)


async def _forget_decisions(ledger: Ledger, before_us: int) -> None:
    await ledger.write(lambda store: prune_compressions(store, before_us))
    await ledger.write(lambda store: prune_removals(store, before_us))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
