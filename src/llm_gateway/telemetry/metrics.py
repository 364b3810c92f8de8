"""Counters of the running gateway: plain numbers while requests pass, text for scrapers when somebody asks.

Labels are bounded: a client that is one too many is counted as `other`, and so is a model. Providers
come from the configuration. Nothing here knows what a request said.
"""

import importlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from types import ModuleType
from typing import Literal

import msgspec

__all__ = ["LINES", "METRICS", "Labels", "Metric", "Metrics", "Reading", "reference"]


class Metric(msgspec.Struct, frozen=True):
    """What one name stands for."""

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


_TURN = ("client", "provider", "model")

METRICS: dict[str, Metric] = {
    "llm_gateway_requests_total": Metric(
        "counter", "Requests that were accepted and have ended.", (*_TURN, "outcome")
    ),
    "llm_gateway_refused_total": Metric(
        "counter", "Requests that were refused before they were accepted, by kind of error.", ("kind",)
    ),
    "llm_gateway_failed_attempts_total": Metric(
        "counter",
        "Times that a target was asked in vain, by what came of it.",
        ("provider", "kind"),
    ),
    "llm_gateway_tokens_total": Metric(
        "counter",
        "Tokens of ended requests; the types (uncached, cache_read, cache_write, output) do not overlap.",
        (*_TURN, "type"),
    ),
    "llm_gateway_reasoning_tokens_total": Metric(
        "counter", "Those of the output tokens that were reasoning.", _TURN
    ),
    "llm_gateway_cost_usd_total": Metric(
        "counter",
        "What ended requests cost, in US dollars; those of which no price is known are not in it.",
        _TURN,
    ),
    "llm_gateway_cost_lines_usd": Metric(
        "gauge",
        "What of the cost was avoided since the start, in US dollars, by line (route, compression, "
        "response_cache, prompt_cache); a line falls where it cost more. See accounting.md.",
        (*_TURN, "line"),
    ),
    "llm_gateway_losses_total": Metric(
        "counter", "Things that requests said and their targets could not be told.", _TURN
    ),
    "llm_gateway_request_duration_seconds": Metric(
        "histogram", "Time from a request's arrival to the end of its answer.", ("provider", "model")
    ),
    "llm_gateway_time_to_first_token_seconds": Metric(
        "histogram", "Time from a request's arrival to the first byte of its answer.", ("provider", "model")
    ),
    "llm_gateway_inflight": Metric("gauge", "Requests that run now."),
    "llm_gateway_client_connections": Metric("gauge", "Open connections from clients."),
    "llm_gateway_upstream_connections": Metric(
        "gauge", "Open connections to upstreams, resting ones included."
    ),
    "llm_gateway_upstream_up": Metric(
        "gauge", "1 for a provider that answered when it was last asked, else 0.", ("provider",)
    ),
    "llm_gateway_circuit_open": Metric(
        "gauge", "1 for an endpoint that failed too often of late and is asked last, else 0.", ("endpoint",)
    ),
    "llm_gateway_ledger_failing": Metric("gauge", "1 while turns cannot be recorded or applied, else 0."),
    "llm_gateway_content_failing": Metric("gauge", "1 while content cannot be kept, else 0."),
    "llm_gateway_content_not_kept_total": Metric(
        "counter", "Answers that should have been kept and could not be."
    ),
    "llm_gateway_response_cache_hits_total": Metric("counter", "Requests that the response cache answered."),
    "llm_gateway_response_cache_misses_total": Metric(
        "counter", "Requests that asked the response cache in vain."
    ),
    "llm_gateway_response_cache_answers": Metric("gauge", "Answers that the response cache keeps."),
    "llm_gateway_response_cache_bytes": Metric("gauge", "Memory that the response cache's answers take."),
    "llm_gateway_compression_requests_total": Metric(
        "counter", "Requests that were sent with less said twice in results of tools."
    ),
    "llm_gateway_compression_results_total": Metric(
        "counter", "Results of tools that were sent so for the first time."
    ),
    "llm_gateway_compression_saved_bytes_total": Metric(
        "counter", "Bytes by which requests were sent shorter, each time that they were."
    ),
    "llm_gateway_compression_shadow_bytes_total": Metric(
        "counter", "Bytes by which requests would have been shorter that were only measured."
    ),
    "llm_gateway_compression_raw_total": Metric(
        "counter",
        "Requests with results of tools of which nothing, or nothing new, was sent shorter, by why: off, "
        "shadow, nothing (nothing was worth it), stopped (the provider's cache did not take to it); and "
        "results that were not: failed (did not come back), large (more than 2 MB was new), slow (20 ms were "
        "over).",
        ("why",),
    ),
    "llm_gateway_compression_seconds_total": Metric("counter", "Time that requests took to be compressed."),
    "llm_gateway_ledger_unrecorded": Metric(
        "gauge", "Records that are in memory alone, because neither journal nor database takes them."
    ),
    "llm_gateway_traces_dropped": Metric(
        "gauge", "Requests whose traces were not exported since the start, because too much waited."
    ),
    "llm_gateway_spans_failed": Metric("gauge", "Spans that their collector did not take since the start."),
    "llm_gateway_recounts_waiting": Metric(
        "gauge", "Requests that their providers did not count and that wait to be counted."
    ),
    "llm_gateway_recounts_dropped": Metric(
        "gauge", "Those that were not counted since the start, because too many waited: they keep a guess."
    ),
    "llm_gateway_uptime_seconds": Metric("gauge", "Time since the start."),
}

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_BOUNDS = (*(str(bound) for bound in _SECONDS), "+Inf")
_OTHER = "other"
_MOST_CLIENTS = 50
_MOST_MODELS = 200
_MOST_SLOTS = 1000
_LONGEST_LABEL = 120
_NANO = 1e9
_NO_LINES = (0, 0, 0, 0)

