"""Exporting by OpenTelemetry's own library, in its threads: spans as they end, metrics once a minute.

Imported where an export is wanted, and nowhere else: it costs a fifth of a second and 20 MB. What waits to be
exported is bounded here, so that a collector that is gone costs memory for so many turns and one line of log.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from llm_gateway import __version__
from llm_gateway.telemetry.exporting import Measures, SpanTold, Target, Told
from llm_gateway.telemetry.log import Log

__all__ = ["MOST_WAITING", "OtelExporter"]

MOST_WAITING = 2048
"""Spans that may wait to be exported."""

_CLOSE_S = 3.0
_SCOPE = "llm_gateway"
# As the conventions advise (open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-metrics.md).
_TOKENS = tuple(4**power for power in range(14))
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TTFT = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


class _Outcome:
    """What has become of what was exported. It is told by the library's threads."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.made = 0
        self.done = 0
        self.failed = 0
        self._failing = False

    def took(self, what: str, count: int, *, well: bool) -> None:
        self.done += count
        if well:
            self._failing = False
            return
        self.failed += count
        if not self._failing:
            self._log.write("warning", f"{what} cannot be exported; their collector does not take them")
        self._failing = True


class _Spans(SpanExporter):
    def __init__(self, inner: SpanExporter, outcome: _Outcome) -> None:
        self._inner = inner
        self._outcome = outcome

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        self._outcome.took("traces", len(spans), well=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


class _Metrics(MetricExporter):
    def __init__(self, inner: OTLPMetricExporter, outcome: _Outcome) -> None:
        super().__init__()
        self._inner = inner
        self._outcome = outcome

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object
    ) -> MetricExportResult:
        result = self._inner.export(metrics_data, timeout_millis)
        self._outcome.took("metrics", 0, well=result is MetricExportResult.SUCCESS)
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        self._inner.shutdown(timeout_millis)


class OtelExporter:
    """Export turns to where `targets` say, by the name of the signal."""

    def __init__(self, targets: Mapping[str, Target], log: Log) -> None:
        quiet = logging.getLogger("opentelemetry")
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False  # it would write every failure to stderr, as a text of its own
        self._outcome = _Outcome(log)
        self._dropped = 0
        self._senders: list[OTLPSpanExporter | OTLPMetricExporter] = []
        ours = Resource.create({"service.name": "llm-gateway", "service.version": __version__})
        resource = ours.merge(OTELResourceDetector().detect())  # OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
        self._tracing: TracerProvider | None = None
        self._measuring: MeterProvider | None = None
        if (traces := targets.get("traces")) is not None:
            self._trace(traces, resource)
        if (metrics := targets.get("metrics")) is not None:
            self._measure(metrics, resource)

    def tell(self, told: Told) -> None:
        """Take a turn to be exported."""
        if self._tracing is not None:
            count = 1 + len(told.attempts)
            if self._outcome.made - self._outcome.done + count > MOST_WAITING:
                self._dropped += 1
            else:
                self._outcome.made += count
                self._span(told)
        if self._measuring is not None and told.measures is not None:
            self._record(told.measures)

    def missed(self, count: int) -> None:
        """Take note that so many turns were not even told."""
        self._dropped += count

    def gauges(self) -> dict[str, Callable[[], float]]:
        """Return what is to be shown of it, by the name of the metric."""
        return {
            "llm_gateway_traces_dropped": lambda: float(self._dropped),
            "llm_gateway_spans_failed": lambda: float(self._outcome.failed),
        }

    async def close(self) -> None:
        """Export what waits, if that can be done in a moment."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def close() -> None:
            for each in (self._tracing, self._measuring):
                if each is not None:
                    each.shutdown()
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

        # A thread that nobody waits for beyond that moment: a collector that hangs must not hold up the end.
        threading.Thread(target=close, name="export the rest", daemon=True).start()
        for patience in (_CLOSE_S, 1.0):
            try:
                async with asyncio.timeout(patience):
                    await done.wait()
                return
            except TimeoutError:
                for sender in self._senders:
                    sender.shutdown()  # ends the waiting between two tries

    def _trace(self, target: Target, resource: Resource) -> None:
        sender = OTLPSpanExporter(target.url, headers=target.headers, compression=Compression.Gzip)
        self._senders.append(sender)
        self._tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracing.add_span_processor(
            BatchSpanProcessor(_Spans(sender, self._outcome), max_queue_size=2 * MOST_WAITING)
        )
        self._tracer = self._tracing.get_tracer(_SCOPE, __version__)

    def _measure(self, target: Target, resource: Resource) -> None:
        sender = OTLPMetricExporter(target.url, headers=target.headers, compression=Compression.Gzip)
        self._senders.append(sender)
        reader = PeriodicExportingMetricReader(_Metrics(sender, self._outcome))
        self._measuring = MeterProvider([reader], resource, shutdown_on_exit=False)
        meter = self._measuring.get_meter(_SCOPE, __version__)
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens that were used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "How long requests took.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._ttft = meter.create_histogram(
            "gen_ai.server.time_to_first_token",
            "s",
            "Time to the first byte of an answer.",
            explicit_bucket_boundaries_advisory=_TTFT,
        )
        self._cost = meter.create_counter("llm_gateway.cost", "{USD}", "What requests cost.")

    def _span(self, told: Told) -> None:
        turn = self._tracer.start_span(
            told.turn.name,
            kind=SpanKind.SERVER,
            attributes=told.turn.attributes,
            start_time=told.turn.start_ns,
        )
        within = set_span_in_context(turn)
        for attempt in told.attempts:
            span = self._tracer.start_span(
                attempt.name,
                within,
                SpanKind.CLIENT,
                attempt.attributes,
                start_time=attempt.start_ns,
            )
            _end(span, attempt)
        _end(turn, told.turn)

    def _record(self, measures: Measures) -> None:
        labels = measures.labels
        if measures.tokens_in is not None:
            self._tokens.record(measures.tokens_in, {**labels, "gen_ai.token.type": "input"})
        if measures.tokens_out is not None:
            self._tokens.record(measures.tokens_out, {**labels, "gen_ai.token.type": "output"})
        timed = {**labels, "error.type": measures.error} if measures.error else labels
        self._duration.record(measures.seconds, timed)
        if measures.ttft_s is not None:
            self._ttft.record(measures.ttft_s, labels)
        if measures.cost_usd:
            self._cost.add(measures.cost_usd, labels)


def _end(span: Span, told: SpanTold) -> None:
    if told.error:
        span.set_status(Status(StatusCode.ERROR))
    span.end(told.end_ns)
