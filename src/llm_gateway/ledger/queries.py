"""What can be asked of the ledger: pages of turns, one turn, sums over a time, who was seen when.

Every query takes anything that reads rows: the gateway's reader, one beside it, or the store when none runs.
Turns that still run are included. None of them goes through all turns. Prices and savings are not here.
"""

from collections import Counter

import msgspec

from llm_gateway.ledger.filters import (
    ENDED_SO,
    LATEST,
    NAMED,
    WANTED,
    Filter,
    first_since,
    ids_from,
    meaning,
    named_values,
)
from llm_gateway.ledger.records import Turn
from llm_gateway.ledger.rollups import ENDINGS, steadily
from llm_gateway.ledger.rows import COLUMNS, turn_of
from llm_gateway.ledger.spans import DAY_US
from llm_gateway.ledger.store import Rows, Value
from llm_gateway.ledger.window import sums_of, window

__all__ = ["MOST", "ClientSeen", "ProviderSeen", "clients", "page", "providers", "turn"]

MOST = 1000

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM turns"
_ONE = f"{_SELECT} WHERE id = ?"

# One that was pruned is as old as the first one that was not.
_BEFORE = "SELECT seq FROM turns WHERE id >= ? ORDER BY id LIMIT 1"
_PAGE_OF_ALL = f"{_SELECT} WHERE seq < ?1 AND seq >= ?2 AND at_us >= ?4 ORDER BY seq DESC LIMIT ?3"
# Whatever the filter: the newest turn of each lane (who and what turns are of, and how they ended) is found
# by one look into `usage_turns`, and from then on the latest of them all is taken, and the one before it in
# its lane put in its place. So it takes a look a lane and a look a turn, however rare they are among others.
_NEXT = (
    "(SELECT max(u.seq) FROM usage_turns AS u "
    "WHERE u.dim = {0}.dim AND u.ending = {0}.ending AND u.seq < {1})"
)
_ENDINGS = ", ".join(f"('{ending}')" for ending in ENDINGS)
_PAGE = (
    f"WITH RECURSIVE endings (ending) AS (VALUES {_ENDINGS}), "
    "lanes (dim, ending) AS (SELECT d.id, e.ending FROM usage_dims AS d CROSS JOIN endings AS e "
    f"WHERE d.source = 'routed' AND {NAMED.format('d')} AND {ENDED_SO.format('e')}), "
    f"newest (seq, dim, ending) AS (SELECT {_NEXT.format('lanes', '?1')}, dim, ending FROM lanes "
    f"UNION ALL SELECT {_NEXT.format('newest', 'newest.seq')}, dim, ending FROM newest "
    "WHERE seq IS NOT NULL ORDER BY 1 DESC LIMIT ?3), "
    "running (seq) AS (SELECT t.seq FROM turns AS t WHERE t.outcome IS NULL AND (?8 = '' OR ?8 = 'running') "
    f"AND +t.seq < ?1 AND {NAMED.format('t')}) "
    f"{_SELECT} WHERE seq IN (SELECT seq FROM newest UNION SELECT seq FROM running) AND seq >= ?2 "
    "AND at_us >= ?4 ORDER BY seq DESC LIMIT ?3"
)
# The turns of a session are in its index in their order; those whose ids begin alike are few.
_PAGE_OF_SOME = (
    f"{_SELECT} AS t WHERE {{0}} AND {{1}}seq < ?1 AND {{1}}seq >= ?2 AND at_us >= ?4 AND {WANTED} "
    "ORDER BY {1}seq DESC LIMIT ?3"
)
_PAGE_OF_SESSION = _PAGE_OF_SOME.format("t.session = ?12 AND t.session <> ''", "")
_PAGE_OF_IDS = _PAGE_OF_SOME.format("t.id >= ?12 AND t.id < ?13", "+")
# What is in the months, and in the hours that are not in them yet.
_TRACKED = (
    "SELECT d.client, sum(u.requests) FROM (SELECT dim, requests FROM usage_months UNION ALL "
    "SELECT dim, requests FROM usage_hours WHERE at >= ?) AS u "
    "CROSS JOIN usage_dims AS d ON d.id = u.dim WHERE d.source = 'routed' GROUP BY d.client"
)
_NEWEST = (
    f"WITH endings (ending) AS (VALUES {_ENDINGS}), newest (name, seq) AS (SELECT d.{{0}}, "
    "max((SELECT max(u.seq) FROM usage_turns AS u WHERE u.dim = d.id AND u.ending = e.ending)) "
    "FROM usage_dims AS d CROSS JOIN endings AS e WHERE d.source = 'routed'{1} GROUP BY d.{0}) "
    "SELECT newest.name, t.at_us, t.error_kind, t.http_status "
    "FROM newest JOIN turns AS t ON t.seq = newest.seq"
)
_NEWEST_OF_CLIENT = _NEWEST.format("client", "")
_NEWEST_OK = _NEWEST.format("provider", " AND e.ending = 'ok'")
_NEWEST_BAD = _NEWEST.format("provider", " AND e.ending IN ('error', 'truncated')")
_RUNNING = "SELECT {0}, count(*), max(at_us) FROM turns WHERE outcome IS NULL AND at_us >= ? GROUP BY {0}"
# Of a client whose turns were all pruned: the end of the last day on which it had some.
_LAST_DAY = (
    "SELECT d.client, max(u.day) FROM (SELECT dim, at AS day FROM usage_days UNION ALL SELECT dim, at / 24 "
    "FROM usage_hours WHERE at >= (SELECT value FROM meta WHERE name = 'folded')) AS u "
    "CROSS JOIN usage_dims AS d ON d.id = u.dim WHERE d.source = 'routed' GROUP BY d.client"
)