LINES = ("route", "compression", "response_cache", "prompt_cache")
"""The lines of what was avoided, in the order in which they are counted."""

Labels = tuple[str, str, str]
"""Client, provider, model."""

Reading = float | Mapping[str, float]
"""What a gauge shows now: one number, or one for each value of its label."""


class _Slot:
    """The numbers of one combination of client, provider and model."""

    __slots__ = (
        "cache_read",
        "cache_write",
        "cost",
        "duration",
        "duration_sum",
        "lines",
        "losses",
        "outcomes",
        "output",
        "reasoning",
        "ttft",
        "ttft_sum",
        "uncached",
    )

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.uncached = self.cache_read = self.cache_write = self.output = self.reasoning = 0
        self.duration = [0] * len(_BOUNDS)
        self.duration_sum = 0.0
        self.ttft = [0] * len(_BOUNDS)
        self.ttft_sum = 0.0
        self.losses = 0
        self.cost = 0
        self.lines: tuple[int, int, int, int] = _NO_LINES


class Metrics:
    """Count what passes. `gauges` maps a name of METRICS to what is read when somebody asks."""

    def __init__(self) -> None:
        self._slots: dict[Labels, _Slot] = {}
        self._clients: set[object] = set()
        self._models: set[object] = set()
        self._refused: dict[str, int] = {}
        self._failed_attempts: dict[tuple[str, ...], int] = {}
        self._inflight = 0
        self.gauges: dict[str, Callable[[], Reading]] = {"llm_gateway_inflight": lambda: self._inflight}

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

    def attempt_failed(self, provider: str, kind: str) -> None:
        """Count a time that a target was asked in vain."""
        key = (provider, kind)
        self._failed_attempts[key] = self._failed_attempts.get(key, 0) + 1

    def settled(
        self,
        labels: Labels,
        outcome: str,
        tokens: tuple[int, int, int, int, int],
        seconds: float,
        ttft: float | None,
    ) -> None:
        """Count a request out. `tokens`: uncached, read from a cache, written to it, output, reasoning."""
        self._inflight -= 1
        slot = self._slots.get(labels)
        if slot is None:
            slot = self._admit(labels)
        outcomes = slot.outcomes
        if outcome in outcomes:
            outcomes[outcome] += 1
        else:
            outcomes[outcome] = 1
        uncached, cache_read, cache_write, output, reasoning = tokens
        slot.uncached += uncached
        slot.output += output
        if cache_read or cache_write or reasoning:
            slot.cache_read += cache_read
            slot.cache_write += cache_write
            slot.reasoning += reasoning
        slot.duration[bisect_left(_SECONDS, seconds)] += 1
        slot.duration_sum += seconds
        if ttft is not None:
            slot.ttft[bisect_left(_SECONDS, ttft)] += 1
            slot.ttft_sum += ttft

    def lost(self, labels: Labels, count: int) -> None:
        """Count losses of a request."""
        (self._slots.get(labels) or self._admit(labels)).losses += count

    def reckoned(self, labels: Labels, cost: int, lines: tuple[int, int, int, int] = _NO_LINES) -> None:
        """Count what a request cost and what of it was avoided, by line (LINES), in nanodollars."""
        slot = self._slots.get(labels) or self._admit(labels)
        slot.cost += cost
        if lines is not _NO_LINES:
            a, b, c, d = slot.lines
            slot.lines = (a + lines[0], b + lines[1], c + lines[2], d + lines[3])

    def render(self, *, openmetrics: bool = False) -> bytes:
        """Return everything in Prometheus's text format, or in that of OpenMetrics 1.0."""
        # Imported when first asked for: a fifth of a cold start, and most gateways are never scraped.
        core = importlib.import_module("prometheus_client.core")
        exposition = importlib.import_module(
            "prometheus_client.openmetrics.exposition" if openmetrics else "prometheus_client.exposition"
        )
        registry = importlib.import_module("prometheus_client.registry")
        collector = registry.CollectorRegistry(auto_describe=False)
        counts: dict[str, dict[tuple[str, ...], int]] = {
            "refused_total": {(kind,): n for kind, n in self._refused.items()},
            "failed_attempts_total": {**self._failed_attempts},
        }
        collector.register(_Collector(core, self._slots, counts, self.gauges))
        text: bytes = exposition.generate_latest(collector)
        return text

    def _admit(self, labels: Labels) -> _Slot:
        """Return the slot of labels that are not known, which may be that of `other`.

        Clients name themselves and models come from requests: neither may grow this without end.
        """
        client, provider, model = (_shown(label) for label in labels)
        if not _admitted(client, self._clients, _MOST_CLIENTS):
            client = _OTHER
        if not _admitted((provider, model), self._models, _MOST_MODELS):
            model = _OTHER
        if len(self._slots) >= _MOST_SLOTS and (client, provider, model) not in self._slots:
            client = model = _OTHER
        return self._slots.setdefault((client, provider, model), _Slot())


