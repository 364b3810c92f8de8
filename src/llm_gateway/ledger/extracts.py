"""What is handed out of the ledger in bulk: turns, sightings and sums by day, page by page, oldest first.

Memory is that of a page, however many there are. No keys and nobody's text: what a request said is not in
the ledger, and a key is there by its id. How a page is written is `server/extract_formats.py`.
"""

from typing import Literal, assert_never, get_args

import msgspec

from llm_gateway.ledger.card_uses import CACHED_LINE
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.store import Row, Rows, Value
from llm_gateway.ledger.sums import COLUMNS
from llm_gateway.ledger.usage import Asked, Dimension, usage

__all__ = ["BULKS", "PAGE", "Bulk", "Column", "Meaning", "Page", "bulk_columns", "bulk_page"]

PAGE = 2000
"""How many rows a page has."""

Bulk = Literal["turns", "usage", "sightings"]
BULKS: tuple[Bulk, ...] = ("turns", "usage", "sightings")

Meaning = Literal["text", "count", "flag", "time", "money"]
"""What the values of a column are: times are microseconds, money is nanodollars."""

_END = 2**63 - 1


class Column(msgspec.Struct, frozen=True):
    """A column as it is handed out."""

    name: str
    meaning: Meaning


class Page(msgspec.Struct, frozen=True):
    """Some rows; `after` is where the next page goes on, None where this is the last."""

    rows: list[Row]
    after: int | None


_TURNS: tuple[tuple[str, Meaning, str], ...] = (
    ("id", "text", "id"),
    ("at", "time", "at_us"),
    ("outcome", "text", "coalesce(outcome, 'running')"),
    ("client", "text", "client"),
    ("caller", "text", "caller"),
    ("key", "text", "key_id"),
    ("session", "text", "session"),
    ("label", "text", "label"),
    ("told_by", "text", "told_by"),
    ("purpose", "text", "purpose"),
    ("dialect", "text", "dialect"),
    ("operation", "text", "operation"),
    ("stream", "flag", "stream"),
    ("counts", "flag", "counts"),
    ("model_asked", "text", "model_asked"),
    ("provider", "text", "provider"),
    ("model", "text", "model"),
    ("tier", "text", "tier"),
    ("http_status", "count", "http_status"),
    ("error", "text", "error_kind"),
    ("finish_reason", "text", "finish_reason"),
    ("upstream_request_id", "text", "upstream_request_id"),
    ("response_id", "text", "response_id"),
    ("request_bytes", "count", "request_bytes"),
    ("response_bytes", "count", "response_bytes"),
    ("latency_us", "count", "latency_us"),
    ("ttft_us", "count", "ttft_us"),
    ("tokens_uncached", "count", "uncached"),
    ("tokens_cache_read", "count", "cache_read"),
    ("tokens_cache_write", "count", "cache_write"),
    ("tokens_cache_write_1h", "count", "cache_write_1h"),
    ("tokens_output", "count", "output"),
    ("tokens_reasoning", "count", "reasoning"),
    ("estimated", "flag", "estimated"),
    ("counted", "text", "counted"),
    ("error_permille", "count", "error_permille"),
    ("cached_from", "text", "cached_from"),
    ("saved_tokens_in", "count", "saved_uncached + saved_cache_read + saved_cache_write"),
    ("saved_tokens_out", "count", "saved_output"),
    ("price", "text", "price"),
    ("formula", "count", "formula"),
    ("tariff", "text", "tariff"),
    ("reference", "text", "reference"),
    ("confidence", "text", "confidence"),
    ("cost", "money", "cost_nano"),
    ("baseline", "money", "baseline_nano"),
    ("route", "money", "route_nano"),
    ("compression", "money", "compression_nano"),
    ("response_cache", "money", CACHED_LINE),
    ("prompt_cache", "money", "prompt_cache_nano"),
    ("prompt_cache_ours", "flag", "prompt_cache_ours"),
    ("retried", "money", "retried_nano"),
)

