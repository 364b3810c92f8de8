"""The export seen from outside: a real gateway and a real collector; and one that is gone."""

import json
import time
from pathlib import Path

from collector import Collector, attributes
from gateway_process import GatewayProcess, configuration
from rawhttp import RawClient, Reply, request
from scripted import ScriptedUpstream

PROMPT = "a prompt that is nobody's business"


def ask(gateway: GatewayProcess, model: str, *, stream: bool = False) -> Reply:
    said = [{"role": "user", "content": PROMPT}]
    body = json.dumps({"model": model, "messages": said, "stream": stream}).encode()
    with RawClient(gateway.port) as client:
        client.send(request("POST", "/v1/chat/completions", key=gateway.key, body=body))
        return client.read_reply()


def test_turns_arrive_at_the_collector_and_nothing_else_does(tmp_path: Path) -> None:
    headers = tmp_path / "headers"
    headers.write_text("authorization: Bearer for-the-collector\n")
    headers.chmod(0o600)
    with Collector() as collector, ScriptedUpstream() as upstream:
        otlp = f'[telemetry.otlp]\nendpoint = "{collector.url}"\nheaders_file = "{headers}"\n'
        config = configuration(upstream.url, models=["scripted-model", "gone"], more=otlp)
        surroundings = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_SERVICE_NAME": "my-gateway"}
        with GatewayProcess(tmp_path, config, environ=surroundings) as gateway:
            assert ask(gateway, "scripted/scripted-model", stream=True).status == 200
            assert ask(gateway, "nobody/has-this").status == 404
            collector.until(lambda each: len(each.spans) >= 3)
            assert ask(gateway, "scripted/scripted-model").status == 200
        collector.until(lambda each: len(each.spans) >= 5 and each.metrics)
    turns = [span for span in collector.spans if not span.parent_span_id]
    assert [span.name for span in turns] == [
        "chat scripted/scripted-model",
        "chat nobody/has-this",
        "chat scripted/scripted-model",
    ], "the last one at the end"
    first = attributes(turns[0].attributes)
    assert first["gen_ai.response.model"] == "scripted-model" and first["gen_ai.request.stream"] is True
    assert isinstance(first["gen_ai.usage.input_tokens"], int)
    missing = attributes(turns[1].attributes)
    assert missing["error.type"] and missing["http.response.status_code"] == 404
    (attempt, _) = [span for span in collector.spans if span.parent_span_id]
    assert attempt.parent_span_id == turns[0].span_id
    assert attributes(attempt.attributes)["server.port"] == upstream.port
    assert {str(each["service.name"]) for each in collector.resources} == {"my-gateway"}
    assert "gen_ai.client.operation.duration" in collector.metrics
    assert all(each["authorization"] == "Bearer for-the-collector" for each in collector.headers)
    sent = b"".join(collector.bodies)
    for secret in (PROMPT.encode(), gateway.key.encode(), b"sk-scripted-upstream"):
        assert secret not in sent


def test_a_collector_that_is_gone_delays_no_answer_and_no_end(tmp_path: Path) -> None:
    with Collector() as collector:
        url = collector.url
    with ScriptedUpstream() as upstream:
        config = configuration(upstream.url, more=f'[telemetry.otlp]\nendpoint = "{url}"\n')
        gateway = GatewayProcess(tmp_path, config, environ={"OTEL_BSP_SCHEDULE_DELAY": "50"})
        with gateway:
            for _ in range(50):
                before = time.monotonic()
                assert ask(gateway, "scripted/scripted-model").status == 200
                assert time.monotonic() - before < 5
            before = time.monotonic()
            assert gateway.stop() == 0
            assert time.monotonic() - before < 10
    written = gateway.stderr()
    assert "Transient error" not in written and "Traceback" not in written
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    told = [line["event"] for line in lines if "cannot be exported" in line["event"]]
    assert told.count("traces cannot be exported; their collector does not take them") <= 1
    assert len(told) <= 2
