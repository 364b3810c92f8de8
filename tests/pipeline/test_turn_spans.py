"""What is told of turns by the conventions' names, and what is not; and their export while a gateway runs."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ledger_samples import NOON, intent, settlement, with_ledger
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.records import Attempt
from llm_gateway.pipeline.turn_spans import Export, address_in, told_of
from llm_gateway.providers.catalog import ProviderRow
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.telemetry.exporting import Told
from llm_gateway.upstream.client import Line
from llm_gateway.upstream.fleet import Member
from llm_gateway.vault import Secret


class Collected:
    """An exporter that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.missing = 0
        self.closed = False

    def tell(self, told: Told) -> None:
        self.told.append(told)

    def missed(self, count: int) -> None:
        self.missing += count

    def gauges(self) -> dict[str, Callable[[], float]]:
        return {"llm_gateway_traces_dropped": lambda: float(self.missing)}

    async def close(self) -> None:
        self.closed = True


def nowhere(provider: str, dialect: str) -> tuple[str, int] | None:
    return ("openai.example", 443) if (provider, dialect) == ("openai", "chat") else None


def test_a_turn_is_told_by_the_conventions_names() -> None:
    told = told_of(intent("turn_1", session="conv-1", label="title"), settlement("turn_1"), nowhere)
    assert told.turn.name == "chat fast"
    assert (told.turn.start_ns, told.turn.end_ns) == (NOON * 1000, NOON * 1000 + 12_345_000)
    assert told.turn.error == ""
    assert told.turn.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": "fast",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "qwen2.5:14b",
        "gen_ai.response.id": "chatcmpl-abc",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.002345,
        "gen_ai.conversation.id": "conv-1",
        "gen_ai.usage.input_tokens": 123,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 20,
        "gen_ai.usage.cache_creation.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 7,
        "http.response.status_code": 200,
        "llm_gateway.request.id": "turn_1",
        "llm_gateway.client": "codex-desktop",
        "llm_gateway.caller": "ada",
        "llm_gateway.dialect": "chat",
        "llm_gateway.provider": "ollama",
        "llm_gateway.outcome": "ok",
        "llm_gateway.purpose": "request",
        "llm_gateway.attempts": 2,
        "llm_gateway.cost.usd": 0.00125,
        "llm_gateway.label": "title",
    }


def test_attempts_are_told_with_where_they_went_and_what_came_of_them() -> None:
    told = told_of(intent("turn_1"), settlement("turn_1"), nowhere)
    first, second = told.attempts
    assert (first.name, first.error) == ("chat gpt", "upstream_status")
    assert first.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt",
        "llm_gateway.provider": "openai",
        "server.address": "openai.example",
        "server.port": 443,
        "http.response.status_code": 503,
        "error.type": "503",
    }
    assert second.start_ns == NOON * 1000 + 80_000 and second.end_ns == second.start_ns + 12_000_000
    assert second.attributes["llm_gateway.why"] == "it is local"
    assert "server.address" not in second.attributes


def test_measures_are_of_requests_and_of_what_providers_counted() -> None:
    measures = told_of(intent("turn_1"), settlement("turn_1"), nowhere).measures
    assert measures is not None
    assert measures.labels == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": "fast",
        "gen_ai.response.model": "qwen2.5:14b",
    }
    assert (measures.tokens_in, measures.tokens_out, measures.cost_usd) == (123, 50, 0.00125)
    assert (measures.seconds, measures.ttft_s) == (0.012345, 0.002345)
    guessed = settlement(
        "turn_1", usage=Usage(9, output=1, estimated=True), counted="bytes", error_permille=500
    )
    told = told_of(intent("turn_1"), guessed, nowhere)
    assert told.measures is not None and told.measures.tokens_in is None, "an estimate is no count"
    assert told.turn.attributes["gen_ai.usage.input_tokens"] == 9
    assert told.turn.attributes["llm_gateway.usage.counted"] == "bytes"
    assert told.turn.attributes["llm_gateway.usage.error"] == 0.5
    smoke = told_of(intent("turn_1", purpose="smoke"), settlement("turn_1"), nowhere)
    assert smoke.measures is None