def reference() -> str:
    """Return a Markdown table of every metric."""
    lines = ["| name | type | labels | what it is |", "| --- | --- | --- | --- |"]
    for name, metric in METRICS.items():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines)


class _Collector:
    """Show the numbers to the Prometheus library as its families."""

    def __init__(
        self,
        core: ModuleType,
        slots: Mapping[Labels, _Slot],
        counts: Mapping[str, Mapping[tuple[str, ...], int]],
        gauges: Mapping[str, Callable[[], Reading]],
    ) -> None:
        self._core = core
        self._slots = slots
        self._counts = counts
        self._gauges = gauges

    def collect(self) -> Iterator[object]:
        """Yield every family."""
        slots = self._slots.items()
        yield self._counter(
            "requests_total",
            (((*key, outcome), n) for key, slot in slots for outcome, n in slot.outcomes.items()),
        )
        for name, counted in self._counts.items():
            yield self._counter(name, counted.items())
        yield self._counter("tokens_total", (sample for key, slot in slots for sample in _tokens(key, slot)))
        yield self._counter("reasoning_tokens_total", ((key, slot.reasoning) for key, slot in slots))
        yield self._counter("cost_usd_total", ((key, slot.cost / _NANO) for key, slot in slots))
        yield self._lines()
        yield self._counter("losses_total", ((key, slot.losses) for key, slot in slots))
        yield from self._histograms()
        for name, read in self._gauges.items():
            yield self._gauge(name, read())

    def _counter(self, name: str, samples: Iterable[tuple[tuple[str, ...], float]]) -> object:
        metric = METRICS[f"llm_gateway_{name}"]
        family = self._core.CounterMetricFamily(f"llm_gateway_{name}", metric.help, labels=metric.labels)
        for labels, value in samples:
            family.add_metric(labels, value)
        return family

    def _lines(self) -> object:
        """Return the lines that there are; most turns have none."""
        metric = METRICS["llm_gateway_cost_lines_usd"]
        family = self._core.GaugeMetricFamily("llm_gateway_cost_lines_usd", metric.help, labels=metric.labels)
        for key, slot in self._slots.items():
            for line, amount in zip(LINES, slot.lines, strict=True):
                if amount:
                    family.add_metric((*key, line), amount / _NANO)
        return family

    def _histograms(self) -> Iterator[object]:
        """Yield the histograms, summed over clients: buckets are many, and who asked changes no latency."""
        for name, pick in (("request_duration_seconds", _duration), ("time_to_first_token_seconds", _ttft)):
            metric = METRICS[f"llm_gateway_{name}"]
            sums: dict[tuple[str, str], tuple[list[int], float]] = {}
            for (_, provider, model), slot in self._slots.items():
                known, known_sum = sums.get((provider, model), ([0] * len(_BOUNDS), 0.0))
                counts, seconds = pick(slot)
                added = [a + b for a, b in zip(known, counts, strict=True)]
                sums[provider, model] = added, known_sum + seconds
            family = self._core.HistogramMetricFamily(
                f"llm_gateway_{name}", metric.help, labels=metric.labels
            )
            for labels, (buckets, seconds) in sums.items():
                family.add_metric(labels, _cumulated(buckets), seconds)
            yield family

    def _gauge(self, name: str, reading: Reading) -> object:
        metric = METRICS[name]
        made = self._core.CounterMetricFamily if metric.kind == "counter" else self._core.GaugeMetricFamily
        family = made(name, metric.help, labels=metric.labels)
        if isinstance(reading, Mapping):
            for label, value in reading.items():
                family.add_metric((label,), value)
        else:
            family.add_metric((), reading)
        return family


def _duration(slot: _Slot) -> tuple[list[int], float]:
    return slot.duration, slot.duration_sum


def _ttft(slot: _Slot) -> tuple[list[int], float]:
    return slot.ttft, slot.ttft_sum


def _tokens(key: Labels, slot: _Slot) -> Iterator[tuple[tuple[str, ...], int]]:
    yield (*key, "uncached"), slot.uncached
    yield (*key, "cache_read"), slot.cache_read
    yield (*key, "cache_write"), slot.cache_write
    yield (*key, "output"), slot.output


def _cumulated(counts: list[int]) -> list[tuple[str, float]]:
    return list(zip(_BOUNDS, accumulate(counts), strict=True))


def _shown(label: str) -> str:
    """Return a label as it can be written: not too long, and without what UTF-8 has no bytes for."""
    return label[:_LONGEST_LABEL].encode("utf-8", "replace").decode()


def _admitted(value: object, known: set[object], most: int) -> bool:
    """Return whether a value may be a label: it is one already, or there is room for one more."""
    if value not in known and len(known) < most:
        known.add(value)
    return value in known
