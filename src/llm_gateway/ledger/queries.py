"""What can be asked of the ledger: pages of turns, one turn, sums over a time, who was seen when.

Every query takes anything that reads rows: the gateway's reader, one beside it, or the store when none runs.
Turns that still run are included. Prices and savings are not here.
"""

import msgspec

from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.records import Turn
from llm_gateway.ledger.rows import COLUMNS, turn_of
from llm_gateway.ledger.store import Rows, Value
from llm_gateway.wire.ready import ready

__all__ = ["MOST", "ClientSeen", "Filter", "ProviderSeen", "clients", "page", "providers", "turn"]

MOST = 1000

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM turns"
_ONE = f"{_SELECT} WHERE id = ?"

# One text per index that can lead: by client, by provider, or none. The other conditions filter what comes.
_PAGE = (
    f"{_SELECT} WHERE seq < coalesce((SELECT seq FROM turns WHERE id = ?), 9223372036854775807) "
    "AND (? = 0 OR seq >= (SELECT min(seq) FROM turns WHERE id >= ?)) AND at_us >= ? "
    "AND (? = '' OR model = ?) AND (? = '' OR coalesce(outcome, 'running') = ?)"
)
_NEWEST_FIRST = " ORDER BY seq DESC LIMIT ?"
_PAGE_OF_ALL = _PAGE + _NEWEST_FIRST
_PAGE_OF_CLIENT = _PAGE + " AND (? = '' OR provider = ?) AND client = ?" + _NEWEST_FIRST
_PAGE_OF_PROVIDER = _PAGE + " AND provider = ?" + _NEWEST_FIRST

_CLIENTS = (
    "SELECT seen.client, seen.tracked, turns.at_us FROM "
    "(SELECT client, count(*) AS tracked, max(seq) AS newest FROM turns GROUP BY client) AS seen "
    "JOIN turns ON turns.seq = seen.newest ORDER BY turns.at_us DESC"
)
_PROVIDERS = (
    "SELECT seen.provider, seen.tracked, good.at_us, bad.at_us, bad.error_kind, bad.http_status FROM "
    "(SELECT provider, count(*) AS tracked, "
    "max(CASE WHEN outcome = 'ok' AND cached_from IS NULL THEN seq END) AS good, "
    "max(CASE WHEN outcome IN ('error', 'truncated') THEN seq END) AS bad "
    "FROM turns WHERE id >= ? GROUP BY provider) AS seen "
    "LEFT JOIN turns AS good ON good.seq = seen.good LEFT JOIN turns AS bad ON bad.seq = seen.bad "
    "ORDER BY seen.provider"
)


class Filter(msgspec.Struct, frozen=True):
    """Which turns: what is empty does not matter. `outcome` may be `running`."""

    client: str = ""
    provider: str = ""
    model: str = ""
    outcome: str = ""
    since_us: int = 0


@ready
class ClientSeen(msgspec.Struct, frozen=True):
    """A client and its traffic through this gateway."""

    client: str
    tracked: int
    last_seen_us: int


@ready
class ProviderSeen(msgspec.Struct, frozen=True):
    """A provider and how it fared last; time 0 means not in the time asked for."""

    provider: str
    tracked: int
    last_ok_us: int = 0
    last_error_us: int = 0
    last_error_kind: str = ""
    last_error_status: int = 0


_CLIENT = ClientSeen.__struct_fields__
_PROVIDER = ProviderSeen.__struct_fields__


def page(rows: Rows, which: Filter | None = None, *, before: str = "", limit: int = 50) -> list[Turn]:
    """Return turns, the newest first, that began before the one with the id `before`."""
    which = which or Filter()
    values: list[Value] = [before, which.since_us, floor(which.since_us), which.since_us]
    values += [which.model, which.model, which.outcome, which.outcome]
    if which.client:
        sql = _PAGE_OF_CLIENT
        values += [which.provider, which.provider, which.client]
    elif which.provider:
        sql = _PAGE_OF_PROVIDER
        values.append(which.provider)
    else:
        sql = _PAGE_OF_ALL
    return [turn_of(row) for row in rows.rows(sql, (*values, max(1, min(limit, MOST))))]


def turn(rows: Rows, turn_id: str) -> Turn | None:
    """Return one turn, or None when there is none of this id."""
    found = rows.rows(_ONE, (turn_id,))
    return turn_of(found[0]) if found else None


def clients(rows: Rows) -> list[ClientSeen]:
    """Return every client that was ever seen, the latest first."""
    return [msgspec.convert(dict(zip(_CLIENT, row, strict=True)), ClientSeen) for row in rows.rows(_CLIENTS)]


def providers(rows: Rows, since_us: int) -> list[ProviderSeen]:
    """Return every provider that was asked since then, by name."""
    return [
        msgspec.convert(
            {name: value for name, value in zip(_PROVIDER, row, strict=True) if value is not None},
            ProviderSeen,
        )
        for row in rows.rows(_PROVIDERS, (floor(since_us),))
    ]
