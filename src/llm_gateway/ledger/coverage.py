"""How much of each application's use came through here, and how much passed by: by machine and hour.

Counts only; what they mean is decided in `clients/coverage.py`. A turn is on the machine that its key was
made for, `""` where its key was made for none.
"""

import msgspec

from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.spans import LATEST_US
from llm_gateway.ledger.store import Rows, Statement, Value
from llm_gateway.wire.ready import ready

__all__ = ["Detected", "Use", "detected", "passed_by", "put_detected", "routed"]

_HOUR_US = 3_600 * 1_000_000

# Smoke tests and the dashboard's own questions are no application's use. What failed was no answer: clients
# do not report it either.
_ROUTED = (
    "SELECT turns.client, coalesce(keys.machine, ''), turns.at_us / ?, '', count(*), "
    "coalesce(sum(uncached + cache_read + cache_write + output), 0), max(turns.at_us), "
    "sum(CASE WHEN turns.label = '' THEN 0 ELSE 1 END) "
    "FROM turns LEFT JOIN keys ON keys.id = turns.key_id "
    "WHERE turns.id >= ? AND turns.at_us >= ? AND turns.at_us < ? AND turns.outcome = 'ok' "
    "AND turns.purpose NOT IN ('smoke', 'playground') "
    "GROUP BY 1, 2, 3"
)
_PASSED_BY = (
    "SELECT client, machine, at_us / ?, source, count(*), "
    "coalesce(sum(uncached + cache_read + cache_write + output), 0), max(at_us), "
    "sum(CASE WHEN label = '' THEN 0 ELSE 1 END) "
    "FROM sightings WHERE at_us >= ? AND at_us < ? AND turn_id = '' AND twin = 0 GROUP BY 1, 2, 3, 4"
)
_DETECTED = "SELECT machine, client, at_us, found FROM detections"
_PUT_DETECTED = (
    "INSERT INTO detections (machine, client, at_us, found) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (machine, client) DO UPDATE SET at_us = excluded.at_us, found = excluded.found"
)


@ready
class Use(msgspec.Struct, frozen=True):
    """What an application asked for in one hour (hours since 1970, UTC) on one machine.

    `source` is who told of it where it passed by: `otlp` or `log`. `background` of the requests were made by
    the application for itself.
    """

    client: str
    machine: str
    hour: int
    source: str
    requests: int
    tokens: int
    last_us: int
    background: int


@ready
class Detected(msgspec.Struct, frozen=True):
    """What was found of an application on a machine when somebody last looked: JSON of the detection."""

    machine: str
    client: str
    at_us: int
    found: str


_USE = Use.__struct_fields__
_FOUND = Detected.__struct_fields__


def routed(rows: Rows, since_us: int, until_us: int = LATEST_US) -> list[Use]:
    """Return what came through here since then, and before `until_us`."""
    return _uses(rows, _ROUTED, (_HOUR_US, floor(since_us), since_us, until_us))


def passed_by(rows: Rows, since_us: int, until_us: int = LATEST_US) -> list[Use]:
    """Return what clients reported since then, and before `until_us`, and no turn is."""
    return _uses(rows, _PASSED_BY, (_HOUR_US, since_us, until_us))


def detected(rows: Rows) -> list[Detected]:
    """Return what was found on every machine."""
    return [msgspec.convert(dict(zip(_FOUND, row, strict=True)), Detected) for row in rows.rows(_DETECTED)]


def put_detected(found: Detected) -> Statement:
    """Return the statement that keeps what was found, in place of what was found before."""
    return _PUT_DETECTED, (found.machine, found.client, found.at_us, found.found)


def _uses(rows: Rows, sql: str, values: tuple[Value, ...]) -> list[Use]:
    return [msgspec.convert(dict(zip(_USE, row, strict=True)), Use) for row in rows.rows(sql, values)]
