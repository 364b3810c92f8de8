"""What is known of providers and models, from the fleet and from the price book."""

from decimal import Decimal

import pytest

from fakes import FakeClock
from llm_gateway.config.settings import ModelPrice, PriceAbove
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.stated_prices import stated_of
from llm_gateway.pipeline.knowledge import FleetKnowledge
from llm_gateway.pipeline.plan import Nature
from llm_gateway.providers.catalog import Kind, ProviderRow, Speaks
from llm_gateway.providers.discovery import ModelEntry
from llm_gateway.upstream.fleet import Member


def known() -> FleetKnowledge:
    kinds: dict[str, Kind] = {
        "ollama": "local",
        "demo": "builtin",
        "codex": "subscription",
        "openai": "hosted",
        "mine": "hosted",
    }
    members = {
        name: Member(ProviderRow(name, name, kind, {"chat": Speaks("/v1")}), "configured")
        for name, kind in kinds.items()
    }
    members["ollama"].entries = (ModelEntry("qwen", context_length=32_768), ModelEntry("llama"))
    members["openai"].entries = (ModelEntry("gpt-5", context_length=1234),)
    above = (PriceAbove(200_000, input=99, output=99),)
    stated = stated_of((ModelPrice("mine/m", input=1.5, output=4.5, above=above),))
    book = PriceBook(stated, {"openai": "https://api.openai.com/v1"})
    return FleetKnowledge(members, book, FakeClock())


@pytest.mark.parametrize(
    ("provider", "nature"),
    [
        ("ollama", "local"),
        ("demo", "local"),
        ("codex", "subscription"),
        ("openai", "hosted"),
        ("nobody", "hosted"),
    ],
)
def test_who_pays(provider: str, nature: Nature) -> None:
    assert known().nature(provider) == nature


def test_how_much_fits_is_what_the_provider_says_else_the_table() -> None:
    assert known().window("ollama", "qwen") == 32_768
    assert known().window("openai", "gpt-5") == 1234
    assert known().window("openai", "gpt-4o") == 128_000
    assert [known().window(name, "m") for name in ("nobody", "ollama", "mine")] == [0, 0, 0]


def test_a_price_is_that_of_three_quarters_in_and_one_out() -> None:
    assert known().price("mine", "m") == Decimal("2.25")
    assert known().price("openai", "gpt-5") == (3 * Decimal("1.25") + 10) / 4
    assert [known().price(name, "m") for name in ("ollama", "codex", "demo")] == [0, 0, 0]
    assert [known().price(name, "m") for name in ("nobody", "openai")] == [None, None]
