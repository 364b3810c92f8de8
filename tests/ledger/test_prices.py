"""What tokens cost, by the table and by the configuration."""

import hashlib
import json
from decimal import Decimal
from importlib.resources import files

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.prices import Price, PriceBook, Rate, cost, most

ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
    "night": "https://api.deepseek.com",
    "search": "https://api.perplexity.ai",
    "mine": "http://127.0.0.1:11434",
}
DAY = "2026-11-26"


def flat(*rates: str) -> Price:
    input_, output, read, write = (Rate(((0, Decimal(rate)),)) for rate in rates)
    return Price(input=input_, output=output, cache_read=read, cache_write=write)


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook({"mine/dear": flat("1", "2", "0", "0"), "work/*": flat("3", "4", "0", "0")}, ADDRESSES)


def test_the_table_says_what_it_was_made_from() -> None:
    raw = files("llm_gateway.ledger").joinpath("prices.json").read_bytes()
    table = json.loads(raw)
    body = raw[raw.index(b'"providers":') + len(b'"providers":') : raw.rindex(b"}")]
    assert table["sha256"] == hashlib.sha256(body).hexdigest()
    assert table["source"] == "genai-prices" and table["version"]


@pytest.mark.parametrize(
    ("provider", "model", "usage", "dollars"),
    [
        # From the vendors' price pages: 1.25 in, 0.125 cached, 10 out.
        ("openai", "gpt-5", Usage(uncached=800_000, cache_read=200_000, output=100_000), "2.025"),
        # 3 in, 3.75 written, 0.30 read, 15 out; all of it dearer above 200,000 tokens of input.
        (
            "anthropic",
            "claude-sonnet-4-5-20250929",
            Usage(uncached=1000, cache_read=10_000, cache_write=2000, output=500),
            "0.021",
        ),
        ("anthropic", "claude-sonnet-4-5", Usage(uncached=200_001, output=1), "1.2000285"),
        ("gemini", "gemini-2.5-pro", Usage(uncached=1_000, output=1_000), "0.01125"),
    ],
)
def test_a_usage_costs_what_the_vendor_says(
    book: PriceBook, provider: str, model: str, usage: Usage, dollars: str
) -> None:
    price = book.price(provider, model, DAY)
    assert price is not None and price.source.startswith("genai-prices ")
    assert cost(price, usage) == Decimal(dollars)


def test_what_holds_by_day_and_by_night_counts_as_the_dearer_one(book: PriceBook) -> None:
    price = book.price("night", "deepseek-chat", DAY)
    assert price is not None and price.output.at(0) == Decimal("1.10")


def test_a_request_can_cost_something_by_itself(book: PriceBook) -> None:
    price = book.price("search", "sonar", DAY)
    assert price is not None and cost(price, Usage()) == Decimal("0.012")


def test_a_price_holds_from_its_day_on(book: PriceBook) -> None:
    before, after = (book.price("openai", "o3", day) for day in ("2025-05-01", DAY))
    assert before is not None and after is not None
    assert before.input.at(0) > after.input.at(0)


def test_the_configuration_comes_first(book: PriceBook) -> None:
    assert book.price("mine", "dear", DAY) == flat("1", "2", "0", "0")
    assert book.price("work", "anything", DAY) == flat("3", "4", "0", "0")


@pytest.mark.parametrize(
    ("provider", "model"), [("mine", "llama"), ("openai", "nothing"), ("nobody", "gpt-5")]
)
def test_what_nobody_prices_has_no_price(book: PriceBook, provider: str, model: str) -> None:
    assert book.price(provider, model, DAY) is None


def test_the_table_knows_how_much_a_model_takes(book: PriceBook) -> None:
    assert book.window("openai", "gpt-5") == 400_000
    assert book.window("mine", "llama") is None


def test_no_usage_of_so_many_tokens_costs_more_than_the_most() -> None:
    price = flat("3", "15", "0.3", "3.75")
    for usage in (Usage(uncached=900, output=100), Usage(cache_write=900, output=100), Usage(cache_read=900)):
        assert cost(price, usage) <= most(price, 900, 100)
