"""Records as rows of the table `turns`, and back. Pure: no database is touched here.

A turn whose begin and end come in one batch becomes one row written once; that is most of them under load.
"""

from collections.abc import Iterable, Sequence

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.records import (
    Compressed,
    Intent,
    Money,
    Noted,
    Progress,
    Record,
    Recount,
    Removed,
    Settlement,
    Turn,
)

__all__ = [
    "BEGUN",
    "COLUMNS",
    "RECOUNTED",
    "RECOUNTED_IF_TOLD",
    "SETTLED",
    "WIDTHS",
    "Batch",
    "merge",
    "turn_of",
]

_USAGE = ("uncached", "cache_read", "cache_write", "output", "reasoning", "estimated")
_MONEY = Money.__struct_fields__

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
    *_USAGE,
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
    "counted",
    *_MONEY,
    "tier",
    "error_permille",
    "cache_write_1h",
    "special",
    "removed",
    "cached_from",
    *(f"saved_{name}" for name in _USAGE),
    "saved_nano",
    "saved_cache_write_1h",
    "saved_special",
    "compressed",
)
"""The columns that a settlement fills in; all NULL while the turn runs."""

COLUMNS = BEGUN + SETTLED

WIDTHS = (COLUMNS.index("formula"), COLUMNS.index("tier"), len(COLUMNS))
"""How many columns it takes to write most rows, those with money, and all: what is not written is NULL."""

RECOUNTED = (
    *_USAGE,
    "cache_write_1h",
    "special",
    "counted",
    "error_permille",
    "cost_nano",
    *_MONEY,
)
"""The columns that a recount puts right."""

RECOUNTED_IF_TOLD = ("removed", "compressed")
"""The columns that one puts right as far as it has something to say of them."""

_RUNNING = (None,) * len(SETTLED)
_UNCOUNTED = (None,) * len(_USAGE)
_NO_MONEY = (None,) * len(_MONEY)
_NOT_MORE = (None, None)
# What stands before the fields of an intent that is written as an array.
_INTENT_TAG = Intent.__struct_config__.tag
_SETTLEMENT_TAG = Settlement.__struct_config__.tag
_END = Settlement.__struct_fields__
# What NULL stands for, where it is not the empty text.
_ABSENT: dict[str, object] = {
    "ttft_us": None,
    "cost_nano": None,
    "saved_nano": None,
    "error_permille": None,
    "latency_us": 0,
    "http_status": 0,
    "response_bytes": 0,
    "baseline_nano": None,
    "route_nano": None,
    "compression_nano": None,
    "prompt_cache_nano": None,
    "prompt_cache_ours": False,
    "retried_nano": None,
}
_astuple = msgspec.structs.astuple
_json = msgspec.json.Encoder().encode


class Batch(msgspec.Struct, frozen=True):
    """What one transaction writes: new rows over COLUMNS, and the ends of turns that are rows already.

    An end is SETTLED, then provider, model and id; a progress is bytes of content, then id; a recount is
    RECOUNTED and RECOUNTED_IF_TOLD, then id and whether it tells of compression; a card is its id, then its
    text.
    """

    begun: list[tuple[object, ...]]
    settled: list[tuple[object, ...]]
    progressed: list[tuple[int, str]] = []
    recounted: list[tuple[object, ...]] = []
    cards: list[tuple[str, str]] = []


def merge(records: Iterable[Record]) -> Batch:
    """Bring records into rows, in the order in which the turns began; one that comes twice counts once."""
    begun: dict[str, tuple[object, ...]] = {}
    settled: list[tuple[object, ...]] = []
    intents: dict[str, Intent] = {}
    progressed: dict[str, int] = {}
    recounted: list[tuple[object, ...]] = []
    cards: dict[str, str] = {}
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
        elif type(record) is Recount:
            recounted.append(_better(record))
        elif type(record) is Noted:
            cards[record.id] = record.text
    progress = [(size, name) for name, size in progressed.items()]
    return Batch(list(begun.values()), settled, progress, recounted, list(cards.items()))