_SIGHTINGS: tuple[tuple[str, Meaning, str], ...] = (
    ("at", "time", "at_us"),
    ("client", "text", "client"),
    ("machine", "text", "machine"),
    ("source", "text", "source"),
    ("session", "text", "session"),
    ("label", "text", "label"),
    ("version", "text", "version"),
    ("asked", "text", "asked"),
    ("model", "text", "model"),
    ("answer_id", "text", "answer_id"),
    ("request_id", "text", "request_id"),
    ("tokens_uncached", "count", "uncached"),
    ("tokens_cache_read", "count", "cache_read"),
    ("tokens_cache_write", "count", "cache_write"),
    ("tokens_cache_write_1h", "count", "cache_write_1h"),
    ("tokens_output", "count", "output"),
    ("tokens_reasoning", "count", "reasoning"),
    ("estimated", "flag", "estimated"),
    ("turn", "text", "turn_id"),
    ("twin", "flag", "twin <> 0"),
)


_BY: tuple[Dimension, ...] = get_args(Dimension)
_REQUESTS = ("requests", "ok", "cancelled", "failed", "estimated", "cached", "unpriced", "compressed")
_USAGE: tuple[tuple[str, Meaning, str], ...] = (
    ("day", "time", ""),
    *((name, "text", "") for name in _BY),
    *(
        (name.removesuffix("_nano"), "money", "")
        if name.endswith("_nano")
        else (name if name in _REQUESTS else f"tokens_{name}", "count", "")
        for name in COLUMNS
    ),
)
# Of what is recent there are hours, and days later on.
_NEXT_DAY = (
    "SELECT min(day) FROM (SELECT min(at) AS day FROM usage_days WHERE at >= ?1 "
    "UNION ALL SELECT min(at) / 24 FROM usage_hours WHERE at >= ?1 * 24)"
)
_DAY_US = 86_400_000_000


def bulk_columns(bulk: Bulk) -> tuple[Column, ...]:
    """Return what is handed out, in its order; it is documented in accounting.md."""
    return tuple(Column(name, meaning) for name, meaning, _ in _table(bulk))


def bulk_page(rows: Rows, bulk: Bulk, since_us: int, until_us: int, after: int) -> Page:
    """Return what began from `since_us` on and before `until_us`, behind the place `after`, 0 first."""
    if bulk == "usage":
        return _usage_page(rows, max(since_us, after), until_us or _END)
    told = ", ".join(sql for _, _, sql in _table(bulk))
    values: tuple[Value, ...] = (after, since_us, until_us or _END, PAGE)
    begin = ""
    if bulk == "turns" and since_us and not after:
        # The order of ids is that of time: what was long before is not even looked at.
        begin = "AND seq >= (SELECT coalesce(min(seq), 0) FROM turns WHERE id >= ?) "
        values = (after, since_us, until_us or _END, floor(since_us), PAGE)
    sql = (
        f"SELECT seq, {told} FROM {bulk} AS t WHERE seq > ? AND at_us >= ? AND at_us < ? {begin}"
        "ORDER BY seq LIMIT ?"
    )
    found = rows.rows(sql, values)
    last = found[-1][0] if len(found) == PAGE else None
    return Page([row[1:] for row in found], last if isinstance(last, int) else None)


def _usage_page(rows: Rows, since_us: int, until_us: int) -> Page:
    """Return the sums of the first day that has some, of the hours that the time touches."""
    ((day,),) = rows.rows(_NEXT_DAY, (since_us // _DAY_US,))
    if not isinstance(day, int) or day * _DAY_US >= until_us:
        return Page([], None)
    next_us = (day + 1) * _DAY_US
    asked = Asked(max(since_us, day * _DAY_US), min(until_us, next_us), "day", _BY, spreads=False)
    found: list[Row] = [
        (day * _DAY_US, *row.names, *msgspec.structs.astuple(row.sums)) for row in usage(rows, asked)
    ]
    return Page(found, next_us)


def _table(bulk: Bulk) -> tuple[tuple[str, Meaning, str], ...]:
    match bulk:
        case "turns":
            return _TURNS
        case "usage":
            return _USAGE
        case "sightings":
            return _SIGHTINGS
        case _:
            assert_never(bulk)
