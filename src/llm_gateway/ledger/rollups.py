"""Sums by hour, day and month, kept up within the transaction that gives turns their end.

What had no end before the transaction and has one after it is summed up, so a record that is applied twice
counts once, wherever it comes from: a batch, the journal, a scrubbed record, a start after a kill. (Triggers
on turns would say the same, and cost half as much as the row itself; of sightings they do.) Here are the
statements, in their order. Days and months have the hours before the one in which turns begin now: those
are added to them when the next hour begins, what comes later for such an hour at once. What a column is of
is `sums.py`.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from llm_gateway.ledger.histograms import add_hours
from llm_gateway.ledger.spans import HOUR_US, LATEST_US
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import COLUMNS, OF_A_SIGHTING, OF_A_TURN

__all__ = [
    "DIMENSIONS",
    "ENDING",
    "ENDINGS",
    "HOUR_OF_A_SIGHTING",
    "HOUR_OF_A_TURN",
    "LANE_OF_A_SIGHTING",
    "LANE_OF_A_TURN",
    "MONTH_OF_AN_HOUR",
    "MONTH_OF_A_DAY",
    "NOTE",
    "SLOTS",
    "recount",
    "roll_up",
    "standing",
    "steadily",
]

T = TypeVar("T")

ENDINGS = ("ok", "cached", "error", "cancelled", "truncated", "interrupted")
ENDING = "CASE WHEN t.outcome = 'ok' AND t.cached_from IS NOT NULL THEN 'cached' ELSE t.outcome END"
_MONTH = "((strftime('%Y', {0}, 'unixepoch') - 1970) * 12 + strftime('%m', {0}, 'unixepoch') - 1)"
MONTH_OF_AN_HOUR = _MONTH.format("at * 3600")
MONTH_OF_A_DAY = _MONTH.format("at * 86400")

_SLOT = "(SELECT slot FROM usage_slots WHERE low <= t.{0} ORDER BY low DESC LIMIT 1)"
_TOOK = "t.outcome = 'ok' AND t.cached_from IS NULL AND t.{0} > 0"
SLOTS = {
    kind: (_SLOT.format(column), _TOOK.format(column))
    for kind, column in (("l", "latency_us"), ("t", "ttft_us"))
}
"""The slot of what took time in a turn, `t`, and in which turns it counts: by the kind of it."""

_HOUR = f"max(min({{0}}.at_us, {LATEST_US}), 0) / {HOUR_US}"
HOUR_OF_A_TURN = _HOUR.format("t")
HOUR_OF_A_SIGHTING = _HOUR.format("s")

DIMENSIONS = ("source", "client", "caller", "key_id", "provider", "model", "machine", "purpose")
LANE_OF_A_TURN = {
    "source": "'routed'",
    "client": "t.client",
    "caller": "t.caller",
    "key_id": "t.key_id",
    "provider": "t.provider",
    "model": "t.model",
    "machine": "coalesce(k.machine, '')",
    "purpose": "t.purpose",
}
"""Who and what a turn, `t`, is of; `k` is its key."""
LANE_OF_A_SIGHTING = dict.fromkeys(DIMENSIONS, "''") | {
    "source": "'seen'",
    "client": "s.client",
    "model": "s.model",
    "machine": "s.machine",
    "purpose": "'request'",
}
"""The same of a sighting, `s`."""

_NAMES = ", ".join(DIMENSIONS)
_SUMS = ", ".join(COLUMNS)
_ADD = ", ".join(f"{name} = {name} + excluded.{name}" for name in COLUMNS)

_SHOWN = "{0}.turn_id = '' AND {0}.twin = 0"
# Of a time whose turns were pruned nobody knows any more which of them a sighting is: it is in the sums once.
_WHOLE = (
    "max(NEW.at_us, 0) >= "
    "(SELECT max(value) FROM meta WHERE name IN ('turns_whole_us', 'sightings_whole_us'))"
)
_EACH_COLUMN = ", ".join(f"{name} INTEGER NOT NULL" for name in COLUMNS)
_TABLES = (
    "opened (seq INTEGER PRIMARY KEY)",
    "ended (seq INTEGER PRIMARY KEY)",
    "sighted (seq INTEGER NOT NULL, sign INTEGER NOT NULL)",
    "lanes (at INTEGER, dim INTEGER, seq INTEGER, PRIMARY KEY (at, dim, seq)) WITHOUT ROWID",
    f"delta (at INTEGER NOT NULL, dim INTEGER NOT NULL, {_EACH_COLUMN})",
)
_TRIGGERS = {
    "sighting_put": f"AFTER INSERT ON sightings WHEN {_SHOWN.format('NEW')} AND {_WHOLE} "
    "BEGIN INSERT INTO sighted (seq, sign) VALUES (NEW.seq, 1); END",
    "sighting_shown": "AFTER UPDATE OF turn_id, twin ON sightings "
    f"WHEN ({_SHOWN.format('NEW')}) <> ({_SHOWN.format('OLD')}) AND {_WHOLE} BEGIN INSERT INTO sighted "
    f"(seq, sign) VALUES (NEW.seq, CASE WHEN {_SHOWN.format('NEW')} THEN 1 ELSE -1 END); END",
}
NOTE = (
    *(f"CREATE TEMP TABLE {table}" for table in _TABLES),
    *(f"CREATE TEMP TRIGGER {name} {what}" for name, what in _TRIGGERS.items()),
)
"""What a connection that writes is prepared with: tables of its own, and the triggers that fill them."""
_LAST = "SELECT coalesce(max(seq), 0) FROM turns"
_OPENED = "INSERT INTO opened (seq) SELECT seq FROM turns WHERE outcome IS NULL"
_NEW_ENDED = "INSERT INTO ended (seq) SELECT seq FROM turns WHERE seq > ? AND outcome IS NOT NULL"
_OPENED_ENDED = (
    "INSERT INTO ended (seq) SELECT o.seq FROM opened AS o CROSS JOIN turns AS t ON t.seq = o.seq "
    "WHERE t.outcome IS NOT NULL"
)
_NOTED = "SELECT EXISTS (SELECT 1 FROM ended), EXISTS (SELECT 1 FROM sighted)"
_NOTE_RECOUNT = (
    "INSERT INTO ended (seq) SELECT seq FROM turns WHERE id = ? AND outcome IS NOT NULL "
    "AND (estimated = 1 OR compressed IS NOT NULL) ON CONFLICT DO NOTHING"
)

_KEY = "LEFT JOIN keys AS k ON k.id = t.key_id"
_SIGHTINGS = "sighted AS e CROSS JOIN sightings AS s ON s.seq = e.seq"


def _dim(lane: dict[str, str]) -> str:
    """Return what finds the row of a lane."""
    same = " AND ".join(f"d.{name} = {value}" for name, value in lane.items())
    return f"(SELECT d.id FROM usage_dims AS d WHERE {same})"


def _add(table: str, at: str, source: str) -> str:
    """Return the statement that adds sums of hours to those of a span."""
    return (
        f"INSERT INTO {table} (at, dim, {_SUMS}) SELECT {at}, dim, {_SUMS} FROM {source} "
        f"ON CONFLICT (at, dim) DO UPDATE SET {_ADD}"
    )


def _slots(kind: str) -> str:
    """Return the query for the slots of what took time in the turns that `lanes` lists."""
    slot, counted = SLOTS[kind]
    return (
        f"SELECT l.at, l.dim, '{kind}' AS kind, {slot} AS slot, 1 AS n FROM lanes AS l "
        f"CROSS JOIN turns AS t ON t.seq = l.seq WHERE {counted}"
    )


# The order of a join is fixed: a table of a million turns must not be what is gone through.
_LIST = (
    f"INSERT INTO lanes (at, dim, seq) SELECT {HOUR_OF_A_TURN}, coalesce({_dim(LANE_OF_A_TURN)}, 0), t.seq "
    f"FROM ended AS e CROSS JOIN turns AS t ON t.seq = e.seq {_KEY}"
)
_NEW = f"FROM lanes AS l CROSS JOIN turns AS t ON t.seq = l.seq {_KEY} WHERE l.dim = 0"
_NAME = f"INSERT INTO usage_dims ({_NAMES}) SELECT DISTINCT {', '.join(LANE_OF_A_TURN.values())} {_NEW}"
_LIST_NEW = (
    f"UPDATE lanes SET dim = (SELECT {_dim(LANE_OF_A_TURN)} FROM turns AS t {_KEY} WHERE t.seq = lanes.seq) "
    "WHERE dim = 0"
)
_NAME_SIGHTINGS = (
    f"INSERT INTO usage_dims ({_NAMES}) SELECT DISTINCT {', '.join(LANE_OF_A_SIGHTING.values())} "
    f"FROM {_SIGHTINGS} WHERE true ON CONFLICT DO NOTHING"
)
_SUM_TURNS = (
    f"INSERT INTO delta (at, dim, {_SUMS}) SELECT l.at, l.dim, "
    + ", ".join(f"?1 * coalesce(sum({each}), 0)" for each in OF_A_TURN.values())
    + " FROM lanes AS l CROSS JOIN turns AS t ON t.seq = l.seq GROUP BY l.at, l.dim"
)
_SUM_SIGHTINGS = (
    f"INSERT INTO delta (at, dim, {_SUMS}) "
    f"SELECT {HOUR_OF_A_SIGHTING} AS hour, {_dim(LANE_OF_A_SIGHTING)} AS lane, "
    + ", ".join(f"sum(e.sign * ({OF_A_SIGHTING[name]}))" for name in COLUMNS)
    + f" FROM {_SIGHTINGS} GROUP BY hour, lane"
)
_SLOTS_OF_TURNS = " UNION ALL ".join(map(_slots, SLOTS))
_FIND = (
    f"INSERT INTO usage_turns (dim, ending, seq) SELECT l.dim, {ENDING}, l.seq FROM lanes AS l "
    "CROSS JOIN turns AS t ON t.seq = l.seq WHERE true ON CONFLICT DO NOTHING"
)
_ADD_HOURS = _add("usage_hours", "at", "delta WHERE true")
_ADD_SLOTS = (
    f"INSERT INTO usage_spreads (at, dim, kind, slot, n) SELECT * FROM ({_SLOTS_OF_TURNS}) WHERE true "
    "ON CONFLICT (at, dim, kind, slot) DO UPDATE SET n = n + excluded.n"
)
_LATE = "SELECT min(at) FROM delta"
_NOW = "SELECT max(at) FROM lanes"
_FOLDED = "SELECT value FROM meta WHERE name = 'folded'"
_SAY_FOLDED = "UPDATE meta SET value = ? WHERE name = 'folded'"
_WIDER = (("usage_days", "at / 24"), ("usage_months", MONTH_OF_AN_HOUR))
_ADD_LATE = tuple(_add(table, at, "delta WHERE at < ?1") for table, at in _WIDER)
_LATE_SLOTS = f"SELECT * FROM ({_SLOTS_OF_TURNS}) WHERE at < ?1"
_FOLD = tuple(_add(table, at, "usage_hours WHERE at >= ?1 AND at < ?2") for table, at in _WIDER)
_FOLDED_SLOTS = "SELECT at, dim, kind, slot, n FROM usage_spreads WHERE at >= ?1 AND at < ?2"
_FORGET = "DELETE FROM opened"
_CLEAR = tuple(f"DELETE FROM {table}" for table in ("ended", "sighted", "lanes", "delta"))


def standing(store: Rows) -> int:
    """Note which turns are open before something is written, and return the last turn there is."""
    store.rows(_OPENED)
    ((last,),) = store.rows(_LAST)
    assert isinstance(last, int)
    return last


def roll_up(store: Rows, last: int) -> None:
    """Add to the sums what got an end since `standing`, and every sighting noted; note nothing any more."""
    store.rows(_NEW_ENDED, (last,))
    store.rows(_OPENED_ENDED)
    ((turns, sightings),) = store.rows(_NOTED)
    if turns:
        _list(store)
        store.rows(_SUM_TURNS, (1,))
        store.rows(_FIND)
        store.rows(_ADD_SLOTS)
    if sightings:
        store.rows(_NAME_SIGHTINGS)
        store.rows(_SUM_SIGHTINGS)
    if turns or sightings:
        _add_up(store, slots=bool(turns))
    store.rows(_FORGET)


def steadily(rows: Rows, query: Callable[[int], T]) -> T:
    """Return what a query finds that is told which hour days and months have not: of one state of them."""
    while True:
        ((folded,),) = rows.rows(_FOLDED)
        assert isinstance(folded, int)
        found = query(folded)
        if rows.rows(_FOLDED) == [(folded,)]:
            return found


def recount(store: Rows, ids: Iterable[str], put_right: Callable[[], object]) -> None:
    """Put right what turns that ended are said to have used, and the sums with it."""
    for turn_id in ids:
        store.rows(_NOTE_RECOUNT, (turn_id,))
    _list(store)
    store.rows(_SUM_TURNS, (-1,))
    put_right()
    store.rows(_SUM_TURNS, (1,))
    _add_up(store, slots=False)


def _list(store: Rows) -> None:
    """Say of each turn that is noted when it began and what it is of."""
    store.rows(_LIST)
    store.rows(_NAME)
    store.rows(_LIST_NEW)


def _add_up(store: Rows, *, slots: bool) -> None:
    """Add what was summed up to the hours, and to days and months as far as they have those hours."""
    store.rows(_ADD_HOURS)
    ((folded,),) = store.rows(_FOLDED)
    ((first,),) = store.rows(_LATE)
    ((last,),) = store.rows(_NOW)
    assert isinstance(folded, int)
    if isinstance(first, int) and first < folded:
        for sql in _ADD_LATE:
            store.rows(sql, (folded,))
        if slots:
            add_hours(store, store.rows(_LATE_SLOTS, (folded,)))
    if isinstance(last, int) and last > folded:
        for sql in _FOLD:
            store.rows(sql, (folded, last))
        add_hours(store, store.rows(_FOLDED_SLOTS, (folded, last)))
        store.rows(_SAY_FOLDED, (last,))
    for sql in _CLEAR:
        store.rows(sql)
