"""Telemetry from the outside: the official exporter and hand-made JSON; what it tells is on the dashboard."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from clients.otlp.told import CANARY, EXPORTS, STAMP, in_json
from gateway_process import GatewayProcess, configuration
from llm_gateway.server.client_views import ClientView
from scripted import ScriptedUpstream
from server_stage import home_files

SERVICE = {"service.name": "github-copilot", "host.name": CANARY, "process.command_args": [CANARY]}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with (
        ScriptedUpstream() as upstream,
        GatewayProcess(tmp_path_factory.mktemp("gateway"), configuration(upstream.url)) as gateway,
    ):
        yield gateway


class Telling(SpanExporter):
    """The official exporter, and how each of its exports went."""

    def __init__(self, gateway: GatewayProcess, key: str, compression: Compression) -> None:
        headers = {"x-llm-gateway-key": key}
        self._exporter = OTLPSpanExporter(
            f"{gateway.url}/v1/traces", headers=headers, compression=compression, timeout=5
        )
        self.results: list[SpanExportResult] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.results.append(self._exporter.export(spans))
        return self.results[-1]


def ask_a_model(telling: Telling) -> None:
    """Do as an instrumented program does that asks a model through an agent."""
    provider = TracerProvider(resource=Resource(SERVICE), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(telling))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("invoke_agent") as agent:
        with tracer.start_as_current_span("chat m") as call:
            call.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.input.messages": CANARY})
            call.set_attributes({"gen_ai.usage.input_tokens": 83, "gen_ai.usage.output_tokens": 4})
            call.add_event("said", {"text": CANARY})
        agent.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 83})
    provider.shutdown()


def seen(gateway: GatewayProcess, client: str) -> tuple[int, int]:
    """Return how many requests and tokens of a client are known to have passed by."""
    rows = msgspec.convert(gateway.dashboard("clients")["clients"], list[ClientView])
    coverage = next(row.coverage for row in rows if row.id == client)
    return coverage.seen_requests, coverage.seen_tokens


def test_the_official_exporter_is_understood(gateway: GatewayProcess) -> None:
    for compression, calls in ((Compression.NoCompression, 1), (Compression.Gzip, 2)):
        telling = Telling(gateway, gateway.key, compression)
        ask_a_model(telling)
        assert telling.results == [SpanExportResult.SUCCESS] * 2
        assert seen(gateway, "github-copilot") == (calls, calls * 87)
    assert CANARY.encode() not in home_files(gateway.home)
    assert CANARY not in gateway.stderr()


def test_the_official_exporter_understands_a_refusal(gateway: GatewayProcess) -> None:
    telling = Telling(gateway, "lgw_nobody", Compression.Gzip)
    ask_a_model(telling)
    assert telling.results == [SpanExportResult.FAILURE] * 2


def test_json_by_hand_is_counted_once(gateway: GatewayProcess) -> None:
    stamp = datetime.now(UTC).isoformat()
    _, export = EXPORTS["codex"]
    body = in_json(export).replace(STAMP.encode(), stamp.encode())
    headers = [("content-type", "application/json")]
    for path in ("/v1/logs", "/v1/logs", "/v1/v1/logs"):
        reply = gateway.post(path, body, headers=headers)
        assert (reply.status, reply.json()) == (200, {})
    assert seen(gateway, "codex-cli") == (1, 92)
    assert CANARY.encode() not in home_files(gateway.home)


def test_bytes_that_are_no_export_are_refused_in_their_own_encoding(gateway: GatewayProcess) -> None:
    for coding in ("json", "x-protobuf"):
        reply = gateway.post(
            "/v1/logs", b"\x07" + CANARY.encode(), headers=[("content-type", f"application/{coding}")]
        )
        assert (reply.status, reply.header("content-type")) == (400, f"application/{coding}")
        assert CANARY.encode() not in reply.body
    assert gateway.alive
