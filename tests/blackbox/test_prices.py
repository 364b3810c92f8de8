"""Prices from the outside: of a tier by what the answer says, and newer ones while the gateway runs."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from gateway_process import GatewayProcess, configuration
from llm_gateway.ledger.price_taking import taken, written
from scripted import ScriptedUpstream, Send, chat
from scripted.wording import response
from terminal import program

# A provider of the catalog is one that is to be paid, wherever it is.
PAID = """
[[providers]]
name = "openai"
base_url = "{url}"
dialects = ["chat"]
api_key_env = "SCRIPTED_API_KEY"
models = ["m"]
"""
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


def published(into: float) -> bytes:
    """Return a list of prices as genai-prices publishes it, for whatever answers on this machine."""
    flex = {"when": {"service_tier": "flex"}, "prices": {"input_mtok": into / 2}}
    model = {
        "id": "m",
        "match": {"equals": "m"},
        "prices": {"input_mtok": into, "output_mtok": 10},
        "price_variants": [flex],
    }
    provider = {"id": "here", "api_pattern": r"http://127\.0\.0\.1", "models": [model]}
    return json.dumps([provider]).encode()


def cost(gateway: GatewayProcess) -> str | None:
    reply = gateway.chat("openai/m")
    assert reply.status == 200
    return reply.header("x-llm-gateway-cost-usd")


def test_what_is_paid_follows_the_tier_and_newer_prices(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    home = tmp_path / "gateway"
    home.mkdir()
    (home / "prices.json").write_bytes(written("own", "1", taken(published(1))))
    config = configuration(upstream.url, more=PAID.format(url=upstream.url))
    with GatewayProcess(tmp_path, config) as gateway:
        upstream.on("m", chat.plain("m", usage=USAGE))
        assert cost(gateway) == "0.002"
        served = {**json.loads(chat.completion("m", usage=USAGE)), "service_tier": "flex"}
        upstream.on("m", (Send(response(200, json.dumps(served).encode())),))
        assert cost(gateway) == "0.0015", "a flexible request's input costs half"

        upstream.on("m", chat.plain("m", usage=USAGE))
        (tmp_path / "data.json").write_bytes(published(3))
        environ = {"LLM_GATEWAY_CONFIG": str(tmp_path / "gateway.toml")}
        done = program(home, "prices", "refresh", str(tmp_path / "data.json"), environ=environ)
        assert done.code == 0, done
        end = time.monotonic() + 20
        while (newest := cost(gateway)) != "0.004" and time.monotonic() < end:
            assert newest == "0.002"
            time.sleep(0.1)
        assert newest == "0.004", "it is gone by within seconds, without a restart"
    with closing(sqlite3.connect(gateway.database)) as database:
        cards = dict(database.execute("SELECT id, text FROM price_cards"))
        priced = database.execute(
            "SELECT DISTINCT tariff, cost_nano FROM turns ORDER BY cost_nano"
        ).fetchall()
    assert [nano for _, nano in priced] == [1_500_000, 2_000_000, 4_000_000]
    assert [json.loads(cards[card])["rates"]["input"][0][1] for card, _ in priced] == ["0.5", "1", "3"]
