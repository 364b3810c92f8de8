"""Counters of the running gateway: plain numbers while requests pass, Prometheus text when somebody asks.

Labels are bounded: past a number of combinations everything new is counted under `other`.
"""

import importlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from types import ModuleType

__all__ = ["METRICS", "Metrics"]

METRICS: dict[str, str] = {
    "llm_gateway_requests_total": "Requests that were accepted and have ended, by client, provider, model and outcome.",
    "llm_gateway_refused_total": "Requests that were refused before they were accepted, by kind of error.",
    "llm_gateway_tokens_total": "Tokens of ended requests, by client, provider, model and type.",
    "llm_gateway_request_duration_seconds": "Time from the request's arrival to the end of its answer.",
    "llm_gateway_time_to_first_token_seconds": "Time from the request's arrival to the first byte of its answer.",
    "llm_gateway_losses_total": "Things that a request said and its target could not be told.",
    "llm_gateway_inflight": "Requests that run now.",
    "llm_gateway_client_connections": "Open connections from clients.",
    "llm_gateway_upstream_connections": "Open connections to upstreams, resting ones included.",
    "llm_gateway_ledger_failing": "1 while turns cannot be recorded or applied, else 0.",
    "llm_gateway_uptime_seconds": "Time since the start.",
}

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_TYPES = ("input", "cache_read", "cache_write", "output", "reasoning")
_MOST = 500
_OTHER = ("other", "other", "other")

Labels = tuple[str, str, str]


class _Slot:
    """The numbers of one combination of client, provider and model."""

    __slots__ = ("duration", "duration_sum", "losses", "outcomes", "tokens", "ttft", "ttft_sum")

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.tokens = [0] * len(_TYPES)
        self.duration = [0] * (len(_SECONDS) + 1)
        self.duration_sum = 0.0
        self.ttft = [0] * (len(_SECONDS) + 1)
        self.ttft_sum = 0.0
        self.losses = 0


class Metrics:
    """Count what passes. `gauges` are read when somebody asks."""

    def __init__(self) -> None:
        self._slots: dict[Labels, _Slot] = {}
        self._refused: dict[str, int] = {}
        self._inflight = 0
        self.gauges: dict[str, Callable[[], float]] = {}

    @property
    def inflight(self) -> int:
        """How many requests run now."""
        return self._inflight

    def began(self) -> None:
        """Count a request in."""
        self._inflight += 1

    def refused(self, kind: str) -> None:
        """Count a request that was not accepted, by the kind of its error."""
        self._refused[kind] = self._refused.get(kind, 0) + 1

    def settled(
        self,
        labels: Labels,
        outcome: str,
        tokens: tuple[int, int, int, int, int],
        seconds: float,
        ttft: float | None,
    ) -> None:
        """Count a request out. `labels`: client, provider, model; `tokens`: uncached, read, written, output, reasoning."""
        self._inflight -= 1
        slot = self._slots.get(labels)
        if slot is None:
            slot = self._new(labels)
        slot.outcomes[outcome] = slot.outcomes.get(outcome, 0) + 1
        if tokens[3] or tokens[0]:
            sums = slot.tokens
            for kind, count in enumerate(tokens):
                sums[kind] += count
        slot.duration[bisect_left(_SECONDS, seconds)] += 1
        slot.duration_sum += seconds
        if ttft is not None:
            slot.ttft[bisect_left(_SECONDS, ttft)] += 1
            slot.ttft_sum += ttft

    def lost(self, labels: Labels, count: int) -> None:
        """Count losses of a request."""
        (self._slots.get(labels) or self._new(labels)).losses += count

    def render(self) -> bytes:
        """Return everything in Prometheus's text format."""
        # Imported when first asked for: it costs a fifth of a cold start, and most gateways are never scraped.
        core = importlib.import_module("prometheus_client.core")
        exposition = importlib.import_module("prometheus_client.exposition")
        registry = importlib.import_module("prometheus_client.registry").CollectorRegistry(
            auto_describe=False
        )
        registry.register(_Collector(self, core))
        text: bytes = exposition.generate_latest(registry)
        return text

    def _new(self, labels: Labels) -> _Slot:
        if len(self._slots) >= _MOST:
            labels = _OTHER
        return self._slots.setdefault(labels, _Slot())


class _Collector:
    """Show the numbers to the Prometheus library as its families."""

    def __init__(self, metrics: Metrics, core: ModuleType) -> None:
        self._metrics = metrics
        self._core = core

    def collect(self) -> Iterator[object]:
        """Yield every family."""
        yield from self._counters()
        yield from self._histograms()
        gauge = self._core.GaugeMetricFamily
        name = "llm_gateway_inflight"
        yield gauge(name, METRICS[name], value=self._metrics.inflight)
        for name, read in self._metrics.gauges.items():
            yield gauge(name, METRICS[name], value=read())

    def _counters(self) -> Iterator[object]:
        family = self._core.CounterMetricFamily
        labels = ["client", "provider", "model"]
        requests = family(*_named("requests_total"), labels=[*labels, "outcome"])
        tokens = family(*_named("tokens_total"), labels=[*labels, "type"])
        losses = family(*_named("losses_total"), labels=labels)
        for key, slot in self._metrics._slots.items():
            for outcome, count in slot.outcomes.items():
                requests.add_metric([*key, outcome], count)
            for kind, count in zip(_TYPES, slot.tokens, strict=True):
                tokens.add_metric([*key, kind], count)
            losses.add_metric(list(key), slot.losses)
        refused = family(*_named("refused_total"), labels=["kind"])
        for kind_name, count in self._metrics._refused.items():
            refused.add_metric([kind_name], count)
        yield from (requests, tokens, losses, refused)

    def _histograms(self) -> Iterator[object]:
        family = self._core.HistogramMetricFamily
        labels = ["client", "provider", "model"]
        duration = family(*_named("request_duration_seconds"), labels=labels)
        ttft = family(*_named("time_to_first_token_seconds"), labels=labels)
        for key, slot in self._metrics._slots.items():
            duration.add_metric(list(key), _buckets(slot.duration), slot.duration_sum)
            ttft.add_metric(list(key), _buckets(slot.ttft), slot.ttft_sum)
        yield from (duration, ttft)


def _named(name: str) -> tuple[str, str]:
    return f"llm_gateway_{name}", METRICS[f"llm_gateway_{name}"]


def _buckets(counts: list[int]) -> list[tuple[str, float]]:
    total = 0.0
    shown: list[tuple[str, float]] = []
    for bound, count in zip([*map(str, _SECONDS), "+Inf"], counts, strict=True):
        total += count
        shown.append((bound, total))
    return shown
