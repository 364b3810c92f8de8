"""The counters say what the ledger says, turn by turn, of turns of every kind."""

from prometheus_client.parser import text_string_to_metric_families

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.records import Intent, Settlement
from llm_gateway.pipeline.tally import tally
from llm_gateway.telemetry.metrics import Metrics
from turn_factory import generated


def counted(metrics: Metrics) -> dict[str, float]:
    """Return the sum of every metric over its labels; the kinds of tokens and the lines apart."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            name = sample.name.removeprefix("llm_gateway_")
            kind = sample.labels.get("line") or sample.labels.get("type") or ""
            sums[f"{name} {kind}".strip()] = sums.get(f"{name} {kind}".strip(), 0.0) + sample.value
    return sums


def test_counters_are_the_sums_of_the_turns() -> None:
    metrics = Metrics()
    ends: list[Settlement] = []
    for records in generated(1000):
        intents = {each.id: each for each in records if isinstance(each, Intent)}
        for end in (each for each in records if isinstance(each, Settlement)):
            metrics.began()
            tally(metrics, intents[end.id].client, end)
            ends.append(end)
    sums = counted(metrics)
    usages = [end.usage or Usage() for end in ends]
    assert sums["requests_total"] == len(ends) > 900 and metrics.inflight == 0
    assert sums["tokens_total uncached"] == sum(usage.uncached for usage in usages)
    assert sums["tokens_total cache_read"] == sum(usage.cache_read for usage in usages) > 0
    assert sums["tokens_total output"] == sum(usage.output for usage in usages)
    assert round(sums["cost_usd_total"] * 1e9) == sum(end.cost_nano or 0 for end in ends) > 0
    moneys = [end.money for end in ends if end.money is not None]
    kept = sum(end.saved_nano or 0 for end in ends if end.money is not None and end.money.baseline_nano)
    assert round(sums["cost_lines_usd route"] * 1e9) == sum(each.route_nano or 0 for each in moneys) > 0
    assert round(sums["cost_lines_usd compression"] * 1e9) == sum(
        each.compression_nano or 0 for each in moneys
    )
    assert round(sums["cost_lines_usd response_cache"] * 1e9) == kept > 0
    assert round(sums["cost_lines_usd prompt_cache"] * 1e9) == sum(
        each.prompt_cache_nano or 0 for each in moneys
    )


def test_losses_and_times_are_counted_too() -> None:
    metrics = Metrics()
    tally(
        metrics,
        "c",
        Settlement("1", "ok", 200, "", "p", "m", Usage(1), 2_000_000, 500_000, losses=("a", "b")),
    )
    tally(metrics, "c", Settlement("2", "error", 502, "x", "p", "m", None, 1_000_000, None))
    sums = counted(metrics)
    assert (sums["losses_total"], sums["request_duration_seconds_sum"]) == (2, 3.0)
    assert (sums["time_to_first_token_seconds_sum"], sums["time_to_first_token_seconds_count"]) == (0.5, 1)
    assert sums["cost_usd_total"] == 0.0
