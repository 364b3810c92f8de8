"""Records as rows of the table `turns`, and back. Pure: no database is touched here.

A turn whose begin and end come in one batch becomes one row written once; that is most of them under load.
"""

from collections.abc import Iterable, Sequence

import msgspec

from llm_gateway.ledger.records import Intent, Progress, Record, Settlement, Turn

__all__ = ["BEGUN", "COLUMNS", "SETTLED", "Batch", "merge", "turn_of"]

BEGUN = (
    "id",
    "at_us",
    "key_id",
    "caller",
    "client",
    "dialect",
    "operation",
    "model_asked",
    "provider",
    "model",
    "stream",
    "counts",
    "purpose",
    "request_bytes",
    "held_nano",
    "session",
    "label",
    "told_by",
)
"""The columns of an intent, in the order of its fields."""

SETTLED = (
    "outcome",
    "http_status",
    "error_kind",
    "uncached",
    "cache_read",
    "cache_write",
    "output",
    "reasoning",
    "estimated",
    "latency_us",
    "ttft_us",
    "response_bytes",
    "upstream_request_id",
    "response_id",
    "finish_reason",
    "attempts",
    "losses",
    "cost_nano",
    "price",
    "cached_from",
    "saved_uncached",
    "saved_cache_read",
    "saved_cache_write",
    "saved_output",
    "saved_reasoning",
    "saved_estimated",
    "saved_nano",
)
"""The columns that a settlement fills in; all NULL while the turn runs."""

COLUMNS = BEGUN + SETTLED

_RUNNING = (None,) * len(SETTLED)
_USAGE = ("uncached", "cache_read", "cache_write", "output", "reasoning", "estimated")
_UNCOUNTED = (None,) * len(_USAGE)
# Where the response cache's columns begin: they are the last ones.
_CACHE = SETTLED.index("cached_from")
_NOT_CACHED = (None,) * (len(SETTLED) - _CACHE)
# What stands before the fields of a record that is written as an array.
_INTENT_TAG = Intent.__struct_config__.tag
_SETTLEMENT_TAG = Settlement.__struct_config__.tag
_astuple = msgspec.structs.astuple
_json = msgspec.json.Encoder().encode


class Batch(msgspec.Struct, frozen=True):
    """What one transaction writes: new rows over COLUMNS, and the ends of turns that are rows already.

    An end is SETTLED, then provider, model and id; a progress is bytes of content, then id.
    """

    begun: list[tuple[object, ...]]
    settled: list[tuple[object, ...]]
    progressed: list[tuple[int, str]] = []


def merge(records: Iterable[Record]) -> Batch:
    """Bring records into rows, in the order in which the turns began; one that comes twice counts once."""
    begun: dict[str, tuple[object, ...]] = {}
    settled: list[tuple[object, ...]] = []
    intents: dict[str, Intent] = {}
    progressed: dict[str, int] = {}
    for record in records:
        if type(record) is Intent:
            if record.id not in begun:
                intents[record.id] = record
                begun[record.id] = _astuple(record) + _RUNNING
        elif type(record) is Settlement:
            intent = intents.pop(record.id, None)
            if intent is None:
                settled.append((*_end(record), record.provider, record.model, record.id))
            else:
                begun[record.id] = _beginning(intent, record) + _end(record)
        elif type(record) is Progress:
            progressed[record.id] = record.content_bytes
    return Batch(list(begun.values()), settled, [(size, name) for name, size in progressed.items()])


def turn_of(row: Sequence[object]) -> Turn:
    """Return the turn of a row over COLUMNS."""
    begun, settled = row[: len(BEGUN)], row[len(BEGUN) : len(BEGUN) + _CACHE]
    intent = msgspec.convert((_INTENT_TAG, *begun), Intent, strict=False)
    if settled[0] is None:
        return Turn(intent)
    outcome, status, error_kind, *counts, latency, ttft, size, upstream_id, response_id, finish = settled[:-4]
    cached_from, *saved, saved_nano = row[len(BEGUN) + _CACHE :]
    attempts, losses = (msgspec.json.decode(str(text)) for text in settled[-4:-2])
    cost, price = settled[-2:]
    head = (
        _SETTLEMENT_TAG,
        intent.id,
        outcome,
        status,
        error_kind,
        intent.provider,
        intent.model,
        _usage(counts),
    )
    values = (
        *head,
        latency or 0,
        ttft,
        size,
        upstream_id,
        response_id,
        finish,
        attempts,
        losses,
        cost,
        price or "",
        cached_from or "",
        _usage(saved),
        saved_nano,
    )
    return Turn(intent, msgspec.convert(values, Settlement, strict=False))


def _usage(counts: Sequence[object]) -> dict[str, object] | None:
    return None if counts[0] is None else dict(zip(_USAGE, counts, strict=True))


def _beginning(intent: Intent, end: Settlement) -> tuple[object, ...]:
    """Return the intent's columns as the settlement leaves them."""
    provider, model = end.provider or intent.provider, end.model or intent.model
    if provider != intent.provider or model != intent.model:
        intent = msgspec.structs.replace(intent, provider=provider, model=model)
    return _astuple(intent)


def _end(end: Settlement) -> tuple[object, ...]:
    """Return the settlement's columns."""
    return (
        end.outcome,
        end.http_status,
        end.error_kind,
        *(_UNCOUNTED if end.usage is None else _astuple(end.usage)),
        end.latency_us,
        end.ttft_us or None,
        end.response_bytes,
        end.upstream_request_id,
        end.response_id,
        end.finish_reason,
        _json(end.attempts).decode() if end.attempts else "[]",
        _json(end.losses).decode() if end.losses else "[]",
        end.cost_nano,
        end.price,
        *(_NOT_CACHED if not end.cached_from else _cached(end)),
    )


def _cached(end: Settlement) -> tuple[object, ...]:
    saved = _UNCOUNTED if end.saved is None else _astuple(end.saved)
    return (end.cached_from, *saved, end.saved_nano)
