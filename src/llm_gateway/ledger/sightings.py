"""Answers that clients report of themselves, by telemetry or in their own logs, routed through here or not.

Kept without anybody's text. Which sighting is which turn is decided by `clients/joining.py`; here is how they
are kept and read. To put a sighting twice changes nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.store import Row, Rows, Statement, Value
from llm_gateway.wire.ready import ready

__all__ = [
    "Answered",
    "Kept",
    "LogPosition",
    "Sighting",
    "Source",
    "answered",
    "join",
    "log_positions",
    "marks",
    "put",
    "put_position",
    "since",
    "told_by",
    "within",
]

Source = Literal["otlp", "log"]
"""Where a sighting comes from: a client's telemetry, or its own log on disk."""


@ready
class Sighting(msgspec.Struct, frozen=True):
    """One answer as its client tells of it. `client` is a row of the catalog; times are microseconds.

    `mark` tells it from every other sighting of the same client, machine and source: an id, or what makes
    one of a line of a log. `answer_id` and `request_id` are what the answer's body and its header
    `request-id` said, `session` the conversation; "" where the client does not tell. `asked` is whom it says
    that it asked, a host or a provider's name of its own. `label` is the kind of a background call.
    """

    client: str
    machine: str
    source: Source
    mark: str
    at_us: int
    usage: Usage = Usage()
    answer_id: str = ""
    request_id: str = ""
    session: str = ""
    model: str = ""
    asked: str = ""
    label: str = ""
    version: str = ""


@ready
class Kept(msgspec.Struct, frozen=True):
    """A sighting as it is kept: with the turn that it is, and the sighting that is the same answer."""

    seq: int
    sighting: Sighting
    turn_id: str = ""
    twin: int = 0


@ready
class Answered(msgspec.Struct, frozen=True):
    """What a sighting can be recognised by in a turn that was answered."""

    id: str
    client: str
    at_us: int
    ended_us: int
    session: str
    model: str
    response_id: str
    upstream_request_id: str
    usage: Usage | None


@ready
class LogPosition(msgspec.Struct, frozen=True):
    """How far a log was read; `state` is what its reader goes on from."""

    machine: str
    path: str
    client: str
    state: str


_COUNTS = ("uncached", "cache_read", "cache_write", "output", "reasoning", "estimated", "cache_write_1h")
_TEXTS = ("answer_id", "request_id", "session", "model", "asked", "label", "version")
_COLUMNS = ("client", "machine", "source", "mark", "at_us", *_TEXTS, *_COUNTS)
_POSITION = LogPosition.__struct_fields__
_RECOGNISED = Answered.__struct_fields__[:-1]
# Texts come from programs that are not ours.
_LONGEST = 200
_WIDEST = 2**53
_PUT = (
    f"INSERT INTO sightings ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT (client, machine, source, mark) DO NOTHING"
)
_SINCE = (
    f"SELECT seq, turn_id, twin, {', '.join(_COLUMNS)} FROM sightings WHERE at_us >= ? ORDER BY at_us, seq"
)
_WITHIN = _SINCE.replace("at_us >= ?", "at_us >= ? AND at_us < ?")
_TOLD_BY = (
    f"SELECT seq, turn_id, twin, {', '.join(_COLUMNS)} FROM sightings AS s "
    "WHERE client = ? AND machine = ? AND source = 'log' AND at_us >= ? AND seq > ? AND NOT EXISTS (SELECT 1 "
    "FROM sightings AS t WHERE t.seq = s.twin AND t.source = 'log') ORDER BY seq LIMIT ?"
)
_MARKS = "SELECT mark FROM sightings WHERE client = ? AND machine = ? AND source = 'log'"
_JOIN = "UPDATE sightings SET turn_id = ?, twin = ? WHERE seq = ?"
_ANSWERED = (
    "SELECT id, client, at_us, at_us + coalesce(latency_us, 0), session, model, coalesce(response_id, ''), "
    "coalesce(upstream_request_id, ''), uncached, cache_read, cache_write, output, reasoning, estimated, "
    "coalesce(cache_write_1h, 0) "
    "FROM turns WHERE id >= ? AND at_us >= ? AND at_us <= ?"
)
_PUT_POSITION = (
    "INSERT INTO log_positions (machine, path, client, state, read_us) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (machine, path) DO UPDATE SET client = excluded.client, state = excluded.state, "
    "read_us = excluded.read_us"
)
_POSITIONS = "SELECT machine, path, client, state FROM log_positions WHERE machine = ? AND client = ?"


