"""Usage as people and programs see it: figures by period and by whom, their sum, and what to know of them.

Made from the ledger's sums by pure functions; the command line makes them of a ledger that nobody has open.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec

from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.usage import Asked, Row, usage
from llm_gateway.server.usage_query import Question
from llm_gateway.server.views import iso
from llm_gateway.wire.ready import ready

__all__ = [
    "FiguresView",
    "Reading",
    "UsageRowView",
    "UsageView",
    "figures",
    "period_name",
    "row_view",
    "usage_answer",
]

Reading = Callable[[Rows, Asked], list[Row]]
"""What reads sums of the ledger, as `usage` does."""


@ready
class FiguresView(msgspec.Struct, frozen=True):
    """Sums. The tokens that went in are `tokens_uncached`, `tokens_cache_read` and `tokens_cache_write`.

    `estimated` is how many answers nobody but us counted, `unpriced` how many are reckoned at an assumed
    price because theirs is not known. Money is in US dollars, and exactly in nanodollars; what is avoided is
    told by `/api/dashboard/savings`; `equivalent` is the part of it that is an API-equivalent value and no
    saving. `retried` is what attempts cost that did not become the answer.
    """

    requests: int
    ok: int
    cancelled: int
    failed: int
    estimated: int
    unpriced: int
    cached_answers: int
    tokens: int
    tokens_in: int
    tokens_uncached: int
    tokens_cache_read: int
    tokens_cache_write: int
    tokens_out: int
    tokens_reasoning: int
    tokens_removed: int
    cost_usd: float
    cost_nano: int
    retried_usd: float
    retried_nano: int
    avoided_usd: float
    avoided_nano: int
    equivalent_usd: float = 0.0
    equivalent_nano: int = 0


@ready
class UsageRowView(msgspec.Struct, frozen=True):
    """The figures of one period and of those that `names` says; `start` is when the period begins, in UTC."""

    start: str
    period: str
    names: dict[str, str]
    figures: FiguresView
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    ttft_p50_ms: float | None = None
    ttft_p95_ms: float | None = None


@ready
class UsageView(msgspec.Struct, frozen=True):
    """What was used in a time. `notes` say what has to be known to read the figures.

    `total` is the sum of what was routed, `seen` that of what clients reported and did not come through here,
    None where nobody asked for it. The time is in whole hours.
    """

    since: str
    until: str
    period: str
    by: list[str]
    source: str
    rows: list[UsageRowView]
    total: FiguresView
    seen: FiguresView | None
    notes: list[str]


def usage_answer(rows: Rows, question: Question, read: Reading = usage) -> UsageView:
    """Return the answer to a question; `read` reads sums of the ledger."""
    asked = question.asked
    found = sorted(read(rows, asked), key=_order)
    seen = [
        row for row in found if question.source == "seen" or _names(question, row).get("source") == "seen"
    ]
    total = _sum([row for row in found if row not in seen])
    beside = _sum(seen) if question.source != "routed" else None
    elsewhere = Sums()
    if question.source == "routed":
        elsewhere = _sum(usage(rows, question.whole(source="seen")))
    return UsageView(
        iso(asked.since_us),
        iso(question.until_us),
        question.period,
        list(asked.by),
        question.source,
        [row_view(question, row) for row in found],
        figures(total),
        figures(beside) if beside is not None else None,
        list(_notes(question.source, total, elsewhere)),
    )


def row_view(question: Question, row: Row) -> UsageRowView:
    """Show the sums of one period and of those that it is broken down by."""
    latency, ttft = row.latency, row.ttft
    return UsageRowView(
        iso(row.start_us),
        period_name(question.period, row.start_us),
        _names(question, row),
        figures(row.sums),
        _ms(latency.p50_us) if latency else None,
        _ms(latency.p95_us) if latency else None,
        _ms(ttft.p50_us) if ttft else None,
        _ms(ttft.p95_us) if ttft else None,
    )


def figures(sums: Sums) -> FiguresView:
    """Show sums."""
    return FiguresView(
        requests=sums.requests,
        ok=sums.ok,
        cancelled=sums.cancelled,
        failed=sums.failed,
        estimated=sums.estimated,
        unpriced=sums.unpriced,
        cached_answers=sums.cached,
        tokens=sums.total,
        tokens_in=sums.input,
        tokens_uncached=sums.uncached,
        tokens_cache_read=sums.cache_read,
        tokens_cache_write=sums.cache_write,
        tokens_out=sums.output,
        tokens_reasoning=sums.reasoning,
        tokens_removed=sums.removed,
        cost_usd=float(dollars(sums.cost_nano)),
        cost_nano=sums.cost_nano,
        retried_usd=float(dollars(sums.retried_nano)),
        retried_nano=sums.retried_nano,
        avoided_usd=float(dollars(sums.avoided_nano)),
        avoided_nano=sums.avoided_nano,
        equivalent_usd=float(dollars(sums.route_nano)),
        equivalent_nano=sums.route_nano,
    )


def period_name(period: str, start_us: int) -> str:
    """Return a period as people name it: an hour, a day, the Monday of a week, a month."""
    at = datetime.fromtimestamp(start_us / 1e6, UTC)
    match period:
        case "hourly":
            return at.strftime("%Y-%m-%d %H:00")
        case "monthly":
            return at.strftime("%Y-%m")
        case "all":
            return "all"
        case _:
            return at.strftime("%Y-%m-%d")


def _order(row: Row) -> tuple[int, int, int, tuple[str, ...]]:
    """Put the dearest of a period first, then the largest."""
    return row.start_us, -row.sums.cost_nano, -row.sums.total, row.names


def _sum(rows: list[Row]) -> Sums:
    return sum((row.sums for row in rows), start=Sums())


def _names(question: Question, row: Row) -> dict[str, str]:
    return dict(zip(map(str, question.asked.by), row.names, strict=True))


def _ms(us: int) -> float:
    return round(us / 1000, 3)


def _notes(source: str, total: Sums, elsewhere: Sums) -> Iterator[str]:
    if total.estimated:
        which = f"{total.estimated:,} of {total.requests:,} answers"
        yield f"~ estimated: {which} were not counted by their provider"
    if total.unpriced:
        yield (
            f"price unknown: {total.unpriced:,} of {total.requests:,} answers, reckoned at a dear one; "
            "state the price under prices.models"
        )
    if elsewhere.requests:
        answers = "1 answer" if elsewhere.requests == 1 else f"{elsewhere.requests:,} answers"
        yield (
            f"seen elsewhere: {answers} ({elsewhere.total:,} tokens) did not come through here; "
            "source all shows both"
        )
    if source != "routed":
        yield "seen is what clients report of what did not come through here; nothing is known of its cost"