class ClientSeen(msgspec.Struct, frozen=True):
    """A client and its traffic through this gateway."""

    client: str
    tracked: int
    last_seen_us: int


class ProviderSeen(msgspec.Struct, frozen=True):
    """A provider and how it fared last; time 0 means not in the time asked for."""

    provider: str
    tracked: int
    last_ok_us: int = 0
    last_error_us: int = 0
    last_error_kind: str = ""
    last_error_status: int = 0


def page(rows: Rows, which: Filter | None = None, *, before: str = "", limit: int = 50) -> list[Turn]:
    """Return turns, the newest first, that began before the one with the id `before`."""
    which = which or Filter()
    newest = _one(rows, _BEFORE, before, LATEST) if before else LATEST
    if which.until_us:
        newest = min(newest, first_since(rows, which.until_us))
    oldest = first_since(rows, which.since_us) if which.since_us else 0
    values: list[Value] = [newest, oldest, max(1, min(limit, MOST)), which.since_us]
    sql = _PAGE_OF_ALL
    if which.names_any:
        taken_for = meaning(rows, which.text)
        values += named_values(which, taken_for)
        sql = _PAGE
        if taken_for == "session":
            sql = _PAGE_OF_SESSION
            values.append(which.text)
        elif taken_for == "id":
            sql = _PAGE_OF_IDS
            values += ids_from(which.text)
    return [turn_of(row) for row in rows.rows(sql, values)]


def turn(rows: Rows, turn_id: str) -> Turn | None:
    """Return one turn, or None when there is none of this id."""
    found = rows.rows(_ONE, (turn_id,))
    return turn_of(found[0]) if found else None


def clients(rows: Rows) -> list[ClientSeen]:
    """Return every client that was ever seen, the latest first."""
    tracked = steadily(rows, lambda folded: rows.rows(_TRACKED, (folded,)))
    counts = Counter({str(name): _number(count) for name, count in tracked if count})
    seen = {str(name): _number(at_us) for name, at_us, *_ in rows.rows(_NEWEST_OF_CLIENT)}
    for name, count, at_us in rows.rows(_RUNNING.format("client"), (0,)):
        counts[str(name)] += _number(count)
        seen[str(name)] = max(seen.get(str(name), 0), _number(at_us))
    if not counts.keys() <= seen.keys():
        days = {str(name): (_number(day) + 1) * DAY_US - 1 for name, day in rows.rows(_LAST_DAY)}
        seen = days | seen
    found = [ClientSeen(name, count, seen.get(name, 0)) for name, count in counts.items()]
    return sorted(found, key=lambda each: (-each.last_seen_us, each.client))


def providers(rows: Rows, since_us: int) -> list[ProviderSeen]:
    """Return every provider that was asked since then, by name."""
    counts: Counter[str] = Counter()
    for (name,), sums in sums_of(rows, ("{0}.provider",), window(rows, since_us)).items():
        counts[name] += sums.requests
    for provider, count, _ in rows.rows(_RUNNING.format("provider"), (since_us,)):
        counts[str(provider)] += _number(count)
    good = {str(name): _number(at_us) for name, at_us, *_ in rows.rows(_NEWEST_OK)}
    bad = {str(name): told for name, *told in rows.rows(_NEWEST_BAD) if _number(told[0]) >= since_us}
    found = []
    for name in sorted(counts):
        at_us, kind, status = bad.get(name, (0, "", 0))
        last_ok_us = good.get(name, 0) if good.get(name, 0) >= since_us else 0
        found.append(
            ProviderSeen(name, counts[name], last_ok_us, _number(at_us), str(kind or ""), _number(status))
        )
    return found


def _one(rows: Rows, sql: str, value: Value, otherwise: int) -> int:
    """Return the number that a query finds, or another one where it finds none."""
    found = rows.rows(sql, (value,))
    return _number(found[0][0]) if found else otherwise


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
