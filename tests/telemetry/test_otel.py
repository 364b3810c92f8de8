"""What arrives at a real collector, decoded by the official messages; and a collector that is gone."""

import asyncio
import io
import json
import logging
import time

from collector import Collector, attributes
from fakes import FakeClock
from llm_gateway.telemetry.exporting import Exporter, Measures, SpanTold, Target, Told
from llm_gateway.telemetry.log import Log
from llm_gateway.telemetry.otel import MOST_WAITING, OtelExporter

NOON_NS = 1_764_244_800_000_000_000
ATTEMPTS = (
    SpanTold("chat m", NOON_NS, NOON_NS + 10, {"server.port": 443}, "upstream_status"),
    SpanTold("chat m", NOON_NS + 20, NOON_NS + 90, {"server.address": "a.example"}),
)
LABELS = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}
MEASURES = Measures(LABELS, 1.5, "", 1000, 20, 0.2, 0.25)
TOLD = Told(
    SpanTold(
        "chat m", NOON_NS, NOON_NS + 100, {"gen_ai.response.finish_reasons": ("stop",), "a": True, "b": 0.5}
    ),
    ATTEMPTS,
    MEASURES,
)


def exporting(
    url: str, *told: Told, signals: tuple[str, ...] = ("traces", "metrics")
) -> tuple[Exporter, str]:
    """Tell turns to an exporter and close it; return it, and what was logged."""
    written = io.StringIO()
    log = Log(FakeClock(), "info", written)
    targets = {signal: Target(f"{url}/v1/{signal}", {"authorization": "Bearer s3cret"}) for signal in signals}

    async def run() -> Exporter:
        exporter = OtelExporter(targets, log)
        for each in told:
            exporter.tell(each)
        await exporter.close()
        return exporter

    exporter = asyncio.run(run())
    log.close()
    return exporter, written.getvalue()


def shown(exporter: Exporter) -> dict[str, float]:
    return {name: read() for name, read in exporter.gauges().items()}


def test_a_turn_arrives_with_its_attempts() -> None:
    with Collector() as collector:
        exporter, logged = exporting(collector.url, TOLD)
    assert not logged
    turn = next(span for span in collector.spans if not span.parent_span_id)
    first, second = sorted(
        (span for span in collector.spans if span.parent_span_id), key=lambda span: span.start_time_unix_nano
    )
    assert len(collector.spans) == 3
    assert (turn.name, turn.kind, turn.status.code) == ("chat m", turn.SPAN_KIND_SERVER, 0)
    assert (turn.start_time_unix_nano, turn.end_time_unix_nano) == (NOON_NS, NOON_NS + 100)
    assert attributes(turn.attributes) == {"gen_ai.response.finish_reasons": ("stop",), "a": True, "b": 0.5}
    for span in (first, second):
        assert (span.parent_span_id, span.trace_id, span.kind) == (
            turn.span_id,
            turn.trace_id,
            span.SPAN_KIND_CLIENT,
        )
    assert (first.status.code, second.status.code) == (first.status.STATUS_CODE_ERROR, 0)
    assert attributes(second.attributes) == {"server.address": "a.example"}
    (resource, *_) = collector.resources
    assert resource["service.name"] == "llm-gateway" and resource["service.version"]
    assert all(each["authorization"] == "Bearer s3cret" for each in collector.headers)
    assert shown(exporter) == {"llm_gateway_traces_dropped": 0, "llm_gateway_spans_failed": 0}


def test_measures_arrive_in_the_buckets_that_the_conventions_advise() -> None:
    failed = Measures(LABELS, 3.0, "upstream_status")
    with Collector() as collector:
        exporting(collector.url, TOLD, Told(TOLD.turn, (), failed), Told(TOLD.turn, (), None))
    assert set(collector.metrics) == {
        "gen_ai.client.token.usage",
        "gen_ai.client.operation.duration",
        "gen_ai.server.time_to_first_token",
        "llm_gateway.cost",
    }
    tokens = collector.metrics["gen_ai.client.token.usage"]
    assert tokens.unit == "{token}"
    by_type = {
        attributes(each.attributes)["gen_ai.token.type"]: each for each in tokens.histogram.data_points
    }
    assert (by_type["input"].sum, by_type["output"].sum) == (1000, 20)
    assert list(by_type["input"].explicit_bounds)[:3] == [1, 4, 16]
    assert list(by_type["input"].explicit_bounds)[-1] == 67_108_864
    durations = collector.metrics["gen_ai.client.operation.duration"].histogram.data_points
    errors = {attributes(each.attributes).get("error.type"): each.sum for each in durations}
    assert errors == {None: 1.5, "upstream_status": 3.0}
    (cost,) = collector.metrics["llm_gateway.cost"].sum.data_points
    assert (cost.as_double, attributes(cost.attributes)) == (0.25, LABELS)


def test_one_kind_of_signal_alone() -> None:
    with Collector() as collector:
        exporting(collector.url, TOLD, signals=("traces",))
    assert collector.spans and not collector.metrics
    with Collector() as collector:
        exporting(collector.url, TOLD, signals=("metrics",))
    assert collector.metrics and not collector.spans


def test_a_collector_that_refuses_is_told_of_once() -> None:
    with Collector(status=400) as collector:
        exporter, logged = exporting(collector.url, *[TOLD] * 600)
    assert shown(exporter)["llm_gateway_spans_failed"] == 1800
    events = [json.loads(line)["event"] for line in logged.splitlines()]
    assert events == ["traces cannot be exported; their collector does not take them"]


def test_a_collector_that_is_gone_costs_bounded_memory_and_no_time() -> None:
    with Collector() as collector:
        url = collector.url
    before = time.monotonic()
    exporter, logged = exporting(url, *[TOLD] * 3000)
    assert time.monotonic() - before < 15
    assert shown(exporter)["llm_gateway_traces_dropped"] >= 3000 - MOST_WAITING // 3 - 200
    assert logged.count("\n") <= 2
    assert logging.getLogger("opentelemetry").propagate is False


def test_what_was_not_even_told_is_counted() -> None:
    with Collector() as collector:
        exporter, _ = exporting(collector.url, signals=("metrics",))
        exporter.missed(7)
    assert shown(exporter)["llm_gateway_traces_dropped"] == 7
