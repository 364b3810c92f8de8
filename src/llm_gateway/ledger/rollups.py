"""Sums by hour, day and month, kept up within the transaction that gives turns their end.

Triggers on the writer's own connection note what got an end, so a record that is applied twice is summed up
once, wherever it comes from: a batch, the journal, a scrubbed record, a start after a kill. Here are the
statements, in their order; `sqlite.py` runs them, `rebuilding.py` too. What a column is of is `sums.py`.
"""

from collections.abc import Iterator

from llm_gateway.ledger.store import Statement
from llm_gateway.ledger.sums import COLUMNS, OF_A_SIGHTING, OF_A_TURN

__all__ = [
    "DAY_US",
    "ENDING",
    "ENDINGS",
    "HOURS_OF_A_DAY",
    "HOUR_US",
    "LANE_OF_A_SIGHTING",
    "LANE_OF_A_TURN",
    "LATEST_US",
    "MONTH_OF_AN_HOUR",
    "MONTH_OF_A_DAY",
    "NOTE",
    "NOTED",
    "RECOUNTING",
    "SLOTS_OF_TURNS",
    "after_recount",
    "before_recount",
    "roll_up",
]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
LATEST_US = 253_402_300_799_000_000
"""The end of the calendar: what clients report may bear any time."""

ENDINGS = ("ok", "cached", "error", "cancelled", "truncated", "interrupted")
ENDING = "CASE WHEN t.outcome = 'ok' AND t.cached_from IS NOT NULL THEN 'cached' ELSE t.outcome END"
HOURS_OF_A_DAY = 24
_MONTH = "((strftime('%Y', {0}, 'unixepoch') - 1970) * 12 + strftime('%m', {0}, 'unixepoch') - 1)"
MONTH_OF_AN_HOUR = _MONTH.format("at * 3600")
MONTH_OF_A_DAY = _MONTH.format("at * 86400")

_DIMS = ("source", "client", "caller", "key_id", "provider", "model", "machine", "purpose")
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
LANE_OF_A_SIGHTING = dict.fromkeys(_DIMS, "''") | {
    "source": "'seen'",
    "client": "s.client",
    "model": "s.model",
    "machine": "s.machine",
    "purpose": "'request'",
}
"""The same of a sighting, `s`."""

_NAMES = ", ".join(_DIMS)
_SUMS = ", ".join(COLUMNS)
_ADD = ", ".join(f"{name} = {name} + excluded.{name}" for name in COLUMNS)
_EACH_SUM = ", ".join(f"sum({name})" for name in COLUMNS)

