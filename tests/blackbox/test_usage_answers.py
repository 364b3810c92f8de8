"""One amount, asked for everywhere: what a request cost is the same wherever a gateway is asked for it."""

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any  # JSON of many shapes, read by the tests that know them

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from gateway_process import TOKEN, GatewayProcess, configuration
from rawhttp import request
from scripted import ScriptedUpstream
from terminal import Terminal

# A provider of the catalog is one that is to be paid, wherever it is.
PAID = """
[[providers]]
name = "openai"
base_url = "{url}"
dialects = ["chat"]
api_key_env = "SCRIPTED_API_KEY"
models = ["m"]

[[prices.models]]
model = "openai/m"
input = 3
output = 15

[prices.reference]
"scripted/*" = "openai/m"

[[limits]]
scope = "global"
usd_per_month = 5
"""


@pytest.fixture
def gateway(tmp_path: Path, upstream: ScriptedUpstream) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path, configuration(upstream.url, more=PAID.format(url=upstream.url))) as gateway:
        yield gateway


def asked(gateway: GatewayProcess, path: str, accept: str = "*/*") -> str:
    with gateway.client() as client:
        client.send(request("GET", path, key=TOKEN, headers=(("accept", accept),)))
        reply = client.read_reply()
    assert reply.status == 200, reply
    return reply.body.decode()


def test_every_answer_is_the_same_amount(gateway: GatewayProcess, capsys: pytest.CaptureFixture[str]) -> None:
    costs = [Decimal(str(gateway.chat("openai/m").header("x-llm-gateway-cost-usd"))) for _ in range(3)]
    whole = sum(costs)
    assert whole > 0
    usage: dict[str, Any] = gateway.dashboard("usage?by=provider,model")
    assert [row["names"] for row in usage["rows"]] == [{"provider": "openai", "model": "m"}]
    assert usage["total"]["cost_nano"] == whole * 10**9 and usage["total"]["requests"] == 3
    savings: dict[str, Any] = gateway.dashboard("savings")
    assert savings["cost"]["nano"] == savings["cost_counted"]["nano"] == whole * 10**9
    assert savings["counted"] == 3 and savings["lines"][0]["prices"] == []
    rows = list(csv.DictReader(io.StringIO(asked(gateway, "/api/dashboard/export?format=csv"), newline="")))
    assert [Decimal(row["cost_usd"]) for row in rows] == costs
    assert {(row["confidence"], row["counted"], row["formula"]) for row in rows} == {
        ("high", "provider", "1")
    }
    metrics = asked(gateway, "/metrics", "application/openmetrics-text")
    families = {each.name: each for each in text_string_to_metric_families(metrics)}  # type: ignore[no-untyped-call]  # not typed there
    (sample,) = [each for each in families["llm_gateway_cost_usd"].samples if each.value]
    assert (sample.labels["provider"], Decimal(str(sample.value))) == ("openai", whole)
    (limit,) = json.loads(asked(gateway, "/api/dashboard/forecast"))["forecast"]
    assert Decimal(str(limit["used_usd"])) == whole and limit["method"].startswith("not enough history")
    line = Terminal(gateway.home / "gateway", capsys).ok("statusline").out
    assert f"${whole:.2f}" in line and line.startswith("gateway | today ")


def test_what_nobody_bills_is_worth_and_not_saved(gateway: GatewayProcess) -> None:
    assert gateway.chat("openai/m").status == 200
    assert gateway.chat("scripted/m").status == 200
    savings: dict[str, Any] = gateway.dashboard("savings?by=provider")
    shares = {share["names"]["provider"]: share for share in savings["shares"]}
    billed, free = shares["openai"], shares["scripted"]
    assert free["route"] == free["baseline"] == billed["cost"], "the same tokens at the same price"
    assert free["cost"]["nano"] == 0
    assert savings["equivalent"] == free["route"] and savings["avoided"]["nano"] == 0
    assert savings["confidence"]["low"] == free["route"], "the reference was chosen"
    metrics: dict[str, Any] = gateway.dashboard("request-metrics")
    assert metrics["estimated_api_cost_avoided"] == free["route"]["usd"] > 0
    assert "API-equivalent value $" in metrics["estimated_api_cost_avoided_basis"]


def test_a_wrong_question_is_answered_with_the_right_ones(gateway: GatewayProcess) -> None:
    reply = gateway.get("/api/dashboard/usage?by=colour", key=TOKEN)
    assert reply.status == 400 and b"is none of source, client, caller" in reply.body
