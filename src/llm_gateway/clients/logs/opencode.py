"""opencode's log: a database, `opencode.db`, whose table `message` has an answer a row, as JSON.

Measured with 1.18.33. A row is there while its answer runs and is finished in place. Input is told without
what was cached, and output without the reasoning. What was said is in another table, which is not looked at.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.clients.logs.reading import Log, Reader
from llm_gateway.clients.logs.tables import Row, Table, table_reader
from llm_gateway.clients.logs.values import apart, count, moment, name
from llm_gateway.ledger.sightings import Sighting

__all__ = ["opencode"]

_NONE = b"null"
_LABELS = {"title": "title", "compaction": "compaction", "summary": "compaction"}


class _Cache(msgspec.Struct):
    read: object = 0
    write: object = 0


class _Tokens(msgspec.Struct):
    input: object = 0
    output: object = 0
    reasoning: object = 0
    total: object = None
    cache: _Cache | None = None


class _Time(msgspec.Struct):
    created: object = None
    completed: object = None


class _Message(msgspec.Struct):
    role: object = None
    agent: object = None
    model: object = msgspec.field(default=None, name="modelID")
    provider: object = msgspec.field(default=None, name="providerID")
    time: _Time | None = None
    tokens: _Tokens | None = None
    error: msgspec.Raw = msgspec.Raw(_NONE)


_message = msgspec.json.Decoder(_Message)
_SELECT = """
SELECT message.rowid, message.id, message.session_id, message.data, session.version, session.parent_id
FROM message LEFT JOIN session ON session.id = message.session_id
WHERE message.rowid > :after AND length(message.data) < 4000000 ORDER BY message.rowid LIMIT :rows
"""


def _read(log: Log, row: Row) -> Iterator[Sighting]:
    _, key, session, data, version, parent = row
    told = _message.decode(data if isinstance(data, str) else b"null")
    if told.role != "assistant" or told.time is None or told.time.completed is None or told.tokens is None:
        return
    tokens, cache = told.tokens, told.tokens.cache or _Cache()
    output = count(tokens.output) + count(tokens.reasoning)
    parts = count(tokens.input) + count(cache.read) + count(cache.write)
    if count(tokens.total) and count(tokens.total) == parts + count(tokens.output):
        output = count(tokens.output)  # the reasoning is in it
    usage = apart(tokens.input, cache.read, cache.write, output, tokens.reasoning)
    if bytes(told.error) != _NONE and not usage.total:
        return  # there was no answer
    agent = name(told.agent)
    yield Sighting(
        client=log.client,
        machine=log.machine,
        source="log",
        mark=name(key),
        at_us=moment(told.time.created, log.now_us),
        usage=usage,
        session=name(session),
        model=name(told.model),
        asked=name(told.provider),
        label=_LABELS.get(agent, "sub-agent" if parent else ""),
        version=name(version),
    )


opencode: Reader = table_reader(
    Table("message", ("id", "session_id", "data"), _SELECT, again=2000, form=_read),
)
