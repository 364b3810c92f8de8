"""Counts come out as they went in, in Prometheus's own reading, and labels stay few."""

from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from llm_gateway.telemetry.metrics import LINES, METRICS, Metrics, reference

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
TURN = ("claude-code", "ollama", "qwen2.5:14b")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(metrics: Metrics) -> Samples:
    """Return every sample as Prometheus reads it."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"llm_gateway_{name}", frozenset(labels.items())))


def turn(labels: tuple[str, str, str] = TURN) -> dict[str, str]:
    return dict(zip(("client", "provider", "model"), labels, strict=True))


def test_a_turn_is_counted_once_in_each_place() -> None:
    metrics = Metrics()
    metrics.began()
    assert metrics.inflight == 1
    metrics.settled(TURN, "ok", (10, 20, 30, 40, 5), 0.3, 0.1)
    metrics.began()
    metrics.began()
    metrics.settled(TURN, "cancelled", (0, 7, 0, 0, 0), 400.0, None)
    samples = scraped(metrics)
    assert metrics.inflight == 1
    assert value(samples, "inflight") == 1
    assert value(samples, "requests_total", **turn(), outcome="ok") == 1
    assert value(samples, "requests_total", **turn(), outcome="cancelled") == 1
    for kind, count in (("uncached", 10), ("cache_read", 27), ("cache_write", 30), ("output", 40)):
        assert value(samples, "tokens_total", **turn(), type=kind) == count
    assert value(samples, "reasoning_tokens_total", **turn()) == 5
    where = {"provider": "ollama", "model": "qwen2.5:14b"}
    assert value(samples, "request_duration_seconds_count", **where) == 2
    assert value(samples, "request_duration_seconds_sum", **where) == 400.3
    assert value(samples, "request_duration_seconds_bucket", **where, le="0.25") == 0
    assert value(samples, "request_duration_seconds_bucket", **where, le="0.5") == 1
    assert value(samples, "request_duration_seconds_bucket", **where, le="300.0") == 1
    assert value(samples, "request_duration_seconds_bucket", **where, le="+Inf") == 2
    assert value(samples, "time_to_first_token_seconds_count", **where) == 1
    assert value(samples, "time_to_first_token_seconds_bucket", **where, le="0.1") == 1
    assert value(samples, "time_to_first_token_seconds_bucket", **where, le="0.05") == 0


def test_money_is_counted_by_who_it_was_for_and_by_line() -> None:
    metrics = Metrics()
    metrics.reckoned(TURN, 1_250_000_001)
    metrics.reckoned(TURN, 750_000_000, (5_000_000_000, 0, 0, -2_500_000_000))
    metrics.reckoned(TURN, 0, (0, 0, 0, -500_000_000))
    metrics.reckoned(("codex", "openai", "gpt"), 7)
    samples = scraped(metrics)
    assert value(samples, "cost_usd_total", **turn()) == 2.000000001
    assert value(samples, "cost_usd_total", client="codex", provider="openai", model="gpt") == 7e-9
    lines = {line: value(samples, "cost_lines_usd", **turn(), line=line) for line in LINES}
    assert lines == {"route": 5.0, "compression": None, "response_cache": None, "prompt_cache": -3.0}


def test_openmetrics_is_what_its_own_parser_takes() -> None:
    metrics = Metrics()
    metrics.began()
    metrics.settled(('a "quoted"\nclient\\', "p", "m"), "ok", (10, 20, 30, 40, 5), 0.3, 0.1)
    metrics.reckoned(('a "quoted"\nclient\\', "p", "m"), 3, (1, -2, 0, 0))
    metrics.gauges["llm_gateway_upstream_up"] = lambda: {"p": 1.0}
    metrics.gauges["llm_gateway_response_cache_hits_total"] = lambda: 3.0
    text = metrics.render(openmetrics=True).decode()
    assert text.endswith("\n# EOF\n")
    families = {family.name: family for family in openmetrics_families(text)}  # type: ignore[no-untyped-call]  # not typed there
    assert {"llm_gateway_requests", "llm_gateway_tokens", "llm_gateway_cost_usd"} <= families.keys()
    kinds = {f"{name}_total" if family.type == "counter" else name for name, family in families.items()}
    assert kinds <= METRICS.keys(), "everything that is told is in the table"
    (cost,) = families["llm_gateway_cost_usd"].samples
    assert (cost.name, cost.value) == ("llm_gateway_cost_usd_total", 3e-9)
    assert cost.labels["client"] == 'a "quoted"\nclient\\'


def test_times_are_summed_over_clients() -> None:
    metrics = Metrics()
    for client in ("a", "b", "c"):
        metrics.settled((client, "p", "m"), "ok", (1, 0, 0, 1, 0), 1.0, 0.5)
    samples = scraped(metrics)
    assert value(samples, "request_duration_seconds_count", provider="p", model="m") == 3
    assert value(samples, "request_duration_seconds_sum", provider="p", model="m") == 3.0
    assert value(samples, "requests_total", client="b", provider="p", model="m", outcome="ok") == 1


def test_refusals_and_losses() -> None:
    metrics = Metrics()
    metrics.refused("invalid_api_key")
    metrics.refused("invalid_api_key")
    metrics.refused("not_found")
    metrics.lost(TURN, 3)
    metrics.lost(TURN, 2)
    metrics.attempt_failed("openai", "upstream_status")
    samples = scraped(metrics)
    assert value(samples, "refused_total", kind="invalid_api_key") == 2
    assert value(samples, "refused_total", kind="not_found") == 1
    assert value(samples, "losses_total", **turn()) == 5
    assert value(samples, "failed_attempts_total", provider="openai", kind="upstream_status") == 1


def test_gauges_are_read_when_somebody_asks() -> None:
    metrics = Metrics()
    open_connections = [1, 2]
    metrics.gauges["llm_gateway_client_connections"] = lambda: len(open_connections)
    metrics.gauges["llm_gateway_upstream_up"] = lambda: {"ollama": 1, "openai": 0}
    open_connections.append(3)
    samples = scraped(metrics)
    assert value(samples, "client_connections") == 3
    assert value(samples, "upstream_up", provider="ollama") == 1
    assert value(samples, "upstream_up", provider="openai") == 0


def test_clients_and_models_without_end_do_not_grow_it_without_end() -> None:
    metrics = Metrics()
    metrics.settled(TURN, "ok", (1, 0, 0, 1, 0), 1.0, None)
    for number in range(3000):
        metrics.settled((f"client-{number}", "p", f"model-{number}"), "ok", (1, 0, 0, 0, 0), 1.0, None)
    metrics.settled(TURN, "ok", (1, 0, 0, 1, 0), 1.0, None)
    samples = scraped(metrics)
    requests = {
        labels: count for (name, labels), count in samples.items() if name == "llm_gateway_requests_total"
    }
    assert sum(requests.values()) == 3002
    assert len(requests) <= 1000
    assert len({dict(labels)["client"] for labels in requests}) <= 51
    assert len({dict(labels)["model"] for labels in requests}) <= 201
    assert value(samples, "requests_total", **turn(("other", "p", "other")), outcome="ok") is not None
    assert value(samples, "requests_total", **turn(), outcome="ok") == 2  # who came first keeps a name


def test_a_flood_of_clients_leaves_the_models_their_names() -> None:
    metrics = Metrics()
    for number in range(500):
        metrics.settled((f"client-{number}", "p", "m"), "ok", (1, 0, 0, 0, 0), 1.0, None)
    metrics.settled(("late", "p", "another"), "ok", (1, 0, 0, 0, 0), 1.0, None)
    assert value(scraped(metrics), "requests_total", **turn(("other", "p", "another")), outcome="ok") == 1


def test_combinations_are_bounded_too() -> None:
    metrics = Metrics()
    for client in range(50):
        for model in range(100):
            metrics.settled((f"c{client}", "p", f"m{model}"), "ok", (1, 0, 0, 0, 0), 1.0, None)
    requests = [name for name, _ in scraped(metrics) if name == "llm_gateway_requests_total"]
    assert len(requests) <= 1001


def test_hostile_labels_do_not_break_the_text() -> None:
    metrics = Metrics()
    metrics.settled(("a\nb", 'p"q', "m\\\ud800" + "x" * 5000), "ok", (1, 0, 0, 0, 0), 1.0, None)
    assert (
        value(
            scraped(metrics),
            "requests_total",
            client="a\nb",
            provider='p"q',
            model="m\\?" + "x" * 117,
            outcome="ok",
        )
        == 1
    )


def test_every_family_is_a_known_metric_of_its_kind_and_labels() -> None:
    metrics = Metrics()
    metrics.settled(TURN, "ok", (1, 1, 1, 1, 1), 1.0, 1.0)
    metrics.refused("not_found")
    metrics.lost(TURN, 1)
    metrics.attempt_failed("openai", "upstream_status")
    metrics.reckoned(TURN, 1, (1, 1, 1, 1))
    for name, metric in METRICS.items():
        if name == "llm_gateway_cost_lines_usd":
            continue
        if metric.kind == "gauge" or any(
            room in name for room in ("content", "cache", "compression")
        ):  # read when asked
            metrics.gauges[name] = (lambda: {"x": 1.0}) if metric.labels else (lambda: 1.0)
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        found[name] = (family.type, family.documentation, labels)
    assert found == {name: (metric.kind, metric.help, set(metric.labels)) for name, metric in METRICS.items()}


def test_names_follow_the_conventions() -> None:
    for name, metric in METRICS.items():
        assert name.startswith("llm_gateway_")
        assert name.endswith("_total") is (metric.kind == "counter")


def test_every_metric_is_documented() -> None:
    assert reference() in PAGE.read_text("utf-8"), "run `python scripts/docs.py`"
    for name in METRICS:
        assert f"| `{name}` |" in reference()
