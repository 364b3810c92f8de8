"""The first page's sums: figures are the ledger's, and what was avoided says of what it is made."""

import msgspec
import pytest

from ledger_samples import NOON
from llm_gateway.ledger.money import NANO
from llm_gateway.ledger.spreads import Spread
from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.totals import Share, Totals
from llm_gateway.server.metrics_views import metrics_view

AT = "2023-11-14T22:13:20.000Z"


def shown(view: msgspec.Struct) -> dict[str, object]:
    found = msgspec.to_builtins(view)
    assert isinstance(found, dict)
    return found


def test_sums_are_shown_with_every_breakdown() -> None:
    sums = Sums(
        requests=3, ok=2, failed=1, uncached=100, cache_read=20, cache_write=3, output=50, cost_nano=NANO // 2
    )
    share = Share("codex", running=1, sums=sums)
    totals = Totals(share, (share,), (share,), (share, share), (), Spread(1_000, 2_500, 9), Spread(10, 20, 9))
    view = shown(metrics_view(totals, NOON))
    assert view["since"] == AT
    assert (view["total_requests"], view["running_requests"]) == (4, 1)
    assert (view["tokens_in"], view["tokens_out"], view["total_tokens"]) == (123, 50, 173)
    assert view["success_rate"] == pytest.approx(2 / 3)
    assert view["top_model"] == "codex"
    assert (view["latency_p50_ms"], view["latency_p95_ms"]) == (1.0, 2.5)
    assert (view["ttft_p50_ms"], view["ttft_p95_ms"]) == (0.01, 0.02)
    row = {
        "name": "codex",
        "requests": 4,
        "tokens_in": 123,
        "tokens_out": 50,
        "success_rate": 2 / 3,
        "cost_usd": 0.5,
    }
    assert (view["by_client"], view["by_provider"], view["by_purpose"]) == ([row], [row], [])
    assert view["by_model"] == [row, row]
    assert view["response_cache"] == {"hits": 0, "tokens_saved": 0, "usd_saved": 0.0}


def test_what_was_avoided_is_one_figure_with_its_parts() -> None:
    sums = Sums(
        requests=1,
        removed=70,
        compressed=2,
        baseline_nano=9 * NANO,
        route_nano=4 * NANO,
        compression_nano=-NANO,
        response_cache_nano=2 * NANO,
        prompt_cache_nano=3 * NANO,
        prompt_cache_ours_nano=NANO,
        high_nano=5 * NANO,
        low_nano=NANO,
    )
    view = metrics_view(Totals(Share("", sums=sums), (), (), (), (), None, None), NOON)
    assert view.estimated_api_cost_avoided == 6.0, "the provider's own discount is none of the gateway's"
    lines = view.estimated_api_cost_avoided_lines
    assert (lines.route, lines.compression, lines.response_cache, lines.prompt_cache) == (4.0, -1.0, 2.0, 1.0)
    sure = view.estimated_api_cost_avoided_confidence
    assert (sure.high.usd, sure.medium.usd, sure.low.usd, sure.most.usd) == (5.0, 0.0, 1.0, 6.0)
    assert view.estimated_api_cost_avoided_basis.startswith("API-equivalent value $4.000000, compression -$1")
    assert (view.compression_operations, view.compression_tokens_saved) == (2, 70)


def test_without_prices_nothing_is_called_avoided_and_the_reason_is_said() -> None:
    view = metrics_view(Totals(Share(""), (), (), (), (), None, None), NOON)
    assert view.estimated_api_cost_avoided == 0.0
    assert "no answer of this time has a price" in view.estimated_api_cost_avoided_basis
    assert (view.compression_operations, view.compression_tokens_saved) == (0, 0)
    assert (view.success_rate, view.top_model) == (None, "")
    assert (view.latency_p50_ms, view.latency_p95_ms, view.ttft_p50_ms, view.ttft_p95_ms) == (None,) * 4
