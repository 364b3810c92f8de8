"""The sums of a time as the dashboard's first page shows them: how many, how fast, what it cost and avoided.

The whole arithmetic behind the one figure of what was avoided is `savings_views.py`.
"""

import msgspec

from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.totals import Share, Totals
from llm_gateway.server.savings_views import ConfidenceView, basis, confidence_view
from llm_gateway.server.views import iso

__all__ = ["AvoidedLines", "CacheShareView", "MetricsView", "ShareView", "metrics_view"]


class ShareView(msgspec.Struct, frozen=True):
    """Some of the requests, under the name that they have in common."""

    name: str
    requests: int
    tokens_in: int
    tokens_out: int
    success_rate: float | None
    cost_usd: float


class CacheShareView(msgspec.Struct, frozen=True):
    """What the response cache saved; nothing of it is counted anywhere else."""

    hits: int
    tokens_saved: int
    usd_saved: float


class AvoidedLines(msgspec.Struct, frozen=True):
    """What was avoided, by line, in US dollars; below 0 where it cost more. Together they are the figure.

    `route` is the API-equivalent value of what local models and subscriptions answered, `prompt_cache` what
    the provider's cache saved where the gateway placed its marks.
    """

    route: float
    compression: float
    response_cache: float
    prompt_cache: float


class MetricsView(msgspec.Struct, frozen=True):
    """Sums over a time. What demo and smoke requests did is in `by_purpose` and never called avoided cost."""

    since: str
    total_requests: int
    running_requests: int
    total_tokens: int
    tokens_in: int
    tokens_out: int
    success_rate: float | None
    cost_usd: float
    estimated_api_cost_avoided: float
    estimated_api_cost_avoided_basis: str
    estimated_api_cost_avoided_lines: AvoidedLines
    estimated_api_cost_avoided_confidence: ConfidenceView
    compression_operations: int
    compression_tokens_saved: int
    top_model: str
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None
    by_client: list[ShareView]
    by_provider: list[ShareView]
    by_model: list[ShareView]
    by_purpose: list[ShareView]
    response_cache: CacheShareView


def metrics_view(totals: Totals, since_us: int) -> MetricsView:
    """Show the sums of a time."""
    usage, sums, cached = totals.all.usage, totals.all.sums, totals.all.cached
    latency, ttft = totals.latency, totals.ttft
    return MetricsView(
        since=iso(since_us),
        total_requests=totals.all.requests,
        running_requests=totals.all.running,
        total_tokens=usage.total,
        tokens_in=usage.input,
        tokens_out=usage.output,
        success_rate=totals.all.success_rate,
        cost_usd=_usd(sums.cost_nano),
        estimated_api_cost_avoided=_usd(sums.avoided_nano),
        estimated_api_cost_avoided_basis=basis(sums),
        estimated_api_cost_avoided_lines=AvoidedLines(
            _usd(sums.route_nano),
            _usd(sums.compression_nano),
            _usd(sums.response_cache_nano),
            _usd(sums.prompt_cache_ours_nano),
        ),
        estimated_api_cost_avoided_confidence=confidence_view(sums),
        compression_operations=sums.compressed,
        compression_tokens_saved=sums.removed,
        top_model=totals.top_model,
        latency_p50_ms=_ms(latency.p50_us) if latency else None,
        latency_p95_ms=_ms(latency.p95_us) if latency else None,
        ttft_p50_ms=_ms(ttft.p50_us) if ttft else None,
        ttft_p95_ms=_ms(ttft.p95_us) if ttft else None,
        by_client=[_share_view(share) for share in totals.by_client],
        by_provider=[_share_view(share) for share in totals.by_provider],
        by_model=[_share_view(share) for share in totals.by_model],
        by_purpose=[_share_view(share) for share in totals.by_purpose],
        response_cache=CacheShareView(cached.hits, cached.tokens_in + cached.tokens_out, _usd(cached.nano)),
    )


def _share_view(share: Share) -> ShareView:
    usage, cost = share.usage, _usd(share.sums.cost_nano)
    return ShareView(share.name, share.requests, usage.input, usage.output, share.success_rate, cost)


def _usd(nano: int) -> float:
    return float(dollars(nano))


def _ms(us: int) -> float:
    return round(us / 1000, 3)