def turn_of(row: Sequence[object]) -> Turn:
    """Return the turn of a row over COLUMNS."""
    intent = msgspec.convert((_INTENT_TAG, *row[: len(BEGUN)]), Intent, strict=False)
    told = dict(zip(SETTLED, row[len(BEGUN) :], strict=True))
    if told["outcome"] is None:
        return Turn(intent)
    values: dict[str, object] = {name: _known(told, name) for name in told}
    values |= {
        "id": intent.id,
        "provider": intent.provider,
        "model": intent.model,
        "usage": _usage(told, ""),
        "saved": _usage(told, "saved_"),
        "attempts": _read(told["attempts"]),
        "losses": _read(told["losses"]),
        "removed": _read(told["removed"]),
        "compressed": _read(told["compressed"]),
        "money": None if told["formula"] is None else tuple(_known(told, name) for name in _MONEY),
    }
    found = (_SETTLEMENT_TAG, *(values[name] for name in _END))
    return Turn(intent, msgspec.convert(found, Settlement, strict=False))


def _known(told: dict[str, object], name: str) -> object:
    return _ABSENT.get(name, "") if told[name] is None else told[name]


def _read(text: object) -> object:
    return None if text is None else msgspec.json.decode(str(text))


def _usage(told: dict[str, object], prefix: str) -> dict[str, object] | None:
    """Return the usage in the columns that begin so, None where nobody counted."""
    if told[f"{prefix}uncached"] is None:
        return None
    usage = {name: told[f"{prefix}{name}"] for name in _USAGE}
    usage["cache_write_1h"] = told[f"{prefix}cache_write_1h"] or 0
    usage["special"] = _read(told[f"{prefix}special"])
    return usage


def _beginning(intent: Intent, end: Settlement) -> tuple[object, ...]:
    """Return the intent's columns as the settlement leaves them."""
    provider, model = end.provider or intent.provider, end.model or intent.model
    if provider != intent.provider or model != intent.model:
        intent = msgspec.structs.replace(intent, provider=provider, model=model)
    return _astuple(intent)


def _end(end: Settlement) -> tuple[object, ...]:
    """Return the settlement's columns."""
    usage, saved = end.usage, end.saved
    return (
        end.outcome,
        end.http_status,
        end.error_kind,
        *(_UNCOUNTED if usage is None else _counts(usage)),
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
        end.counted or None,
        *(_NO_MONEY if end.money is None else _astuple(end.money)),
        end.tier or None,
        end.error_permille,
        *(_NOT_MORE if usage is None else _more(usage)),
        _as_json(end.removed),
        end.cached_from or None,
        *(_UNCOUNTED if saved is None else _counts(saved)),
        end.saved_nano,
        *(_NOT_MORE if saved is None else _more(saved)),
        _as_json(end.compressed),
    )


def _better(recount: Recount) -> tuple[object, ...]:
    """Return the columns that a recount puts right, and whose they are."""
    money = _NO_MONEY if recount.money is None else _astuple(recount.money)
    counted = (recount.counted, recount.error_permille, recount.cost_nano)
    removed, compressed = _as_json(recount.removed), _as_json(recount.compressed)
    whose = (recount.id, compressed is not None)
    return (*_counts(recount.usage), *_more(recount.usage), *counted, *money, removed, compressed, *whose)


def _as_json(told: Removed | Compressed | None) -> str | None:
    return None if told is None else _json(told).decode()


def _counts(usage: Usage) -> tuple[object, ...]:
    return (
        usage.uncached,
        usage.cache_read,
        usage.cache_write,
        usage.output,
        usage.reasoning,
        usage.estimated,
    )


def _more(usage: Usage) -> tuple[object, ...]:
    """Return the columns of what most usages have nothing of; NULL takes no room."""
    special = usage.special
    return usage.cache_write_1h or None, None if special is None else _json(special).decode()
