"""What the running gateway's counters are told of a turn that has ended. The ledger is told in `turn.py`."""

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.records import Money, Settlement
from llm_gateway.telemetry.metrics import Metrics

__all__ = ["tally"]

_NOTHING = Usage()


def tally(metrics: Metrics, client: str, settlement: Settlement) -> None:
    """Count a turn out: how it ended, what it used and cost, and what of that was avoided."""
    labels = (client, settlement.provider, settlement.model)
    usage, ttft_us, money = settlement.usage or _NOTHING, settlement.ttft_us, settlement.money
    metrics.settled(
        labels,
        settlement.outcome,
        (usage.uncached, usage.cache_read, usage.cache_write, usage.output, usage.reasoning),
        settlement.latency_us / 1e6,
        ttft_us / 1e6 if ttft_us else None,
    )
    if money is not None and money.baseline_nano is not None:
        metrics.reckoned(labels, settlement.cost_nano or 0, _lines(money, settlement))
    elif settlement.cost_nano:
        metrics.reckoned(labels, settlement.cost_nano)
    if settlement.losses:
        metrics.lost(labels, len(settlement.losses))


def _lines(money: Money, settlement: Settlement) -> tuple[int, int, int, int]:
    """Return the lines in the order of `telemetry/metrics.py`."""
    kept = settlement.saved_nano if settlement.cached_from else None
    return money.route_nano or 0, money.compression_nano or 0, kept or 0, money.prompt_cache_nano or 0