@pytest.mark.parametrize(
    "changes, error, told_as",
    [
        ({"outcome": "error", "error_kind": "upstream_timeout"}, "upstream_timeout", "upstream_timeout"),
        ({"outcome": "truncated", "error_kind": ""}, "truncated", "truncated"),
        ({"outcome": "cancelled", "error_kind": "cancelled", "cost_nano": None}, "", "cancelled"),
    ],
)
def test_ends_that_are_not_well(changes: Mapping[str, object], error: str, told_as: str) -> None:
    told = told_of(intent("turn_1"), settlement("turn_1", **changes), nowhere)
    assert (told.turn.error, told.turn.attributes["error.type"]) == (error, told_as)
    assert told.measures is not None and told.measures.error == told_as


def test_a_turn_of_which_little_is_known() -> None:
    begun = intent("turn_1", model_asked="m" * 5000, provider="", model="", operation="images/generations")
    end = settlement("turn_1", provider="", model="", usage=None, ttft_us=None, attempts=(), http_status=0)
    told = told_of(begun, end, nowhere)
    assert told.turn.name == "images/generations " + "m" * 200
    assert told.turn.attributes["gen_ai.provider.name"] == "unknown"
    assert "gen_ai.response.model" not in told.turn.attributes and told.attempts == ()
    kept = told_of(begun, settlement("turn_1", cached_from="turn_0", tier="flex"), nowhere)
    assert kept.turn.attributes["llm_gateway.cached_from"] == "turn_0"
    assert kept.turn.attributes["llm_gateway.tier"] == "flex"
    assert kept.measures is not None and kept.measures.tokens_in is None


@pytest.mark.parametrize(("ours", "theirs"), [("gemini", "gcp.gemini"), ("xai", "x_ai"), ("mine", "mine")])
def test_providers_have_the_names_of_the_conventions(ours: str, theirs: str) -> None:
    end = settlement("turn_1", provider=ours, attempts=(Attempt(ours),))
    told = told_of(intent("turn_1"), end, nowhere)
    assert told.turn.attributes["gen_ai.provider.name"] == theirs
    assert told.attempts[0].attributes["gen_ai.provider.name"] == theirs


def test_turns_are_exported_as_they_end_and_the_last_ones_at_the_close(tmp_path: Path) -> None:
    collected = Collected()

    async def scene(ledger: Ledger) -> None:
        export = Export(collected, ledger, nowhere)
        assert export.gauges()["llm_gateway_traces_dropped"]() == 0
        running = asyncio.ensure_future(export.run())
        await asyncio.sleep(0)
        await ledger.begin(intent("turn_1"))
        await ledger.settle(settlement("turn_1"))
        await asyncio.sleep(0.05)
        assert [told.turn.attributes["llm_gateway.request.id"] for told in collected.told] == ["turn_1"]
        assert collected.told[0].attempts[0].attributes["server.port"] == 443
        for number in range(2000):
            await ledger.begin(intent(f"turn_{number}_more"))
            await ledger.settle(settlement(f"turn_{number}_more"))
        running.cancel()
        await export.close()
        assert collected.closed
        assert collected.missing == 4000 - 1024 and len(collected.told) == 1 + 512

    asyncio.run(with_ledger(tmp_path, scene))


def test_where_nothing_is_exported_nothing_happens(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        export = Export(None, ledger, nowhere)
        await export.run()
        await export.close()
        assert export.gauges() == {}

    assert not asyncio.run(with_ledger(tmp_path, scene))


def test_an_address_is_that_of_the_providers_endpoint() -> None:
    endpoint = Endpoint("openai", "chat", "https", "api.example", 443, "/v1", secret=Secret("sk-secret"))
    member = Member(ProviderRow("openai", "OpenAI", "hosted", {}), "configured", {"chat": Line(endpoint)})
    address = address_in(lambda: {"openai": member})
    assert address("openai", "chat") == ("api.example", 443)
    assert address("openai", "gemini") is None
    assert address("other", "chat") is None