_SHOWN = "{0}.turn_id = '' AND {0}.twin = 0"
_WHOLE = "NEW.at_us >= (SELECT value FROM meta WHERE name = 'sightings_whole_us')"
_EACH_COLUMN = ", ".join(f"{name} INTEGER NOT NULL" for name in COLUMNS)
_TABLES = (
    "ended (seq INTEGER PRIMARY KEY)",
    "sighted (seq INTEGER NOT NULL, sign INTEGER NOT NULL)",
    "lanes (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, dim INTEGER NOT NULL)",
    f"delta (at INTEGER NOT NULL, dim INTEGER NOT NULL, {_EACH_COLUMN})",
    "slots (at INTEGER, dim INTEGER, kind TEXT, slot INTEGER, n INTEGER)",
)
_ENDED = "BEGIN INSERT INTO ended (seq) VALUES (NEW.seq); END"
_TRIGGERS = {
    "turn_put": f"AFTER INSERT ON turns WHEN NEW.outcome IS NOT NULL {_ENDED}",
    "turn_ended": "AFTER UPDATE OF outcome ON turns "
    f"WHEN OLD.outcome IS NULL AND NEW.outcome IS NOT NULL {_ENDED}",
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
RECOUNTING = (
    "INSERT INTO ended (seq) SELECT seq FROM turns WHERE id = ? AND outcome IS NOT NULL AND estimated = 1 "
    "ON CONFLICT DO NOTHING"
)
NOTED = "SELECT EXISTS (SELECT 1 FROM ended), EXISTS (SELECT 1 FROM sighted)"

_TURNS = "ended AS e JOIN turns AS t ON t.seq = e.seq LEFT JOIN keys AS k ON k.id = t.key_id"
_SIGHTINGS = "sighted AS e JOIN sightings AS s ON s.seq = e.seq"


def _hour(row: str) -> str:
    return f"max(min({row}.at_us, {LATEST_US}), 0) / {HOUR_US}"


def _same(lane: dict[str, str]) -> str:
    return " AND ".join(f"d.{name} = {value}" for name, value in lane.items())


def _name_lanes(lane: dict[str, str], found: str, row: str) -> str:
    """Return the statement that gives each lane that is new its row, and says when its latest turn began."""
    return (
        f"INSERT INTO usage_dims ({_NAMES}, last_us) SELECT {', '.join(lane.values())}, max({row}.at_us) "
        f"FROM {found} GROUP BY {', '.join(lane.values())} "
        f"ON CONFLICT ({_NAMES}) DO UPDATE SET last_us = excluded.last_us WHERE excluded.last_us > last_us"
    )


def _add_to(table: str, at: str) -> str:
    """Return the statement that adds the delta to the sums of a span."""
    return (
        f"INSERT INTO {table} (at, dim, {_SUMS}) SELECT {at} AS span_at, dim, {_EACH_SUM} FROM delta "
        f"WHERE true GROUP BY span_at, dim ON CONFLICT (at, dim) DO UPDATE SET {_ADD}"
    )


def _add_slots(span: str, at: str) -> str:
    return (
        f"INSERT INTO usage_spreads (span, at, dim, kind, slot, n) SELECT '{span}', {at} AS span_at, dim, "
        "kind, slot, sum(n) FROM slots WHERE true GROUP BY span_at, dim, kind, slot "
        "ON CONFLICT (span, at, dim, kind, slot) DO UPDATE SET n = n + excluded.n"
    )


def _slots(kind: str, column: str) -> str:
    """Return the query for the slots of what took time in turns that `lanes` lists."""
    slot = f"(SELECT slot FROM usage_slots WHERE low <= t.{column} ORDER BY low DESC LIMIT 1)"
    return (
        f"SELECT l.at, l.dim, '{kind}' AS kind, {slot} AS slot FROM lanes AS l "
        f"JOIN turns AS t ON t.seq = l.seq "
        f"WHERE t.outcome = 'ok' AND t.cached_from IS NULL AND t.{column} > 0"
    )


_NAME_TURNS = _name_lanes(LANE_OF_A_TURN, _TURNS, "t")
_NAME_SIGHTINGS = _name_lanes(LANE_OF_A_SIGHTING, _SIGHTINGS, "s")
_LIST = (
    f"INSERT INTO lanes (seq, at, dim) SELECT t.seq, {_hour('t')}, d.id FROM {_TURNS} "
    f"JOIN usage_dims AS d ON {_same(LANE_OF_A_TURN)}"
)
_SUM_TURNS = (
    f"INSERT INTO delta (at, dim, {_SUMS}) SELECT l.at, l.dim, "
    + ", ".join(f"?1 * sum({each})" for each in OF_A_TURN.values())
    + " FROM lanes AS l JOIN turns AS t ON t.seq = l.seq GROUP BY l.at, l.dim"
)
_SUM_SIGHTINGS = (
    f"INSERT INTO delta (at, dim, {_SUMS}) SELECT {_hour('s')} AS hour, d.id, "
    + ", ".join(f"sum(e.sign * ({OF_A_SIGHTING[name]}))" for name in COLUMNS)
    + f" FROM {_SIGHTINGS} JOIN usage_dims AS d ON {_same(LANE_OF_A_SIGHTING)} GROUP BY hour, d.id"
)
SLOTS_OF_TURNS = f"{_slots('l', 'latency_us')} UNION ALL {_slots('t', 'ttft_us')}"
_SUM_SLOTS = (
    "INSERT INTO slots (at, dim, kind, slot, n) SELECT at, dim, kind, slot, count(*) "
    f"FROM ({SLOTS_OF_TURNS}) GROUP BY at, dim, kind, slot"
)
_FIND = (
    f"INSERT INTO usage_turns (dim, ending, seq) SELECT l.dim, {ENDING}, l.seq FROM lanes AS l "
    "JOIN turns AS t ON t.seq = l.seq WHERE true ON CONFLICT DO NOTHING"
)
_SPANS = (("usage_hours", "h", "at"), ("usage_days", "d", "at / 24"), ("usage_months", "m", MONTH_OF_AN_HOUR))
_ADD_SUMS = tuple(_add_to(table, at) for table, _, at in _SPANS)
_ADD_SLOTS = tuple(_add_slots(span, at) for _, span, at in _SPANS)
_CLEAR = tuple(f"DELETE FROM {table}" for table in ("ended", "sighted", "lanes", "delta", "slots"))


def roll_up(*, turns: bool, sightings: bool) -> Iterator[Statement]:
    """Yield what adds everything noted to the sums, and notes nothing any more."""
    if turns:
        yield _NAME_TURNS, ()
        yield _LIST, ()
        yield _SUM_TURNS, (1,)
        yield _SUM_SLOTS, ()
        yield _FIND, ()
        yield from ((sql, ()) for sql in _ADD_SLOTS)
    if sightings:
        yield _NAME_SIGHTINGS, ()
        yield _SUM_SIGHTINGS, ()
    yield from ((sql, ()) for sql in (*_ADD_SUMS, *_CLEAR))


def before_recount() -> Iterator[Statement]:
    """Yield what takes the turns of `ended` out of the sums, as they are now."""
    yield _LIST, ()
    yield _SUM_TURNS, (-1,)


def after_recount() -> Iterator[Statement]:
    """Yield what adds them again, as they are then."""
    yield _SUM_TURNS, (1,)
    yield from ((sql, ()) for sql in (*_ADD_SUMS, *_CLEAR))