def put(sightings: Iterable[Sighting]) -> list[Statement]:
    """Return the statements that keep sightings; one that is kept already stays as it is."""
    return [(_PUT, _values(each)) for each in sightings]


def since(rows: Rows, at_us: int) -> list[Kept]:
    """Return every sighting of this time and later, the oldest first."""
    return [_kept(row) for row in rows.rows(_SINCE, (at_us,))]


def within(rows: Rows, from_us: int, until_us: int) -> list[Kept]:
    """Return every sighting of a time, its end left out, the oldest first."""
    return [_kept(row) for row in rows.rows(_WITHIN, (from_us, until_us))]


def told_by(rows: Rows, whose: tuple[str, str], since_us: int, after: int, limit: int) -> list[Kept]:
    """Return a page of what a client's logs on a machine told, in the order in which it was kept, once."""
    return [_kept(row) for row in rows.rows(_TOLD_BY, (*whose, since_us, after, limit))]


def marks(rows: Rows, client: str, machine: str) -> set[str]:
    """Return the marks of all that a client's logs on a machine told."""
    return {str(row[0]) for row in rows.rows(_MARKS, (client, machine))}


def join(seq: int, turn_id: str, twin: int = 0) -> Statement:
    """Return the statement that says which turn a sighting is, or of which other one it is the twin."""
    return _JOIN, (turn_id, twin, seq)


def answered(rows: Rows, from_us: int, until_us: int) -> list[Answered]:
    """Return the turns that began in a time, with what a sighting can be recognised by."""
    found = rows.rows(_ANSWERED, (floor(from_us), from_us, until_us))
    return [
        msgspec.convert({**dict(zip(_RECOGNISED, row, strict=False)), "usage": _usage(row[8:])}, Answered)
        for row in found
    ]


def put_position(position: LogPosition, now_us: int) -> Statement:
    """Return the statement that keeps how far a log was read: with its sightings, in one transaction."""
    return _PUT_POSITION, (position.machine, position.path, position.client, position.state, now_us)


def log_positions(rows: Rows, machine: str, client: str) -> dict[str, LogPosition]:
    """Return how far the logs of a client on a machine were read, by path."""
    found = [
        msgspec.convert(dict(zip(_POSITION, row, strict=True)), LogPosition)
        for row in rows.rows(_POSITIONS, (machine, client))
    ]
    return {each.path: each for each in found}


def _values(sighting: Sighting) -> list[str | int]:
    usage = msgspec.structs.asdict(sighting.usage)
    counts = [max(0, min(int(usage[name]), _WIDEST)) for name in _COUNTS]
    texts = [_text(getattr(sighting, name)) for name in _TEXTS]
    mark = _text(sighting.mark)
    return [sighting.client, sighting.machine, sighting.source, mark, sighting.at_us, *texts, *counts]


def _text(text: str) -> str:
    return text[:_LONGEST].encode("utf-8", "replace").decode()


def _kept(row: Row) -> Kept:
    seq, turn_id, twin, *values = row
    named = dict(zip(_COLUMNS, values, strict=True))
    usage = _usage([named.pop(name) for name in _COUNTS])
    sighting = msgspec.convert({**named, "usage": usage}, Sighting)
    return msgspec.convert({"seq": seq, "sighting": sighting, "turn_id": turn_id, "twin": twin}, Kept)


def _usage(counts: Sequence[Value]) -> Usage | None:
    if counts[0] is None:
        return None
    return msgspec.convert(dict(zip(_COUNTS, counts, strict=True)), Usage, strict=False)
