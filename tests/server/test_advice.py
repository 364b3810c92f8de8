"""Advice is given where figures show it, and nowhere else."""

from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.usage import Row
from llm_gateway.server.advice import advice


def row(client: str, provider: str, model: str, **sums: int) -> Row:
    return Row(0, (client, provider, model), Sums(requests=20, ok=20, **sums))


def told(*rows: Row) -> list[tuple[str, str]]:
    return [(each.kind, each.of) for each in advice(rows)]


def test_a_cache_that_is_written_and_never_read() -> None:
    """As in theopenco/llmgateway 3918: every request writes the cache, and none reads it."""
    (found,) = advice(
        [
            row(
                "claude-code",
                "anthropic",
                "opus",
                cache_write=600_000,
                cost_nano=9,
                prompt_cache_nano=-750_000_000,
            )
        ]
    )
    assert (found.kind, found.of) == ("cache_never_read", "claude-code")
    assert found.told == "wrote 600,000 tokens to the cache of anthropic and read 0 and lost $0.7500 by it"
    assert "cache marks off" in found.helps


def test_models_are_taken_together_as_their_client_sends_them() -> None:
    half = {"cache_write": 30_000, "cost_nano": 9}
    assert told(row("c", "p", "a", **half), row("c", "p", "b", **half)) == [("cache_never_read", "c")]
    assert told(row("c", "p", "a", **half), row("d", "p", "b", **half)) == []
    assert told(row("c", "p", "a", **half), row("c", "p", "b", cache_read=90_000, **half)) == []


def test_a_cache_that_is_read_or_hardly_written_is_no_reason() -> None:
    assert told(row("c", "p", "m", cache_write=600_000, cache_read=60_001, cost_nano=1)) == []
    assert told(row("c", "p", "m", cache_write=49_999, cost_nano=1)) == []
    few = Row(0, ("c", "p", "m"), Sums(requests=9, ok=9, cache_write=600_000, cost_nano=1))
    assert told(few) == []


def test_a_price_that_nobody_knows() -> None:
    (found,) = advice(
        [row("c", "newcomer", "m-1", unpriced=3, cost_nano=1), row("d", "newcomer", "m-1", unpriced=4)]
    )
    assert (found.kind, found.of) == ("price_unknown", "newcomer/m-1")
    assert found.told.startswith("7 answers have no known price") and 'model = "newcomer/m-1"' in found.helps


def test_a_local_model_without_a_reference() -> None:
    (found,) = advice([row("c", "ollama", "qwen", uncached=100, output=20)])
    assert (found.kind, found.of) == ("no_reference", "ollama/qwen")
    assert found.told.startswith("120 tokens that nobody bills") and '"ollama/qwen" = ' in found.helps
    assert told(row("c", "ollama", "qwen", uncached=100, baseline_nano=5, route_nano=5)) == []
    assert told(row("c", "demo", "echo", uncached=100)) == []
    assert told(row("c", "ollama", "qwen")) == [], "nothing was used"
    failed = Row(0, ("c", "ollama", "qwen"), Sums(requests=9, failed=9, uncached=100))
    assert told(failed) == []


def test_without_figures_there_is_nothing_to_say() -> None:
    assert advice([]) == []
