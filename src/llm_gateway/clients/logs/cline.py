"""Cline's logs: one JSON document a conversation, `data/sessions/<id>/<id>.messages.json`.

Measured with 3.0.65, form 1. Each answer is a message with its metrics. The document beside it, `<id>.json`,
has their sums only. Not what was said.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.clients.logs.documents import document_reader
from llm_gateway.clients.logs.reading import Log, Reader, newer
from llm_gateway.clients.logs.values import either, moment, name
from llm_gateway.ledger.sightings import Sighting

__all__ = ["cline"]

_KNOWN = 1


class _Metrics(msgspec.Struct, rename="camel"):
    input_tokens: object = 0
    cache_read_tokens: object = 0
    cache_write_tokens: object = 0
    output_tokens: object = 0
    reasoning_token_count: object = 0


class _Model(msgspec.Struct):
    id: object = None
    provider: object = None


class _Message(msgspec.Struct, rename="camel"):
    id: object = None
    role: object = None
    ts: object = None
    model_info: _Model | None = None
    metrics: _Metrics | None = None


class _Origin(msgspec.Struct):
    version: object = None


class _Document(msgspec.Struct, rename="camel"):
    version: object = None
    agent: object = None
    session_id: object = None
    origin: _Origin | None = None
    messages: list[_Message] = []


_document = msgspec.json.Decoder(_Document)


def _read(log: Log, document: bytes, changed_us: int) -> Iterator[Sighting | str]:
    told = _document.decode(document)
    if told.messages:
        yield from newer(told.version, _KNOWN)
    session = name(told.session_id)
    for index, message in enumerate(told.messages):
        metrics = message.metrics
        if message.role != "assistant" or metrics is None:
            continue
        model = message.model_info or _Model()
        yield Sighting(
            client=log.client,
            machine=log.machine,
            source="log",
            mark=f"{session}:{name(message.id) or index}",
            at_us=moment(message.ts, changed_us),
            usage=either(
                metrics.input_tokens,
                metrics.cache_read_tokens,
                metrics.cache_write_tokens,
                metrics.output_tokens,
                metrics.reasoning_token_count,
            ),
            session=session,
            model=name(model.id),
            asked=name(model.provider),
            label="" if told.agent in (None, "", "lead") else "sub-agent",
            version=name(told.origin.version) if told.origin else "",
        )


cline: Reader = document_reader(_read)
