"""The log of Simon Willison's llm: a database, `logs.db`, with an answer a row.

Measured with 0.36, whose table is `turns`; before that it was `responses`. How input was counted depends on
the plug-in that asked, and is told by its details. Of the answers only their ids and their models' names are
looked at.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.reading import Log, Reader
from llm_gateway.clients.logs.tables import Row, Table, table_reader
from llm_gateway.clients.logs.values import apart, beside, moment, name, within
from llm_gateway.ledger.sightings import Sighting

__all__ = ["llm"]


class _Part(msgspec.Struct):
    cached_tokens: object = 0
    cache_write_tokens: object = 0
    reasoning_tokens: object = 0


class _Kept(msgspec.Struct):
    ephemeral_1h_input_tokens: object = 0


class _Details(msgspec.Struct):
    """What plug-ins keep beside the sums: OpenAI's in parts, Anthropic's and Google's by their own names."""

    prompt_tokens_details: _Part | None = None
    completion_tokens_details: _Part | None = None
    input_tokens_details: _Part | None = None
    output_tokens_details: _Part | None = None
    cache_read_input_tokens: object = 0
    cache_creation_input_tokens: object = 0
    cache_creation: _Kept | None = None
    cached: object = msgspec.field(default=0, name="cachedContentTokenCount")
    thoughts: object = msgspec.field(default=0, name="thoughtsTokenCount")


_details = msgspec.json.Decoder(_Details | None)
_SELECT = """
SELECT rowid, id, {session}, model, datetime_utc, input_tokens, output_tokens,
    CASE WHEN length(token_details) < 100000 THEN token_details END,
    CASE WHEN json_valid(response_json) THEN json_extract(response_json, '$.id') END,
    CASE WHEN json_valid(response_json) THEN json_extract(response_json, '$.model') END
FROM {table} WHERE rowid > :after ORDER BY rowid LIMIT :rows
"""
_COLUMNS = (
    "id",
    "model",
    "datetime_utc",
    "input_tokens",
    "output_tokens",
    "token_details",
    "response_json",
)


def _read(log: Log, row: Row) -> Iterator[Sighting]:
    _, key, session, model, at, sent, made, details, answer_id, real = row
    told = _details.decode(details) if isinstance(details, str) and details else None
    yield Sighting(
        client=log.client,
        machine=log.machine,
        source="log",
        mark=name(key),
        at_us=moment(at, log.now_us),
        usage=_usage(sent, made, told or _Details()),
        answer_id=name(answer_id),
        session=name(session),
        model=name(real) or name(model),
    )


def _usage(sent: object, made: object, told: _Details) -> Usage:
    if told.cache_read_input_tokens or told.cache_creation_input_tokens:
        return apart(
            sent,
            told.cache_read_input_tokens,
            told.cache_creation_input_tokens,
            made,
            write_1h=told.cache_creation.ephemeral_1h_input_tokens if told.cache_creation else 0,
        )
    if told.cached or told.thoughts:
        return beside(sent, told.cached, made, told.thoughts)
    cached = told.prompt_tokens_details or told.input_tokens_details or _Part()
    reasoned = told.completion_tokens_details or told.output_tokens_details or _Part()
    return within(sent, cached.cached_tokens, cached.cache_write_tokens, made, reasoned.reasoning_tokens)


def _table(table: str, session: str) -> Table:
    select = _SELECT.format(table=table, session=session)
    return Table(table, (*_COLUMNS, session), select, again=100, form=_read)


llm: Reader = table_reader(_table("responses", "conversation_id"), _table("turns", "thread_id"))
